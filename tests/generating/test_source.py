"""Expressions as source: they mean what they should, and the formatter has nothing to do."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.generating.source import WIDTH, Call, Code, source_of, text

TEXTS = st.text(st.characters(codec="utf-8"), max_size=60) | st.text("a\"'\\", max_size=9)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN, st.integers(0, 60))
def test_plain_data_comes_back(value, before):
    assert eval(source_of(value, before=before)) == value


@given(TEXTS)
def test_no_text_breaks_out_of_its_quotes(value):
    assert eval(text(value), {"__builtins__": {}}) == value
    assert "\n" not in text(value)


def test_calls_keep_their_arguments():
    call = Call("make.it", [Code("self"), "Key"], {"count": 2, "more": {"a": [1.5, None]}, "inner": Call("make.it")})
    made = []
    scope = {"self": "me", "make": SimpleNamespace(it=lambda *args, **kwargs: made.append((args, kwargs)))}
    eval(source_of(call), scope)
    assert made == [((), {}), (("me", "Key"), {"count": 2, "more": {"a": [1.5, None]}, "inner": None})]


def test_what_is_no_data_has_no_place():
    with pytest.raises(TypeError, match="set has no place in generated code"):
        source_of({1, 2})


CALLS = st.builds(lambda one, two, three: Call("a.b", [one], {"c": two, "d": three}), PLAIN, PLAIN, PLAIN)


@settings(max_examples=25, deadline=None)
@given(st.lists(PLAIN | CALLS, min_size=1, max_size=30))
def test_the_formatter_keeps_it(values):
    lines = [
        f"name{number} = {source_of(value, before=len(f'name{number} = '))}" for number, value in enumerate(values)
    ]
    module = "\n".join(lines) + "\n"
    done = subprocess.run(
        [sys.executable, "-m", "ruff", "format", "--isolated", "--diff", "-"],
        input=module,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_line_is_as_long_as_may_be_and_no_longer():
    longest = "x" * (WIDTH - len('f("")'))
    assert source_of(Call("f", [longest])) == f'f("{longest}")'
    assert source_of(Call("f", [longest + "x"])) == f'f(\n    "{longest}x",\n)'
