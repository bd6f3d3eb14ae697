"""What a user's file or argument lists: requirements with the place that each comes from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.markers import Marker
from packaging.specifiers import SpecifierSet


@dataclass(frozen=True, slots=True)
class GivenRequirement:
    """One package that the user asks for.

    Attributes:
        name: Normalised distribution name.
        text: The line as pip takes it, without comment and hashes.
        origin: The place, such as ``requirements.txt, line 3`` or ``dependencies['custom'][0]``.
        specifier: Versions that are allowed; empty for any version, and for an address.
        extras: Normalised, sorted.
        url: Address of a commit or an archive, without ``#egg=``; None for what an index serves.
        marker: Condition on the environment; it holds in the container.
        hashes: ``sha256:<hex>`` of each file that may be installed.
        wheel: A wheel file on this machine, to be shipped.
        is_editable: The line began with ``-e``.
        config_settings: ``--config-settings`` of the line, for a build from source.
    """

    name: str
    text: str
    origin: str
    specifier: SpecifierSet = field(default_factory=SpecifierSet)
    extras: tuple[str, ...] = ()
    url: str | None = None
    marker: Marker | None = None
    hashes: tuple[str, ...] = ()
    wheel: Path | None = None
    is_editable: bool = False
    config_settings: tuple[str, ...] = ()

    @property
    def version(self) -> str | None:
        """The version of ``name==version``; None for a range, and for an address.

        >>> GivenRequirement("numpy", "numpy==2.1.0", "custom", SpecifierSet("==2.1.0")).version
        '2.1.0'
        >>> GivenRequirement("numpy", "numpy==2.1.*", "custom", SpecifierSet("==2.1.*")).version
        """
        return pinned_version(self.specifier)


@dataclass(frozen=True, slots=True)
class Listed:
    """Everything that one file, or the lines of ``custom``, say.

    Attributes:
        requirements: In the order of the file. A name may be there more than once.
        constraints: Limits on versions (``-c``) that ask for nothing by themselves.
        index_options: One option of pip's an item, in its long form: ``--index-url https://host/simple``. No
            credentials, no path of this machine.
        local_links: Folders and files of ``--find-links`` on this machine: of use at build, and never written down.
        notes: What was left out and why, in words.
        requires_python: Versions of Python that the file is for; the container's is one of them.
        require_hashes: The file asks for hashes (``--require-hashes``).
    """

    requirements: tuple[GivenRequirement, ...] = ()
    constraints: tuple[GivenRequirement, ...] = ()
    index_options: tuple[str, ...] = ()
    local_links: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    requires_python: SpecifierSet | None = None
    require_hashes: bool = False


def pinned_version(specifier: SpecifierSet) -> str | None:
    """The one version that ``==`` or ``===`` allows, as it is written; None if there is no such clause.

    >>> pinned_version(SpecifierSet("==1.0,!=1.1"))
    '1.0'
    >>> pinned_version(SpecifierSet("~=1.0"))
    """
    return pinning_clause(specifier).lstrip("=") or None


def pinning_clause(specifier: SpecifierSet) -> str:
    """The clause that allows one version only, such as ``==1.0``; empty if there is none.

    >>> pinning_clause(SpecifierSet("!=1.1,===1.0"))
    '===1.0'
    >>> pinning_clause(SpecifierSet("==1.*"))
    ''
    """
    exact = [item for item in specifier if item.operator in ("==", "===") and not item.version.endswith(".*")]
    return min(map(str, exact), default="")


def with_extras(name: str, extras: Iterable[str]) -> str:
    """How pip writes a name with its extras.

    >>> with_extras("uvicorn", ["standard"]), with_extras("numpy", [])
    ('uvicorn[standard]', 'numpy')
    """
    inside = ",".join(sorted(extras))
    return f"{name}[{inside}]" if inside else name
