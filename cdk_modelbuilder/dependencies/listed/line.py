"""One requirement, as pip takes it: a name with versions, an address, or a wheel file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from packaging.markers import InvalidMarker, Marker, UndefinedComparison, UndefinedEnvironmentName
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import (
    InvalidSdistFilename,
    InvalidWheelFilename,
    canonicalize_name,
    parse_sdist_filename,
    parse_wheel_filename,
)

from cdk_modelbuilder.dependencies.listed.reference import SCHEME, read_reference, shown
from cdk_modelbuilder.dependencies.listed.requirement import GivenRequirement
from cdk_modelbuilder.dependencies.listed.wheel_file import ARCHIVES, read_wheel_path
from cdk_modelbuilder.errors import UsageError

_SCP = re.compile(r"(?:[\w.\[\],-]+\s*@\s*)?git\+[^/:]+@[^/:]+:")
_ONLY_AT_RUN_TIME = ("platform_release", "platform_version")  # the kernel's
_AS_PIP_TAKES_IT = "Write it as pip takes it, such as 'numpy==2.1.0' or 'name @ git+https://host/path@<commit>'."


def read_line(
    text: str,
    origin: str,
    *,
    environment: Mapping[str, str],
    folders: Sequence[Path] = (),
    is_editable: bool = False,
) -> GivenRequirement | None:
    """One requirement; None if its marker does not hold in the container.

    Args:
        text: Without comment and options.
        origin: Its place, for messages and for the reason of a pin.
        environment: Values of markers in the container.
        folders: Where relative paths start, the first in which there is such a file.
        is_editable: ``-e`` stood before it.

    Raises:
        UsageError: It is no requirement, or one that cannot be kept (a branch, credentials, a folder).
    """
    text = text.strip()
    if _SCP.match(text):
        raise UsageError(
            f"{origin}: {shown(text)} has an address that pip does not take.",
            remedy="Write git+ssh://git@host/path@<commit>, with a slash in place of the colon.",
        )
    if text.startswith("-"):
        raise UsageError(f"{origin}: {shown(text)} is not a requirement.", remedy=_AS_PIP_TAKES_IT)
    if is_direct(text):
        address, marker = _split_marker(text, origin)
        if marker is not None and not holds(marker, environment, text, origin):
            return None
        if SCHEME.match(address) and not address.lower().startswith("file:"):
            given = _of_address(address, origin)
        else:
            given = read_wheel_path(address, origin, environment, folders)
    else:
        parsed = _parsed(text, origin)
        marker = parsed.marker
        if marker is not None and not holds(marker, environment, text, origin):
            return None
        given = _of_requirement(parsed, origin, environment, folders)
    if is_editable and given.url is None:
        raise UsageError(
            f"{origin}: {shown('-e ' + text)} is neither a repository nor a folder, so it cannot be editable.",
            remedy="Leave out -e.",
        )
    return replace(given, text=f"-e {text}" if is_editable else text, marker=marker, is_editable=is_editable)


def is_direct(text: str) -> bool:
    """Whether pip looks for an address or a file, not for a name (``pip._internal.req.constructors``)."""
    if SCHEME.match(text) or text.startswith("."):
        return True
    bare = text.partition(";")[0].partition("[")[0].rstrip()
    before, at, _ = bare.partition("@")
    looks_like_path = "/" in (before if at else bare) or "\\" in (before if at else bare)
    return looks_like_path or (not at and bare.lower().endswith(ARCHIVES) and "=" not in bare)


def holds(marker: Marker, environment: Mapping[str, str], text: str, origin: str) -> bool:
    """Whether ``marker`` holds in the container.

    Raises:
        UsageError: It asks for something that is not known before the container runs.
    """
    unknown = [name for name in _ONLY_AT_RUN_TIME if name in str(marker)]
    try:
        if not unknown:
            return marker.evaluate(environment, context="requirement")
    except (UndefinedComparison, UndefinedEnvironmentName, ValueError) as error:
        unknown = [str(error)]
    raise UsageError(
        f"{origin}: whether {shown(text)} holds in the container is not known ({unknown[0]}).",
        remedy="Use python_version, sys_platform or platform_machine in the condition.",
    )


def _parsed(text: str, origin: str) -> Requirement:
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        because = str(error).partition("\n")[0].rstrip(".:")
        because = "" if "://" in because else f" ({because})"  # it may repeat an address, secrets and all
        raise UsageError(f"{origin}: {shown(text)} is not a requirement{because}.", remedy=_AS_PIP_TAKES_IT) from None


def _of_requirement(
    parsed: Requirement, origin: str, environment: Mapping[str, str], folders: Sequence[Path]
) -> GivenRequirement:
    name, extras = canonicalize_name(parsed.name), _normalized(parsed.extras)
    if parsed.url is None:
        return GivenRequirement(name, "", origin, parsed.specifier, extras)
    if SCHEME.match(parsed.url) and not parsed.url.lower().startswith("file:"):
        reference = read_reference(parsed.url, origin)
        _check_same_name(name, reference.egg.partition("[")[0], parsed.url, origin)
        return GivenRequirement(name, "", origin, extras=extras, url=reference.url)
    given = read_wheel_path(parsed.url, origin, environment, folders)
    _check_same_name(name, given.name, parsed.url, origin)
    return replace(given, extras=extras)


def _of_address(address: str, origin: str) -> GivenRequirement:
    """An address without a name before it: the name stands after ``#egg=``, or in the file's name."""
    reference = read_reference(address, origin)
    if reference.egg:
        try:
            egg = Requirement(reference.egg)
        except InvalidRequirement:
            egg = None
        if egg is None or egg.url is not None or egg.marker is not None or egg.specifier:
            raise UsageError(
                f"{origin}: {shown(address)} has no name after #egg=, but {reference.egg!r}.",
                remedy="Write it as 'name @ address'.",
            )
        return GivenRequirement(
            canonicalize_name(egg.name), "", origin, extras=_normalized(egg.extras), url=reference.url
        )
    name = None if reference.is_vcs else _name_in(reference.file_name)
    if name is None:
        raise UsageError(
            f"{origin}: {shown(address)} does not say which package it is.", remedy="Write it as 'name @ address'."
        )
    return GivenRequirement(name, "", origin, url=reference.url)


def _name_in(file_name: str) -> str | None:
    try:
        if file_name.endswith(".whl"):
            return str(parse_wheel_filename(file_name)[0])
        return str(parse_sdist_filename(file_name)[0])
    except (InvalidWheelFilename, InvalidSdistFilename):
        return None


def _check_same_name(name: str, other: str, url: str, origin: str) -> None:
    if other and canonicalize_name(other) != name:
        raise UsageError(
            f"{origin}: {shown(url)} is {canonicalize_name(other)}, and it is called {name} there.",
            remedy="Correct one of the two names.",
        )


def _split_marker(text: str, origin: str) -> tuple[str, Marker | None]:
    # As pip does it: a semicolon may be a part of an address, unless a space follows.
    address, semicolon, condition = text.partition("; " if SCHEME.match(text) else ";")
    if not semicolon:
        return text.strip(), None
    try:
        return address.strip(), Marker(condition.strip())
    except InvalidMarker:
        raise UsageError(
            f"{origin}: {condition.strip()!r} is no condition.",
            remedy="Write one such as ; python_version < '3.12' (PEP 508), or leave it out.",
        ) from None


def _normalized(extras: set[str]) -> tuple[str, ...]:
    return tuple(sorted({str(canonicalize_name(extra)) for extra in extras}))
