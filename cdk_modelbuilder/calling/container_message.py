"""The useful part of an error that a container answers with.

Every server words it in its own way: ours and Multi Model Server send JSON with a ``message``, FastAPI a ``detail``,
TensorFlow Serving and the text servers an ``error``, AWS's toolkits a Python traceback as text, proxies a web page.
"""

from __future__ import annotations

import json
import re
from typing import Any

_LONGEST = 1000
_FIELDS = ("message", "Message", "detail", "error", "errorMessage")


def container_message(body: bytes | bytearray | str) -> str:
    """What ``body`` says, in at most a thousand characters; empty if it says nothing.

    >>> container_message(b'{"code": 400, "message": "expected 3 columns, got 2"}')
    'expected 3 columns, got 2'
    """
    text = body if isinstance(body, str) else body.decode("utf-8", errors="replace")
    text = text.strip()
    try:
        said = _from_json(json.loads(text))
    except (ValueError, RecursionError):
        said = None
    if said is None:
        said = _from_page(text) if text.startswith("<") else _from_traceback(text)
    return said if len(said) <= _LONGEST else said[:_LONGEST].rstrip() + " ..."


def as_sentence(text: str) -> str:
    """``text`` with a full stop, for what is followed by a remedy."""
    return text if text.endswith((".", "!", "?", ":")) else text + "."


def _from_json(value: Any) -> str | None:
    if isinstance(value, str):
        return _from_traceback(value.strip())
    if not isinstance(value, dict):
        return None
    for field in _FIELDS:
        if field in value:
            inner = value[field]
            return _from_json(inner) or (json.dumps(inner) if inner is not None else None)
    return None


def _from_traceback(text: str) -> str:
    """The exception that ends a traceback: what follows the last indented line of its last stack."""
    if "Traceback (most recent call last):" not in text:
        return text
    lines = text.rpartition("Traceback (most recent call last):")[2].strip("\n").splitlines()
    stack_end = next((i for i, line in enumerate(lines) if line and not line[0].isspace()), None)
    return text if stack_end is None else "\n".join(lines[stack_end:]).strip()


def _from_page(text: str) -> str:
    title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    return (title.group(1) if title else re.sub(r"<[^>]*>", " ", text)).strip()
