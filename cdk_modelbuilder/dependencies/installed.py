"""What is installed here: which distribution brings which module, read from the metadata. No subprocess, no import.

A module's files decide, not its name: RECORD lists them (PyPA's specification "recording installed projects"). So
``yaml`` leads to PyYAML, and ``google.cloud.storage`` to the one of many that brings this part of ``google``.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import NormalizedName, canonicalize_name

from cdk_modelbuilder.dependencies.editable import editable_modules
from cdk_modelbuilder.dependencies.origin import Origin, origin_of

_FIELD = re.compile(r"^([A-Za-z-]+):[ \t]*(.*)$")
_MODULE_FILE = re.compile(r"\.(py|pyd|so)$")


@dataclass(frozen=True)
class InstalledDistribution:
    """One installed distribution.

    Attributes:
        name: Normalised name.
        version: As its metadata has it, with a local label if there is one.
        source: What ``importlib.metadata`` knows of it.
    """

    name: str
    version: str
    source: metadata.Distribution = field(repr=False, compare=False)

    @cached_property
    def requirements(self) -> Sequence[Requirement]:
        """Its ``Requires-Dist`` lines; lines of before PEP 508 are passed over, as pip does."""
        found = []
        for line in self.source.requires or ():
            try:
                found.append(Requirement(line))
            except InvalidRequirement:
                continue
        return found

    @cached_property
    def origin(self) -> Origin:
        """Where it was installed from (PEP 610)."""
        return origin_of(self.source)

    @cached_property
    def license(self) -> str | None:
        """Its licence in one line, or None where its metadata names none."""
        fields = _head(self.source)
        named = fields.get("license-expression", [""])[0] or fields.get("license", [""])[0]
        if named and len(named) <= 100 and "\n" not in named:
            return named
        classified = [
            text.rpartition(" :: ")[2] for text in fields.get("classifier", []) if text.startswith("License ::")
        ]
        return ", ".join(sorted(set(classified))) or (named.splitlines()[0].strip()[:100] if named else None)

    @cached_property
    def requires_python(self) -> str | None:
        """The Pythons that it runs on, as a version specifier; None for any, or where that cannot be read."""
        text = _head(self.source).get("requires-python", [""])[0]
        try:
            SpecifierSet(text)
        except InvalidSpecifier:
            return None
        return text or None

    @cached_property
    def module_files(self) -> Sequence[str]:
        """POSIX paths of its modules' files, below the folder that it is installed in."""
        record = self.source.read_text("RECORD")
        if record is None:
            return tuple(_files_without_record(self.source))
        return tuple(_recorded(record))

    @cached_property
    def modules(self) -> Sequence[str]:
        """Names of the top-level modules that it brings, sorted."""
        tops = {path.partition("/")[0].partition(".")[0] for path in self.module_files}
        return tuple(sorted(top for top in {*tops, *self.editable_modules} if top.isidentifier()))

    @cached_property
    def editable_modules(self) -> Mapping[str, Path]:
        """Top-level module -> its file or folder, for an editable install; empty for any other."""
        return editable_modules(self.source, self.origin)


class Installed:
    """A snapshot of the distributions that this interpreter finds on its path."""

    def __init__(self, distributions: Iterable[metadata.Distribution]) -> None:
        self._by_name: dict[str, InstalledDistribution] = {}
        for source in distributions:
            fields = _head(source)
            name, version = fields.get("name", [""])[0], fields.get("version", [""])[0]
            if name and version:  # a folder that an interrupted uninstall left behind has neither
                normalised = canonicalize_name(name)
                self._by_name.setdefault(normalised, InstalledDistribution(normalised, version, source))

    @classmethod
    def here(cls) -> Installed:
        """:meth:`scan`, read again only after something was installed, removed, or put on the path."""
        return _scanned(tuple((entry, _changed_at(entry)) for entry in sys.path))

    @classmethod
    def scan(cls) -> Installed:
        """What is on ``sys.path`` now; of two with one name the first counts, as for imports."""
        return cls(metadata.distributions())

    def __iter__(self) -> Iterator[InstalledDistribution]:
        return iter(self._by_name.values())

    def get(self, name: str) -> InstalledDistribution | None:
        """The distribution called ``name``, in whatever spelling."""
        return self._by_name.get(canonicalize_name(name))

    @cached_property
    def owners_by_module(self) -> Mapping[str, tuple[str, ...]]:
        """Module -> distributions that bring it: top-level ones, and every part of those that several share."""
        by_top: dict[str, list[InstalledDistribution]] = {}
        for distribution in self:
            for top in distribution.modules:
                by_top.setdefault(top, []).append(distribution)
        owners: dict[str, tuple[str, ...]] = {top: (users[0].name,) for top, users in by_top.items() if len(users) == 1}
        shared = {top: users for top, users in by_top.items() if len(users) > 1}
        for top, users in shared.items():
            owners.update(_parts(top, users))
        return owners

    @cached_property
    def _shared(self) -> frozenset[str]:
        return frozenset(name.partition(".")[0] for name in self.owners_by_module if "." in name)

    def owners(self, module: str) -> tuple[str, ...]:
        """The distributions that bring ``module``, sorted; none for the standard library's and for local ones.

        >>> Installed.scan().owners("yaml.nodes")
        ('pyyaml',)
        """
        owners, name = self.owners_by_module, module
        while name not in owners and "." in name:
            name = name.rpartition(".")[0]
        found = owners.get(name, ())
        if name != module and name in self._shared:
            return ()  # a namespace that several share owns nothing itself
        return found

    def required(self, name: str, extra: str, environment: Mapping[str, str]) -> list[tuple[NormalizedName, str]]:
        """``(distribution, extra)`` that ``name`` requires under one of its extras, or under none (``""``), sorted."""
        distribution = self.get(name)
        needed: list[tuple[NormalizedName, str]] = []
        for requirement in () if distribution is None else distribution.requirements:
            if requirement.marker is None:
                fits = not extra
            else:
                # Under an extra, what needs no extra is not named again: its own turn comes too.
                fits = requirement.marker.evaluate({**environment, "extra": extra})
            if fits:
                required = canonicalize_name(requirement.name)
                needed += [(required, its) for its in ("", *sorted(requirement.extras))]
        return sorted(needed)


@lru_cache(maxsize=1)
def _scanned(_state: tuple[tuple[str, int], ...]) -> Installed:
    return Installed.scan()


def _changed_at(entry: str) -> int:
    try:
        return os.stat(entry or ".").st_mtime_ns  # noqa: PTH116 - entries need not be paths
    except (OSError, ValueError):
        return 0


def _head(source: metadata.Distribution) -> Mapping[str, list[str]]:
    """The fields above the description, by lower-case name.

    Parsing them as an e-mail takes 3 ms for each distribution, most of it for descriptions that nobody asks for.
    """
    text = source.read_text("METADATA") or source.read_text("PKG-INFO") or ""
    fields: dict[str, list[str]] = {}
    last: list[str] | None = None
    for line in text.splitlines():
        if not line:
            break
        if line[0] in " \t":
            if last is not None:
                last[-1] += f"\n{line.strip()}"
            continue
        matched = _FIELD.match(line)
        last = fields.setdefault(matched[1].lower(), []) if matched else None
        if last is not None and matched:
            last.append(matched[2].strip())
    return fields


def _recorded(record: str) -> Iterator[str]:
    for line in record.splitlines():
        path = line[1:].partition('"')[0] if line.startswith('"') else line.partition(",")[0]
        if path.startswith(("../", "/")) or "__pycache__" in path or not _MODULE_FILE.search(path):
            continue
        if not path.partition("/")[0].endswith((".dist-info", ".data", ".egg-info")):
            yield path


def _files_without_record(source: metadata.Distribution) -> Iterator[str]:
    for file in source.files or ():
        if file.suffix in (".py", ".pyd", ".so") and file.parts[0] != ".." and "__pycache__" not in file.parts:
            yield file.as_posix()
    for top in (source.read_text("top_level.txt") or "").split():
        yield f"{top}.py"


def _parts(top: str, users: Sequence[InstalledDistribution]) -> Mapping[str, tuple[str, ...]]:
    """Every module below a top-level name that several distributions share -> those that bring it."""
    found: dict[str, set[str]] = {}
    for user in users:
        own = [path for path in user.module_files if path.startswith((f"{top}/", f"{top}."))]
        for path in own:
            folder, _, file = path.rpartition("/")
            name = file.partition(".")[0]
            module = folder if name == "__init__" else f"{folder}/{name}".lstrip("/")
            found.setdefault(module.replace("/", "."), set()).add(user.name)
        if not own:  # an editable install of one part: its files are elsewhere
            found.setdefault(top, set()).add(user.name)
    return {module: tuple(sorted(names)) for module, names in sorted(found.items())}
