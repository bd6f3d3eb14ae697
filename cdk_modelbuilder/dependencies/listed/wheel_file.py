"""A wheel file on this machine that is listed by its path."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote, urlsplit

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags
from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from cdk_modelbuilder.dependencies.listed.requirement import GivenRequirement
from cdk_modelbuilder.dependencies.listed.text_file import is_file
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import UsageError

ARCHIVES = (".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar")
"""Endings that pip takes for a file."""

_PATH_WITH_EXTRAS = re.compile(r"(?P<path>.*?)\s*(?:\[(?P<extras>[^\]]*)\])?")
_VARIABLE = re.compile(r"\$\{([A-Z0-9_]+)\}")


def read_wheel_path(
    text: str, origin: str, environment: Mapping[str, str], folders: Sequence[Path]
) -> GivenRequirement:
    """The package in the wheel that ``text`` (a path or a ``file:`` address) names.

    Raises:
        UsageError: It names a folder or a source archive, no file is there, or the container cannot take the wheel.
    """
    found = _PATH_WITH_EXTRAS.fullmatch(text)
    assert found is not None
    written, inside = found["path"], found["extras"] or ""
    path = Path(expanded(path_of(written.partition("#")[0]), origin))
    if path.suffix.lower() != ".whl":
        raise _refusal(path, origin, written)
    wheel = next((place for place in (folder / path for folder in folders) if is_file(place)), None)
    if wheel is None:
        raise UsageError(
            f"{origin}: there is no wheel {written!r}.",
            remedy="Build it (python -m pip wheel --no-deps ...) or correct the path; it starts at the current folder.",
        )
    try:
        name, version, _, tags = parse_wheel_filename(wheel.name)
    except InvalidWheelFilename as error:
        raise UsageError(
            f"{origin}: {wheel.name!r} is no wheel's name: {error}.",
            remedy="Give the file the name that it was built with (name-version-python-abi-platform.whl).",
        ) from None
    if tags.isdisjoint(target_tags(environment)):
        raise UsageError(
            f"{origin}: {wheel.name} does not run in the container: it has Python {environment['python_version']} "
            f"on {environment['platform_machine']} Linux.",
            remedy="Build a wheel for that, or list the package by name and version.",
        )
    extras = {str(canonicalize_name(extra.strip())) for extra in inside.split(",") if extra.strip()}
    return GivenRequirement(
        str(name), "", origin, SpecifierSet(f"=={version}"), extras=tuple(sorted(extras)), wheel=wheel.resolve()
    )


def target_tags(environment: Mapping[str, str]) -> Iterator[Tag]:
    """The wheels that the container takes, the best first (PEP 425)."""
    target = Target(python=environment["python_version"], machine=environment["platform_machine"])
    major, minor = (int(part) for part in target.python.split(".")[:2])
    yield from cpython_tags((major, minor), platforms=target.pip_platforms)
    yield from compatible_tags((major, minor), f"cp{major}{minor}", target.pip_platforms)


def wheel_hash(wheel: Path) -> str:
    """``sha256:<hex>`` of the file."""
    with wheel.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def expanded(path: str, origin: str) -> str:
    """``path`` with ``${VARIABLE}`` replaced, as pip does it; a path of this machine is never written down.

    Raises:
        UsageError: There is no such variable.
    """

    def value(found: re.Match[str]) -> str:
        if not os.environ.get(found[1]):
            raise UsageError(
                f"{origin}: the environment has no variable {found[1]}, which {path!r} names.",
                remedy="Set it, or write the path without it.",
            )
        return os.environ[found[1]]

    return _VARIABLE.sub(value, path)


def path_of(text: str) -> str:
    """The path that a ``file:`` address names; any other text is one already."""
    return unquote(urlsplit(text).path) if text.lower().startswith("file:") else text


def _refusal(path: Path, origin: str, written: str) -> UsageError:
    if path.name.lower().endswith(ARCHIVES):
        return UsageError(
            f"{origin}: {written!r} is a source archive; the container could not build it.",
            remedy="Build a wheel of it (python -m pip wheel --no-deps ...) and list the wheel's path.",
        )
    return UsageError(
        f"{origin}: {written!r} is a folder of this machine, which the container does not have.",
        remedy="Leave the line out: a package that is installed here (even with -e) and imported by the model is "
        "captured and shipped by itself. Or build a wheel and list its path.",
    )
