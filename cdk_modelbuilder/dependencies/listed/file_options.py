"""The options that a line of a requirements file may hold (https://pip.pypa.io, "Requirements File Format")."""

from __future__ import annotations

import optparse
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from cdk_modelbuilder.dependencies.listed.reference import SCHEME, check_no_credentials, redacted, shown
from cdk_modelbuilder.dependencies.listed.wheel_file import expanded, path_of
from cdk_modelbuilder.errors import UsageError

_HASH_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_HASH = re.compile(r"(\w+):([0-9a-f]+)")
_LISTS = {  # as pip spells them; each may be there several times
    "requirements": ("-r", "--requirement"),
    "constraints": ("-c", "--constraint"),
    "editables": ("-e", "--editable"),
    "hashes": ("--hash",),
    "config_settings": ("-C", "--config-setting", "--config-settings"),
    "index_urls": ("-i", "--index-url", "--pypi-url"),
    "extra_index_urls": ("--extra-index-url",),
    "find_links": ("-f", "--find-links"),
    "no_binary": ("--no-binary",),
    "only_binary": ("--only-binary",),
    "trusted_hosts": ("--trusted-host",),
    "all_releases": ("--all-releases",),
    "only_final": ("--only-final",),
    "features": ("--use-feature",),
}
_SWITCHES = {
    "no_index": "--no-index",
    "pre": "--pre",
    "prefer_binary": "--prefer-binary",
    "require_hashes": "--require-hashes",
    "no_require_hashes": "--no-require-hashes",
}
_KEPT = {
    "index_urls": "--index-url",
    "extra_index_urls": "--extra-index-url",
    "find_links": "--find-links",
    "no_binary": "--no-binary",
    "only_binary": "--only-binary",
    "trusted_hosts": "--trusted-host",
}
_LEFT_OUT = {"all_releases": "--all-releases", "only_final": "--only-final", "features": "--use-feature"}


@dataclass(frozen=True, slots=True)
class OptionLine:
    """One line, taken apart.

    Attributes:
        requirement: What stands before the options; empty for a line of options.
        values: Kind of option -> its values, for those that are there.
        switches: Options without a value that are there.
    """

    requirement: str
    values: dict[str, list[str]]
    switches: frozenset[str]


class _Parser(optparse.OptionParser):
    """pip's own choice, so that abbreviations and quotes mean the same."""

    def error(self, msg: str) -> NoReturn:
        raise ValueError(msg)


def take_apart(line: str, origin: str) -> OptionLine:
    """Split a line into its requirement and its options.

    Raises:
        UsageError: There is no such option, or one lacks its value.
    """
    words = line.split(" ")  # as pip does: quotes before the options belong to markers
    count = next((index for index, word in enumerate(words) if word.startswith("-")), len(words))
    parser = _Parser(add_help_option=False, usage=optparse.SUPPRESS_USAGE)
    for kind, spellings in _LISTS.items():
        parser.add_option(*spellings, dest=kind, action="append", default=[])
    for kind, spelling in _SWITCHES.items():
        parser.add_option(spelling, dest=kind, action="store_true", default=False)
    try:
        found, rest = parser.parse_args(shlex.split(" ".join(words[count:])))
        if found.editables and len(rest) == 2 and rest[0] == "@":
            found.editables[-1] += f" @ {rest.pop()}"  # a name and an address, which pip wants in quotes
            rest.pop()
        if rest:
            raise ValueError(f"{' '.join(rest)!r} belongs to no option")
    except ValueError as error:
        raise UsageError(
            f"{origin}: {shown(line)} is not understood: {redacted(str(error)).rstrip('.')}.",
            remedy="See 'Requirements File Format' in pip's documentation for what a line may hold.",
        ) from None
    values = {kind: given for kind in _LISTS if (given := getattr(found, kind))}
    return OptionLine(
        " ".join(words[:count]).strip(), values, frozenset(kind for kind in _SWITCHES if getattr(found, kind))
    )


def index_options(line: OptionLine, origin: str, folder: Path) -> tuple[list[str], list[Path]]:
    """The options about indexes, each in its long form, and the places on this machine where files are.

    Raises:
        UsageError: An address holds credentials, or a folder is not there.
    """
    options, places = [_SWITCHES[kind] for kind in ("no_index", "pre", "prefer_binary") if kind in line.switches], []
    for kind, spelling in _KEPT.items():
        for value in line.values.get(kind, ()):
            place = _local_place(value, kind, origin, folder)
            if place is None:
                check_no_credentials(value, origin)
                if re.search(r"[\s'\"\\]", value):
                    raise UsageError(
                        f"{origin}: {shown(value)} for {spelling} has a space, a quote or a backslash in it.",
                        remedy="Write a space in an address as %20, and names with commas between them.",
                    )
                options.append(f"{spelling} {value}")
            else:
                places.append(place)
    return options, places


def left_out(line: OptionLine, origin: str) -> list[str]:
    """Notes on options that say nothing about what is installed, or that the container's pip may not know."""
    return [
        f"{origin}: {spelling} is left out; versions are pinned where the bundle is built."
        for kind, spelling in _LEFT_OUT.items()
        if kind in line.values
    ]


def read_hashes(values: list[str], origin: str) -> tuple[str, ...]:
    """Values of ``--hash=``, checked, sorted.

    Raises:
        UsageError: One is no hash that pip takes.
    """
    for value in values:
        found = _HASH.fullmatch(value)
        if found is None or _HASH_LENGTHS.get(found[1]) != len(found[2]):
            raise UsageError(
                f"{origin}: {value!r} is no hash that pip takes.", remedy="Write --hash=sha256: and 64 hex digits."
            )
    return tuple(sorted(set(values)))


def _local_place(value: str, kind: str, origin: str, folder: Path) -> Path | None:
    is_file_address = value.lower().startswith("file:")
    if kind not in ("index_urls", "extra_index_urls", "find_links") or (SCHEME.match(value) and not is_file_address):
        return None
    if kind != "find_links":
        raise UsageError(
            f"{origin}: {value!r} is no address of an index that a container can reach.",
            remedy="Write it as https://host/simple; a folder of wheels goes into --find-links.",
        )
    path = Path(expanded(path_of(value), origin))
    found = next((place for place in (folder / path, path) if _exists(place)), None)  # as pip looks for it
    if found is None:
        raise UsageError(
            f"{origin}: there is no {value!r} for --find-links.",
            remedy="Correct the path; it starts at the folder of the file, or at the current one.",
        )
    return found.resolve()


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
