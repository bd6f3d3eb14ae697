"""Requirements files of a bundle: ``requirements.lock`` for review, ``code/requirements.txt`` for the container.

Both are files that pip takes as they are: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.index_options import check_index_options
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.resolution import as_requirement
from cdk_modelbuilder.errors import BundleError

HEADER = "# Every package that the model needs at run time, and why.\n"
WHEELS_FOLDER = "wheels"
"""The wheelhouse, beside the container's ``requirements.txt``."""
_OWN_WHEELS = ("--no-index", f"--find-links {WHEELS_FOLDER}")
_HASH = re.compile(r"\s--hash=(\S+)")


def lock_text(pins: Iterable[Pin]) -> str:
    """``requirements.lock``: one package a line, sorted, each with why it is there.

    pip wants hashes for all packages or for none, and a repository has none
    (https://pip.pypa.io/en/stable/topics/secure-installs/). So where one package lacks them, all lines go without, and
    the header says which package it is.
    """
    ordered = sorted(pins, key=lambda pin: pin.name)
    lines = [HEADER, *_missing_hashes(ordered)]
    lines += [f"{line}{_comment(pin.reason)}\n" for pin, line in zip(ordered, _lines(ordered), strict=True)]
    return "".join(lines)


def requirements_text(pins: Iterable[Pin], *, index_options: Sequence[str] = (), wheels: bool = False) -> str:
    """``code/requirements.txt``: what the container installs when it starts.

    Args:
        pins: The packages.
        index_options: Options of pip that say where packages come from, one a text, such as
            ``--index-url https://...``.
        wheels: They lie in the folder ``wheels`` beside the file, and no index is asked. pip resolves the relative path
            against the folder of the requirements file when it exists there.

    Raises:
        UsageError: An option names an address with a password, or is none that says where packages come from.
    """
    check_index_options(index_options)
    options = list(_OWN_WHEELS) if wheels else list(index_options)
    ordered = sorted(pins, key=lambda pin: pin.name)
    return "".join(f"{line}\n" for line in (*options, *_lines(ordered)))


def read_pins(text: str) -> list[Pin]:
    """The pins of a ``requirements.lock``, as :func:`lock_text` writes it.

    Raises:
        BundleError: A line is no requirement.
    """
    found: list[Pin] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        requirement, _, reason = line.partition("  # ")
        hashes = tuple(sorted(_HASH.findall(requirement)))
        requirement = _HASH.sub("", requirement).strip()
        try:
            name = canonicalize_name(Requirement(as_requirement(Pin("", requirement, ""))).name)
        except InvalidRequirement as error:
            raise BundleError(
                f"requirements.lock, line {number}: {requirement!r} is not a requirement: "
                f"{str(error).partition(chr(10))[0]}.",
                remedy="Restore the file from version control, or build again.",
            ) from None
        found.append(Pin(name, requirement, reason.strip(), hashes))
    return found


def index_options_of(text: str) -> list[str]:
    """The options of a container's ``requirements.txt`` that say where packages come from, but for its own wheels."""
    lines = [line.strip() for line in text.splitlines() if line.startswith("-") and not line.startswith("-e ")]
    return [line for line in lines if line not in _OWN_WHEELS]


def _lines(pins: Sequence[Pin]) -> list[str]:
    hashed = all(pin.hashes for pin in pins)
    return [
        pin.requirement + ("".join(f" --hash={one}" for one in sorted(pin.hashes)) if hashed else "") for pin in pins
    ]


def _missing_hashes(pins: Sequence[Pin]) -> list[str]:
    without = [pin.name for pin in pins if not pin.hashes]
    if not without or len(without) == len(pins):
        return []
    return [f"# Without hashes, because these have none: {', '.join(without)}.\n"]


def _comment(reason: str) -> str:
    """The end of a line. A backslash there would join the next line to the comment, and its package would be lost."""
    text = " ".join(reason.split()).rstrip("\\ ")
    return f"  # {text}" if text else ""
