"""The optional parts of an InferenceSpec: called before anything is packed, or checked for the generated code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.spec import InferenceSpec

LONGEST_DELAY_MS = 10_000
"""SageMaker gives an invocation 60 s; who waits longer than this for company has misread the unit."""


def prepare(spec: InferenceSpec, artifacts: Path | None) -> None:
    """Have the spec get its files ready.

    Raises:
        ModelError: It failed.
    """
    if not _overrides(spec, "prepare"):
        return
    if artifacts is not None:
        artifacts.mkdir(parents=True, exist_ok=True)
    try:
        spec.prepare(None if artifacts is None else str(artifacts))
    except Exception as error:
        raise ModelError(
            f"{type(spec).__name__}.prepare() failed: {type(error).__name__}: {error}.",
            remedy="It runs on this machine before anything is packed; the traceback above shows where it stopped.",
        ) from error


def checked_model_id(spec: InferenceSpec) -> str | None:
    """What the spec's ``get_model()`` returns.

    Raises:
        ModelError: It is neither text nor None.
    """
    model_id = spec.get_model()
    if model_id is not None and (not isinstance(model_id, str) or not model_id.strip()):
        raise ModelError(
            f"{type(spec).__name__}.get_model() returned {model_id!r}.",
            remedy="Return an id as text, such as 'org/model', or None.",
        )
    return model_id


def checked_settings(spec: InferenceSpec) -> dict[str, Any]:
    """Values for ``inference_spec.py.jinja``: which optional hooks there are, and how requests are gathered.

    Raises:
        ModelError: A setting for batches is out of range.
    """
    size, delay = spec.max_batch_size, spec.max_batch_delay_ms
    if isinstance(size, bool) or not isinstance(size, int) or size < 1:
        raise ModelError(
            f"{type(spec).__name__}.max_batch_size is {size!r}.",
            remedy="Give a whole number from 1; 1 means that invoke() gets one request's input, not a list.",
        )
    if isinstance(delay, bool) or not isinstance(delay, int | float) or not 0 <= delay <= LONGEST_DELAY_MS:
        raise ModelError(
            f"{type(spec).__name__}.max_batch_delay_ms is {delay!r}.",
            remedy=f"Give milliseconds from 0 to {LONGEST_DELAY_MS}.",
        )
    return {
        "batch": {"max_batch_size": size, "max_batch_delay_ms": delay} if size > 1 else None,
        "postprocess": _overrides(spec, "postprocess"),
        "preprocess": _overrides(spec, "preprocess"),
    }


def _overrides(spec: InferenceSpec, method: str) -> bool:
    return getattr(type(spec), method) is not getattr(InferenceSpec, method)
