"""Whether a wheel runs on the container's Python and platform, by the tags in its name (PEP 425)."""

from __future__ import annotations

from functools import cache

from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from cdk_modelbuilder.dependencies.target import Target


def fits(file_name: str, target: Target) -> bool:
    """Whether the wheel called ``file_name`` can be installed on ``target``; False for what is no wheel's name.

    >>> fits("six-1.17.0-py2.py3-none-any.whl", Target("3.12"))
    True
    >>> fits("numpy-2.4.6-cp311-cp311-manylinux_2_27_x86_64.whl", Target("3.12"))
    False
    """
    try:
        tags = parse_wheel_filename(file_name)[3]
    except InvalidWheelFilename:
        return False
    return not tags.isdisjoint(_tags(target.python, target.pip_platforms))


def is_pure(file_name: str) -> bool:
    """Whether the wheel holds no machine code.

    >>> is_pure("six-1.17.0-py2.py3-none-any.whl")
    True
    """
    return file_name.endswith("-none-any.whl")


@cache
def _tags(python: str, platforms: tuple[str, ...]) -> frozenset[Tag]:
    major, _, minor = python.partition(".")
    version = (int(major), int(minor))
    interpreter = f"cp{major}{minor}"
    own = cpython_tags(version, abis=[interpreter], platforms=platforms)
    return frozenset([*own, *compatible_tags(version, interpreter, platforms)])
