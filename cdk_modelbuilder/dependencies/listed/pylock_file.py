"""``pylock.toml`` (PEP 751), read with the reference implementation in ``packaging``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from packaging.markers import Environment
from packaging.pylock import Package, PackageVcs, Pylock, PylockSelectError, PylockValidationError
from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.listed.collected import Collected
from cdk_modelbuilder.dependencies.listed.requirement import Listed
from cdk_modelbuilder.dependencies.listed.selection import Selection
from cdk_modelbuilder.dependencies.listed.toml_file import TomlFile, closest, python_within, read_requires_python
from cdk_modelbuilder.dependencies.listed.wheel_file import target_tags
from cdk_modelbuilder.errors import UsageError

_ALGORITHMS = ("sha256", "sha384", "sha512")  # those that pip takes


def read_pylock(chosen: Selection, place: str, *, environment: Mapping[str, str]) -> Listed:
    """The packages that a lock holds for the container, with versions and hashes.

    Args:
        chosen: The file, and which extras and groups of it.
        place: What messages call it.
        environment: Values of markers in the container.

    Raises:
        UsageError: It is not valid, or has nothing for the container's Python and platform.
    """
    file = TomlFile.read(chosen.path, place)
    try:
        lock = Pylock.from_dict(file.data)
    except PylockValidationError as error:
        raise _invalid(place, error) from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:  # of data that is far from a lock
        raise _invalid(place, error) from None
    _check_parts(lock, chosen, place)
    requires = read_requires_python(file.data.get("requires-python"), place, environment)
    origins = dict(zip(map(id, lock.packages), file.table_lines("packages", len(lock.packages)), strict=True))
    collected = Collected(environment, is_lock=True, requires_python=requires)
    for package in _selected(lock, chosen, place, environment):
        _add(package, origins[id(package)], collected, chosen.path.parent)
    _add_indexes(lock, collected, place)
    return collected.listed()


def _selected(lock: Pylock, chosen: Selection, place: str, environment: Mapping[str, str]) -> list[Package]:
    full = python_within(lock.requires_python, environment) or environment["python_full_version"]
    there = {key: value for key, value in environment.items() if key != "extra"}
    there = {**there, "python_full_version": full, "implementation_version": full}
    try:
        found = list(
            lock.select(
                environment=cast("Environment", there),
                tags=list(target_tags(environment)),
                extras=chosen.extras,
                dependency_groups=[str(canonicalize_name(group)) for group in chosen.groups] or None,
            )
        )
    except (PylockSelectError, ValueError) as error:
        raise UsageError(
            f"{place}: nothing to install in the container (Python {environment['python_version']} on "
            f"{environment['platform_machine']} Linux): {str(error).rstrip('.')}.",
            remedy="Make the lock for that Python and platform too, or choose another image.",
        ) from None
    return [package for package, _ in found]


def _add(package: Package, origin: str, collected: Collected, folder: Path) -> None:
    name = str(package.name)
    if package.directory is not None:
        collected.note_folder(name, origin)
        return
    files = [*(package.wheels or ()), *((package.sdist,) if package.sdist is not None else ())]
    if package.archive is not None:
        files = []
        text, hashes = _archive(package, origin), _hashes([package.archive.hashes])
    elif package.vcs is not None:
        text, hashes = f"{name} @ {_repository(package.vcs, origin)}", []
    elif package.version is None:
        raise UsageError(f"{origin}: {name} has no version.", remedy="Make the lock again.")
    else:
        text, hashes = f"{name}=={package.version}", _hashes([file.hashes for file in files])
    local = next((file.path for file in package.wheels or () if file.path is not None and file.url is None), None)
    if local is not None:
        text = f"{name} @ ./{local}"
    collected.add(text, origin, folders=(folder,), hashes=hashes)


def _hashes(files: list[Mapping[str, str]]) -> list[str]:
    found = [f"{algorithm}:{hashes[algorithm]}" for hashes in files for algorithm in _ALGORITHMS if algorithm in hashes]
    return sorted(set(found))


def _archive(package: Package, origin: str) -> str:
    archive = package.archive
    assert archive is not None
    if archive.url is None:
        if archive.path is None or not archive.path.endswith(".whl"):
            raise UsageError(
                f"{origin}: {package.name} is a source archive on this machine; the container could not build it.",
                remedy="Build a wheel of it and lock that.",
            )
        return f"{package.name} @ ./{archive.path}"
    digest = next((f"{name}={archive.hashes[name]}" for name in _ALGORITHMS if name in archive.hashes), "")
    inside = f"subdirectory={archive.subdirectory}" if archive.subdirectory else ""
    fragment = "&".join(part for part in (digest, inside) if part)
    return f"{package.name} @ {archive.url}" + (f"#{fragment}" if fragment else "")


def _repository(vcs: PackageVcs, origin: str) -> str:
    if vcs.type != "git" or vcs.url is None:
        raise UsageError(
            f"{origin}: the {vcs.type} repository {vcs.url or vcs.path} is not one that a container can clone.",
            remedy="Build a wheel of it and lock that, or push it to a git repository.",
        )
    inside = f"#subdirectory={vcs.subdirectory}" if vcs.subdirectory else ""
    return f"git+{vcs.url}@{vcs.commit_id}{inside}"


def _add_indexes(lock: Pylock, collected: Collected, place: str) -> None:
    """The index that most packages are from is the usual one; pip has to be told about the others."""
    count = Counter(package.index for package in lock.packages if package.index is not None)
    usual = min(count, key=lambda index: (-count[index], index), default=None)
    for index in sorted(count.keys() - {usual}):
        collected.add_options(f"--extra-index-url {index}", place, Path())


def _check_parts(lock: Pylock, chosen: Selection, place: str) -> None:
    groups = {str(canonicalize_name(group)) for group in lock.dependency_groups or ()}
    for extra in chosen.extras:
        if extra not in (lock.extras or ()):
            raise UsageError(f"{place} has no extra {extra!r}.", remedy=closest(extra, lock.extras or ()))
    for group in chosen.groups:
        if canonicalize_name(group) not in groups:
            raise UsageError(f"{place} has no dependency group {group!r}.", remedy=closest(group, groups))


def _invalid(place: str, error: Exception) -> UsageError:
    return UsageError(
        f"{place} is no lock as of PEP 751: {str(error).rstrip('.')}.",
        remedy="Make it again, with `uv export --format pylock.toml` or `pip lock`.",
    )
