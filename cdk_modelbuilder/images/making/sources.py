"""The public sources, opened: a clone of AWS's containers' repository, and two wheels or the packages they install."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import metadata, resources
from pathlib import Path
from typing import Any

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from cdk_modelbuilder.errors import ImageError, UsageError

CONFIGS = "sagemaker/core/image_uri_config/"
PARTITIONS = "botocore/data/partitions.json"
_DOWNLOAD = "Give the file that 'pip download --no-deps' made."


class SourceError(ImageError):
    """A source is missing, is not what it should be, or contradicts another one."""


@dataclass(frozen=True)
class Clone:
    """A clone (bare or not) of aws/deep-learning-containers, read at HEAD so that local edits cannot slip in.

    Attributes:
        path: The clone.
    """

    path: Path

    @cached_property
    def paths(self) -> tuple[str, ...]:
        """All files at HEAD, sorted."""
        return tuple(self._git("ls-tree", "-r", "--name-only", "-z", "HEAD").split("\0")[:-1])

    def files(self, folder: str) -> list[str]:
        """The files below a folder."""
        return [path for path in self.paths if path.startswith(folder)]

    def read(self, path: str) -> str:
        """The text of a file, with all others of its kind read at once, because each git process costs milliseconds."""
        return self._texts[path] if path in self._texts else self._git("show", f"HEAD:{path}")

    def source(self) -> dict[str, str]:
        """What the tables say of it."""
        commit, date = self._git("log", "-1", "--format=%H %cs").split()
        return {"project": "aws/deep-learning-containers", "commit": commit, "date": date}

    @cached_property
    def _texts(self) -> Mapping[str, str]:
        wanted = [path for path in self.paths if path.endswith((".yml", ".yaml"))]
        names = "".join(f"HEAD:{path}\n" for path in wanted).encode()
        data = _run(["git", "-C", str(self.path), "cat-file", "--batch"], names)
        texts, place = {}, 0
        for path in wanted:
            end = data.index(b"\n", place)
            size = int(data[place:end].split()[2])
            texts[path] = data[end + 1 : end + 1 + size].decode("utf-8")
            place = end + size + 2
        return texts

    def _git(self, *arguments: str) -> str:
        return _run(["git", "-C", str(self.path), *arguments]).decode("utf-8")


@dataclass(frozen=True)
class Package:
    """Data files of a distribution, from a wheel or from where it is installed.

    Attributes:
        name: ``"sagemaker-core"``.
        version: ``"2.27.0"``.
        wheel: The wheel; None reads the installed files.
    """

    name: str
    version: str
    wheel: Path | None

    def read(self, path: str) -> Any:
        """One of its JSON files.

        Raises:
            SourceError: The distribution has no such file.
        """
        try:
            if self.wheel is not None:
                with zipfile.ZipFile(self.wheel) as opened:
                    return json.loads(opened.read(path))
            return json.loads(Path(str(metadata.distribution(self.name).locate_file(path))).read_bytes())
        except (KeyError, OSError, ValueError, zipfile.BadZipFile) as error:
            raise SourceError(
                f"{self.name} {self.version} has no readable {path}: {error}.",
                remedy="Use another version of it; the one of the last refresh stands in the tables under 'sources'.",
            ) from None

    def source(self) -> dict[str, str]:
        """What the tables say of it."""
        return {"project": self.name, "version": self.version}


@dataclass(frozen=True)
class Sources:
    """All of them.

    Attributes:
        clone: aws/deep-learning-containers.
        core: sagemaker-core.
        botocore: botocore.
        facts: ``facts.toml``, parsed.
    """

    clone: Clone
    core: Package
    botocore: Package
    facts: Mapping[str, Any]


def open_sources(dlc: Path, wheels: list[Path]) -> Sources:
    """Open the clone, and the wheels or, for those not given, the installed packages.

    Raises:
        SourceError: The clone is not one, or a package is neither given as a wheel nor installed.
        UsageError: A wheel is of something else, or git is not installed.
    """
    if shutil.which("git") is None:
        raise UsageError("git is not installed.", remedy="Install it: the containers' repository is read with it.")
    clone = Clone(dlc)
    if "docs/reference/region_availability.md" not in clone.paths:
        raise SourceError(
            f"{dlc} is not a clone of aws/deep-learning-containers.",
            remedy="Clone that repository from GitHub, and give its folder as --dlc.",
        )
    given: dict[str, Package] = {}
    for wheel in wheels:
        package = _from_wheel(wheel)
        given[package.name] = package
    if stray := set(given) - {"sagemaker-core", "botocore"}:
        raise UsageError(f"{min(stray)} is no source.", remedy="Give wheels of sagemaker-core and botocore only.")
    facts = tomllib.loads(resources.files(__package__).joinpath("facts.toml").read_text(encoding="utf-8"))
    core = given.get("sagemaker-core") or _installed("sagemaker-core")
    return Sources(clone, core, given.get("botocore") or _installed("botocore"), facts)


def _from_wheel(path: Path) -> Package:
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
    except InvalidWheelFilename:
        raise UsageError(f"{path} is not a wheel.", remedy=_DOWNLOAD) from None
    if not path.is_file():
        raise UsageError(f"there is no wheel {path}.", remedy=_DOWNLOAD)
    return Package(canonicalize_name(name), str(version), path)


def _installed(name: str) -> Package:
    try:
        return Package(name, metadata.version(name), None)
    except metadata.PackageNotFoundError:
        raise SourceError(
            f"{name} is not installed.",
            remedy=f"Install it, or download it ('pip download --no-deps {name}') and give the file as --wheel.",
        ) from None


def _run(command: list[str], text: bytes = b"") -> bytes:
    try:
        return subprocess.run(command, check=True, capture_output=True, input=text).stdout
    except subprocess.CalledProcessError as error:
        message = error.stderr.decode("utf-8", "replace").strip()
        raise SourceError(
            f"{' '.join(command[:6])} failed: {message}.",
            remedy="Give a clone of aws/deep-learning-containers with its objects, bare or not, as --dlc.",
        ) from None
