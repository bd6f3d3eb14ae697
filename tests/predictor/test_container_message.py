"""The useful part of what containers say when they fail."""

from __future__ import annotations

import pytest

from cdk_modelbuilder.calling.container_message import container_message

TOOLKIT = """Traceback (most recent call last):
  File "/usr/lib/python3/site-packages/sagemaker_inference/transformer.py", line 142, in transform
    result = self._run_handler_function(self._transform_fn, *(self._model, input_data))
  File "/opt/ml/model/code/inference.py", line 12, in predict_fn
    raise ValueError("wrong shape")
ValueError: wrong shape
of the input
"""
CHAINED = "Traceback (most recent call last):\n  File a\nKeyError: 1\n\nDuring handling ...\n\n" + TOOLKIT


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"code": 400, "message": "expected 3 columns"}', "expected 3 columns"),
        (b'{"code": 400, "type": "InternalServerException", "message": "no [MASK] in it"}', "no [MASK] in it"),
        (b'{"detail": "not there"}', "not there"),
        (b'{"detail": [{"loc": ["body"], "msg": "field required"}]}', '[{"loc": ["body"], "msg": "field required"}]'),
        (b'{"error": "In[0] mismatch"}', "In[0] mismatch"),
        (b'{"error": {"message": "max_tokens is too large", "type": "BadRequestError"}}', "max_tokens is too large"),
        (TOOLKIT.encode(), "ValueError: wrong shape\nof the input"),
        (CHAINED.encode(), "ValueError: wrong shape\nof the input"),
        (b"prefix, then " + TOOLKIT.encode(), "ValueError: wrong shape\nof the input"),
        (b"Traceback (most recent call last):\n  File cut", "Traceback (most recent call last):\n  File cut"),
        (b"<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>", "502 Bad Gateway"),
        (b"<p>busy</p>", "busy"),
        (b'"in quotes"', "in quotes"),
        (b'{"message": "cut sho', '{"message": "cut sho'),
        (b"[1]", "[1]"),
        (b"\xff", "\N{REPLACEMENT CHARACTER}"),
        (b"", ""),
        (b"[" * 100_000, "[" * 1000 + " ..."),
    ],
)
def test_what_a_container_says(body, said):
    assert container_message(body) == said
    assert container_message(bytearray(body)) == said
