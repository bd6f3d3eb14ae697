"""Renders ``templates/``: in the wheel they lie inside the package, in a checkout beside it."""

from __future__ import annotations

import math
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import jinja2


def templates_folder() -> Path:
    """Where the templates are."""
    package = Path(__file__).parent
    installed = package / "templates"
    return installed if installed.is_dir() else package.parent / "templates"


def render(template: str, **values: Any) -> str:
    """The text of ``template``; a value it lacks is an error.

    Args:
        template: A path below the templates folder, or ``package:path`` for one that another package brings.
        values: What the template names.
    """
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> jinja2.Environment:
    import jinja2  # noqa: PLC0415 - keeps `import cdk_modelbuilder` light

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_source),
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - Python source, not HTML; every value goes through the filter below
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["python"] = python_literal
    return environment


def _source(template: str) -> str | None:
    package, colon, path = template.rpartition(":")
    place = resources.files(package).joinpath(path) if colon else templates_folder() / path
    return place.read_text(encoding="utf-8") if place.is_file() else None


def python_literal(value: Any) -> str:
    r"""``value`` as Python source: plain data only, so that no text can break out of its quotes.

    >>> python_literal({"b": [1, None], "a": 'quote " me'})
    '{\'a\': \'quote " me\', \'b\': [1, None]}'
    """
    if isinstance(value, dict):
        return "{" + ", ".join(f"{python_literal(key)}: {python_literal(value[key])}" for key in sorted(value)) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(python_literal, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if value is None or isinstance(value, str | int | float | bool):
        return repr(value)
    raise TypeError(f"{type(value).__name__} has no place in generated code")
