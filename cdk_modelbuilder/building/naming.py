"""What a bundle is called: what may be a name, and the one that is taken where none was given."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any

_NAME = re.compile(r"[a-zA-Z0-9](-?[a-zA-Z0-9]){0,62}")
_WORD_ENDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_SUFFIXES = re.compile(r"(?<=.)(\.[a-z][a-z0-9]{0,9})+$")
_LONGEST = 63


def is_name(text: str) -> bool:
    """Whether a bundle may be called so: up to 63 letters, digits and single hyphens between them."""
    return _NAME.fullmatch(text) is not None


def default_name(source: Any, image_uri: str | None) -> str:
    """The name of a bundle that was given none: what the model is called, else its class.

    >>> default_name("s3://models/churn-v3.tar.gz", None), default_name("org/Tiny_Llama-1.1@main", None)
    ('churn-v3', 'tiny-llama-1-1')

    Args:
        source: The model, its path or address, or an InferenceSpec; None where the image holds the model.
        image_uri: That image.
    """
    if source is None:
        text = (image_uri or "model").rpartition("/")[2].partition("@")[0].partition(":")[0]
    elif isinstance(source, str | PurePath):
        text = str(source).rstrip("/").rpartition("@")[0] or str(source).rstrip("/")
        text = _SUFFIXES.sub("", re.split(r"[/\\:]", text)[-1])
    else:
        text = type(source).__name__
    words = re.sub(r"[^a-zA-Z0-9]+", "-", _WORD_ENDS.sub("-", text)).strip("-").lower()
    return words[:_LONGEST].strip("-") or "model"
