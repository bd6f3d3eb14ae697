"""The user's wish for a format, and the answer where there is no such one."""

from __future__ import annotations

from collections.abc import Collection

from cdk_modelbuilder.errors import ModelError


def check_format(model_format: str | None, known: Collection[str], *, what: str, remedy: str) -> None:
    """Refuse a ``model_format`` that is not ``known``; None, no wish, always passes.

    Args:
        model_format: The wish.
        known: Names of formats.
        what: What would be saved, in the plural, such as ``XGBoost models``.
        remedy: What to give instead.

    Raises:
        ModelError: It is not known.
    """
    if model_format is not None and model_format not in known:
        raise no_such_format(model_format, what=what, remedy=remedy)


def no_such_format(model_format: str | None, *, what: str, remedy: str) -> ModelError:
    """The error for a format that ``what`` has not."""
    return ModelError(f"model_format {model_format!r} is not one that {what} are saved in.", remedy=remedy)
