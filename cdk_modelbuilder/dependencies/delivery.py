"""How packages get into the container: installed when it starts, from wheels of the bundle, or baked into an image."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from cdk_modelbuilder.dependencies.evidence import OWN_DISTRIBUTION
from cdk_modelbuilder.dependencies.installed import Installed
from cdk_modelbuilder.dependencies.lock_file import WHEELS_FOLDER, requirements_text
from cdk_modelbuilder.dependencies.package_list import PackageList, Terms
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.record import DependencyRecord, Origin, PackageRecord, VendoredRecord
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.dependencies.vendoring import metadata_files


@dataclass(frozen=True, slots=True)
class Delivered:
    """What was written for the container.

    Attributes:
        installed: What the container installs when it starts; empty where it finds everything in its image.
        notes: What the user should know.
    """

    installed: tuple[Pin, ...]
    notes: tuple[str, ...]


def write_source(packages: PackageList, code: Path, own: frozenset[str]) -> None:
    """Put the source of vendored packages into ``code``, and the metadata of those that the user's own code is from."""
    files: dict[str, bytes] = {}
    for vendored in packages.selection.vendored.values():
        files.update(vendored.files)
    for name in own - {OWN_DISTRIBUTION}:
        found = Installed.here().get(name)
        if found is not None and found.editable_modules:
            files.update(metadata_files(found))
    for path, data in sorted(files.items()):
        place = code / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)


def deliver(
    packages: PackageList,
    terms: Terms,
    requirements: Path,
    *,
    takes_hashes: bool,
    on_progress: Callable[[str, int, int], object],
) -> Delivered:
    """Write the file that the container installs from, and beside it wheels where they are asked for.

    Args:
        packages: The list.
        terms: See there.
        requirements: The file, where the model server looks for it.
        takes_hashes: Whether the model server installs it in a way that allows for hashes.
        on_progress: Told of the steps.

    Raises:
        DependencyError: A wheel cannot be had.
    """
    pins = packages.fitted.to_install
    if not pins or terms.options.packaging == "image":
        return Delivered((), ())
    options = list(packages.merged.index_options)
    notes: tuple[str, ...] = ()
    if terms.options.packaging == "wheels":
        from cdk_modelbuilder.dependencies.wheelhouse import fill_wheelhouse  # noqa: PLC0415 - only where it is needed

        filled = fill_wheelhouse(
            _with_wheels(pins, packages.wheels),
            terms.target,
            requirements.parent / WHEELS_FOLDER,
            index_options=options,
            local_links=packages.merged.local_links,
            on_progress=on_progress,
        )
        pins, notes = filled.pins, filled.notes
    else:
        options += place_wheels(packages.wheels, requirements.parent)
    written = pins if takes_hashes else [replace(pin, hashes=()) for pin in pins]
    text = requirements_text(written, index_options=options, wheels=terms.options.packaging == "wheels")
    requirements.write_text(text, encoding="utf-8")
    return Delivered(pins, notes)


def place_wheels(wheels: Mapping[str, Path], folder: Path) -> list[str]:
    """Copy the user's wheels to where a requirements file in ``folder`` finds them; returns its options for that."""
    if not wheels:
        return []
    place = folder / WHEELS_FOLDER
    place.mkdir(exist_ok=True)
    for wheel in wheels.values():
        shutil.copyfile(wheel, place / wheel.name)
    return [f"--find-links {WHEELS_FOLDER}"]


def _with_wheels(pins: tuple[Pin, ...], wheels: Mapping[str, Path]) -> list[Pin]:
    return [
        replace(pin, requirement=f"{pin.name} @ {wheels[pin.name].absolute().as_uri()}") if pin.name in wheels else pin
        for pin in pins
    ]


def record_of(
    packages: PackageList,
    delivered: Delivered,
    terms: Terms,
    *,
    python: str,
    left_out: Mapping[str, str],
    shipped: frozenset[str],
) -> DependencyRecord:
    """``dependencies.json``.

    Args:
        packages: The list.
        delivered: What the container installs.
        terms: See there.
        python: Minor version of the Python that builds.
        left_out: What the code can do without -> why.
        shipped: Editable installs that the user's own code is from.
    """
    known = {pin.name for pin in packages.fitted.pins}
    installing = {pin.name for pin in delivered.installed}
    vendored = {
        name: VendoredRecord(one.why, packages.selection.needed[name].distribution.version)
        for name, one in packages.selection.vendored.items()
    }
    for name in sorted(shipped - {OWN_DISTRIBUTION}):
        found = Installed.here().get(name)
        if found is not None:
            vendored.setdefault(name, VendoredRecord("the bundle's own code is from it", found.version))
    return DependencyRecord(
        packages=tuple(
            _package(pin, terms, packages, known, is_installed=pin.name in installing) for pin in packages.fitted.pins
        ),
        python=python,
        target_python=terms.target.python,
        target_machine=terms.target.machine,
        image=terms.target.image,
        checked=packages.checked,
        packaging=terms.options.packaging,
        left_out=left_out,
        vendored=vendored,
    )


def _package(pin: Pin, terms: Terms, packages: PackageList, known: set[str], *, is_installed: bool) -> PackageRecord:
    here = terms.installed(pin.name)
    needed = packages.selection.needed.get(terms.installed_name(pin.name))
    requires = set() if needed is None else {terms.aliases.get(name, name) for name in needed.requires}
    return PackageRecord(
        name=pin.name,
        version=pin.version or (here.version if here is not None and "@" in pin.requirement else None),
        requirement=pin.requirement,
        reason=pin.reason,
        origin=_origin(pin, packages),
        modules=() if here is None else tuple(here.modules),
        requires=tuple(sorted(requires & known)),
        license=None if here is None or here.license is None else " ".join(here.license.split()),
        in_image=terms.target.provides.get(pin.name),
        installed_by_container=is_installed,
        hashes=pin.hashes,
    )


def _origin(pin: Pin, packages: PackageList) -> Origin:
    if pin.name in packages.wheels:
        return "wheel"
    if "@" not in pin.requirement and not pin.requirement.startswith("-e"):
        return "index"
    return "vcs" if any(f"{vcs}+" in pin.requirement for vcs in ("git", "hg", "svn", "bzr")) else "url"


def notes_on(packages: PackageList, delivered: Delivered, terms: Terms) -> tuple[str, ...]:
    """What the user should know about where the packages come from."""
    notes = list(packages.notes)
    fitted, target = packages.fitted, terms.target
    if fitted.taken:
        taken = ", ".join(
            f"{name} {target.provides[name]} (here {here})" for name, here in sorted(fitted.taken.items())
        )
        notes.append(f"the versions of {target.image} are taken for {taken}; the sample was answered with those here.")
    lines = [pin.requirement for pin in delivered.installed]
    if lines and terms.options.packaging == "install":
        notes.append(
            f"the container installs {', '.join(lines)} when it starts; that needs a network. "
            "dependencies={'packaging': 'wheels'} puts them into the bundle instead."
        )
    if fitted.differing:
        differing = ", ".join(f"{name} {version}" for name, version in sorted(fitted.differing.items()))
        notes.append(
            f"{target.image} brings other versions, which are installed over: {differing}. "
            "dependencies={'versions': 'image'} takes those, where the other packages accept them."
        )
    if packages.target_only:
        only = ", ".join(f"{name} (for {user})" for name, user in sorted(packages.target_only.items()))
        notes.append(
            f"on Python {target.python} {only} is needed too, and pinned nowhere; dependencies={{'lock': True}} does."
        )
    if fitted.to_install and not packages.checked and not target.is_this_interpreter:
        notes.append(_unchecked(target))
    return tuple(notes)


def _unchecked(target: Target) -> str:
    return (
        f"the pins are what is installed here and unchecked for Python {target.python} on {target.machine}; "
        "dependencies={'lock': True}, or cdk-modelbuilder deps --check, asks the package index."
    )
