"""Fills a folder with the wheels of all pins, for a container that installs them without a network.

Wheels from an index are downloaded for the container's Python and platform, which need not be here. What has none is
built from source here; that is good for the container if no machine code comes out, or if this is the same platform.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from cdk_modelbuilder.dependencies.index_options import check_index_options, for_pip
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.pip_tool import is_unreachable, last_words, run_pip
from cdk_modelbuilder.dependencies.resolution import as_requirement
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.dependencies.wheel_address import address_of, names_wheel, wheel_path
from cdk_modelbuilder.dependencies.wheel_tags import fits, is_pure
from cdk_modelbuilder.errors import DependencyError, IndexUnreachableError, UsageError

LARGE_BYTES = 500 << 20
_NOT_THERE = re.compile(r"No matching distribution found for (?P<name>[A-Za-z0-9][\w.-]*)")
_EXTRAS = re.compile(r"^[\w.-]+\s*(\[[^\]]*\])")
Progress = Callable[[str, int, int], object]


@dataclass(frozen=True, slots=True)
class Wheelhouse:
    """A filled folder.

    Attributes:
        pins: The packages as they are installed from it: each ``name==version``, with the digest of its wheel.
        files: Wheel's file name -> SHA-256 (hex).
        notes: What the user should know.
    """

    pins: tuple[Pin, ...]
    files: Mapping[str, str]
    notes: tuple[str, ...] = ()


def fill_wheelhouse(
    pins: Iterable[Pin],
    target: Target,
    folder: Path,
    *,
    index_options: Sequence[str] = (),
    local_links: Sequence[Path] = (),
    on_progress: Progress | None = None,
) -> Wheelhouse:
    """Put the wheel of every pin, and nothing else, into ``folder``, which appears whole or not at all.

    Args:
        pins: The packages; requirements of theirs are not followed.
        target: The container's interpreter.
        folder: Where to; it must not exist, or be empty.
        index_options: Options of pip that say where packages come from.
        local_links: Folders of this machine that hold wheels.
        on_progress: Called with a step in words, and how many packages of how many are done.

    Raises:
        DependencyError: A package has no wheel for the target, and none can be built here; or its content is not what
            the lock says.
        IndexUnreachableError: The index does not answer.
        ToolMissingError: There is no pip.
        UsageError: The folder holds something, or an index option is wrong.
    """
    check_index_options(index_options)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is there already.", remedy="Name a folder that does not exist yet.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    options = [*for_pip(index_options), *(part for place in local_links for part in ("-f", str(place.absolute())))]
    ordered = sorted(pins, key=lambda pin: pin.name)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as aside:
        filling = _Filling(Path(aside) / "wheels", target, options, len(ordered), on_progress or _quiet)
        house = filling.fill(ordered)
        if folder.exists():
            folder.rmdir()
        filling.place.rename(folder)
    return house


@dataclass(frozen=True, slots=True)
class _Filling:
    place: Path
    target: Target
    options: Sequence[str]
    total: int
    on_progress: Progress

    def fill(self, pins: Sequence[Pin]) -> Wheelhouse:
        self.place.mkdir()
        from_index = [pin for pin in pins if not address_of(pin)]
        built = [pin for pin in pins if address_of(pin) and not self._take_file(pin)]
        built += self._download(from_index)
        notes = []
        for pin in sorted(built, key=lambda pin: pin.name):
            notes += self._build(pin)
        own = {pin.name for pin in built}
        found = [self._finished(pin, is_served=not address_of(pin) and pin.name not in own) for pin in pins]
        files = {path.name: _sha256(path) for path in sorted(self.place.iterdir())}
        size = sum(path.stat().st_size for path in self.place.iterdir())
        if size > LARGE_BYTES:
            notes.append(
                f"the wheels take {size >> 20} MB, which every container unpacks when it starts: an image of your own "
                "with the packages in it starts faster."
            )
        return Wheelhouse(tuple(found), files, tuple(notes))

    def _take_file(self, pin: Pin) -> bool:
        """Copy a wheel of this machine; False if the pin names none."""
        path = wheel_path(address_of(pin))
        if path is None:
            return False
        if not path.is_file():
            raise UsageError(f"{self._named(pin)}: the wheel does not exist.", remedy="Name an existing file.")
        shutil.copyfile(path, self.place / path.name)
        self.on_progress(f"copied {path.name}", self._count_files(), self.total)
        return True

    def _download(self, pins: Sequence[Pin]) -> list[Pin]:
        """Download wheels; returns the pins that have none. pip stops at the first, so it is asked again without it."""
        waiting = {pin.name: pin for pin in pins}
        without: list[Pin] = []
        while waiting:
            arguments = ["download", *self._target_arguments(), "--dest", str(self.place), *self.options]
            status, said = run_pip([*arguments, *map(as_requirement, waiting.values())], on_line=self._count)
            if status == 0:
                break
            missing = _NOT_THERE.search(said)
            name = canonicalize_name(missing["name"]) if missing else ""
            if is_unreachable(said):
                raise _unreachable(said)
            if name not in waiting:
                raise DependencyError(
                    f"pip cannot download the packages:\n{last_words(said)}\n",
                    remedy="Its last lines say what is in the way.",
                )
            without.append(waiting.pop(name))
        return without

    def _build(self, pin: Pin) -> list[str]:
        """Build one wheel from a repository, an archive or an sdist, or fetch it; returns notes."""
        line, is_wheel = as_requirement(pin), names_wheel(address_of(pin))
        self.on_progress(f"{'fetching' if is_wheel else 'building'} {pin.name}", self._count_files(), self.total)
        with tempfile.TemporaryDirectory(dir=self.place.parent) as out:
            words = ["download", *self._target_arguments(), "--dest"] if is_wheel else ["wheel", "--no-deps", "-w"]
            status, said = run_pip([*words, out, *self.options, line])
            if status != 0:
                raise self._unbuildable(pin, said)
            (wheel,) = Path(out).glob("*.whl")
            if not fits(wheel.name, self.target):
                raise DependencyError(
                    f"{self._named(pin)} has no wheel for {self._where()}, and the one that is built here "
                    f"({wheel.name}) is for this machine.",
                    remedy="Take a version that has one (cdk-modelbuilder deps --check names the nearest), or build a "
                    "wheel in the container's image and give its path in dependencies={'custom': [...]}.",
                )
            wheel.rename(self.place / wheel.name)
        if is_wheel:
            return []
        if is_pure(wheel.name):
            return [f"{wheel.name} was built here; another version of its build tool may give other bytes."]
        return [
            f"{wheel.name} was built here and holds machine code; it loads only where the C library is as new as here."
        ]

    def _finished(self, pin: Pin, *, is_served: bool) -> Pin:
        """``pin`` as it is installed from the folder."""
        path, version = next(
            (
                (path, found[1])
                for path in sorted(self.place.iterdir())
                if (found := _name_and_version(path)) and found[0] == pin.name
            ),
            (None, ""),
        )
        if path is None:
            raise DependencyError(
                f"{self._named(pin)} gave no wheel of that name.", remedy="Is the name before @ or after egg= right?"
            )
        if not fits(path.name, self.target):
            raise DependencyError(
                f"{path.name} ({pin.reason}) is not for {self._where()}.",
                remedy="Give a wheel that is built for the container.",
            )
        digest = f"sha256:{_sha256(path)}"
        if is_served and pin.hashes and digest not in pin.hashes:
            raise DependencyError(
                f"{path.name} has the digest {digest}, which is not one that the lock has for {pin.requirement}.",
                remedy="Two indexes serve different files under that name; lock again, and name one index.",
            )
        path.chmod(0o644)
        address = address_of(pin)
        if not address:
            return replace(pin, hashes=(digest,))
        extras = _EXTRAS.match(as_requirement(pin))
        source = "" if names_wheel(address) else f"; built from {address}"
        line = f"{pin.name}{extras[1] if extras else ''}=={version}"
        return Pin(pin.name, line, f"{pin.reason}{source}", hashes=(digest,))

    def _target_arguments(self) -> list[str]:
        python = ["--implementation", "cp", "--python-version", self.target.python]
        platforms = [part for tag in self.target.pip_platforms for part in ("--platform", tag)]
        return ["--no-deps", "--only-binary", ":all:", *python, *platforms]

    def _count(self, line: str) -> None:
        if line.startswith(("Saved ", "Collecting ")):
            self.on_progress("downloading wheels", self._count_files(), self.total)

    def _unbuildable(self, pin: Pin, said: str) -> DependencyError:
        if is_unreachable(said):
            return _unreachable(said)
        if "is not a supported wheel" in said:
            return DependencyError(
                f"{self._named(pin)} is not for {self._where()}.",
                remedy="Give a wheel that is built for the container.",
            )
        if _NOT_THERE.search(said):
            return DependencyError(
                f"the index has neither a wheel for {self._where()} nor a source of {self._named(pin)}.",
                remedy="Is the version right? cdk-modelbuilder deps --check names the nearest that there is.",
            )
        return DependencyError(
            f"{self._named(pin)} has no wheel for {self._where()}, and none can be built here:\n{last_words(said)}\n",
            remedy="Take another version, or give the path of a wheel in dependencies={'custom': [...]}.",
        )

    def _count_files(self) -> int:
        return len(list(self.place.iterdir()))

    def _where(self) -> str:
        return f"Python {self.target.python} on {self.target.machine}"

    def _named(self, pin: Pin) -> str:
        return f"{pin.requirement} ({pin.reason})"


def _name_and_version(path: Path) -> tuple[str, str] | None:
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
    except InvalidWheelFilename:
        return None
    return str(name), str(version)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _unreachable(said: str) -> IndexUnreachableError:
    return IndexUnreachableError(
        f"the package index does not answer:\n{last_words(said, 3)}\n",
        remedy="Is there a network, and is the index (PIP_INDEX_URL) the right one?",
    )


def _quiet(step: str, done: int, total: int) -> None:
    """Nobody wants to know."""
