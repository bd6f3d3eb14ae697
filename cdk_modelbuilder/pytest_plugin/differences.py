"""Where two predictions differ, in lines that can be read."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from cdk_modelbuilder.golden import alike

_MOST = 10
_LONGEST = 80


def differences(found: Any, expected: Any) -> list[str]:
    """A line for each place where ``found`` is not ``expected``, the first ten; none where they are alike.

    What counts as alike is decided by :func:`cdk_modelbuilder.golden.alike` alone.
    """
    if alike(found, expected):
        return []
    lines = list(islice(_walk(found, expected, ""), _MOST + 1))
    if len(lines) > _MOST:
        lines = [*lines[:_MOST], "and more"]
    # Where the parts are alike one by one but the whole is not, the whole is shown.
    return lines or [_line("", found, expected)]


def _walk(found: Any, expected: Any, place: str) -> Iterator[str]:
    if alike(found, expected):
        return
    if dataclasses.is_dataclass(expected) and type(found) is type(expected):
        names = [field.name for field in dataclasses.fields(expected)]
        for name in names:
            yield from _walk(getattr(found, name), getattr(expected, name), f"{place}.{name}")
    elif isinstance(expected, Mapping) and isinstance(found, Mapping):
        yield from _in_mappings(found, expected, place)
    elif _is_table(expected) and _is_table(found):
        yield from _in_tables(found, expected, place)
    elif _is_sparse(expected) and _is_sparse(found):
        yield from _walk(found.toarray(), expected.toarray(), place)
    elif _is_array(expected) and _is_array(found):
        yield from _in_arrays(found, expected, place)
    elif isinstance(expected, list | tuple) and isinstance(found, list | tuple):
        yield from _in_sequences(found, expected, place)
    else:
        yield _line(place, found, expected)


def _in_mappings(found: Mapping[Any, Any], expected: Mapping[Any, Any], place: str) -> Iterator[str]:
    for key, value in expected.items():
        if key in found:
            yield from _walk(found[key], value, f"{place}[{key!r}]")
        else:
            yield f"{place or 'the answer'} has no {key!r}; expected {_short(value)}"
    for key in found:
        if key not in expected:
            yield f"{place or 'the answer'} has {key!r}, which is not expected: {_short(found[key])}"


def _in_sequences(found: Sequence[Any], expected: Sequence[Any], place: str) -> Iterator[str]:
    if len(found) != len(expected):
        yield f"{place or 'the answer'} has {len(found)} items instead of {len(expected)}"
    for number, (one, other) in enumerate(zip(found, expected, strict=False)):
        yield from _walk(one, other, f"{place}[{number}]")


def _in_arrays(found: Any, expected: Any, place: str) -> Iterator[str]:
    if found.shape != expected.shape:
        yield f"{place or 'the answer'} has shape {found.shape} instead of {expected.shape}"
        return
    if found.dtype != expected.dtype:
        yield f"{place or 'the answer'} has dtype {found.dtype} instead of {expected.dtype}"
    import numpy as np  # noqa: PLC0415 - loaded already

    for index in np.ndindex(expected.shape):
        one, other = found[index], expected[index]
        if not alike(one, other):
            position = ", ".join(map(str, index))
            yield _line(f"{place}[{position}]" if position else place, one, other)


def _in_tables(found: Any, expected: Any, place: str) -> Iterator[str]:
    names, wanted = list(found.columns), list(expected.columns)
    if names != wanted:
        yield f"{place or 'the answer'} has columns {_short(names)} instead of {_short(wanted)}"
        return
    if found.shape != expected.shape:
        yield f"{place or 'the answer'} has {found.shape[0]} rows instead of {expected.shape[0]}"
        return
    import numpy as np  # noqa: PLC0415 - loaded already

    for name in wanted:
        yield from _walk(np.asarray(found[name]), np.asarray(expected[name]), f"{place}[{name!r}]")


def _line(place: str, found: Any, expected: Any) -> str:
    by = ""
    if _is_number(found) and _is_number(expected):
        off = abs(found - expected)
        by = f" (off by {off:.3g}" + (f", {off / abs(expected):.2%})" if expected else ")")
    return f"{place or 'the answer'} is {_short(found)} instead of {_short(expected)}{by}"


def _is_number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or (
        hasattr(value, "dtype") and value.shape == () and value.dtype.kind in "iuf"
    )


def _is_array(value: Any) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "dtype") and bool(getattr(value, "shape", ()))


def _is_table(value: Any) -> bool:
    return hasattr(value, "columns") and hasattr(value, "shape")


def _is_sparse(value: Any) -> bool:
    return hasattr(value, "toarray")


def _short(value: Any) -> str:
    plain = value.item() if hasattr(value, "item") and getattr(value, "shape", None) == () else value
    text = " ".join(repr(plain).split())
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
