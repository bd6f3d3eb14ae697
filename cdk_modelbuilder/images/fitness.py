"""How well an image fits a saved model: judged by the versions of the framework alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from packaging.version import Version

from cdk_modelbuilder.images.catalogue import ContainerImage
from cdk_modelbuilder.images.read_by import ReadBy

# Their framework is compiled in, or runs no code of the user's: nothing can be installed over it.
_FIXED_SERVERS = frozenset({"sglang", "tei", "tensorflow_serving", "tgi", "vllm"})
_FIXED_BACKENDS = frozenset({("triton", "onnx")})


class Fit(IntEnum):
    """How an image stands to a saved model; more is better."""

    NOT = 0
    """It cannot run the model."""
    INSTALL_OVER = 1
    """It can, once the framework is installed over what it brings."""
    READS = 2
    """It can as it is."""


@dataclass(frozen=True, slots=True)
class SavedFiles:
    """What decides which versions can read a model.

    Attributes:
        framework: As the tables name it.
        version: Version of the framework that wrote the files; None if none did, and any image reads them.
        read_by: Which versions can read them.
        distribution: The framework's distribution.
    """

    framework: str
    version: Version | None
    read_by: ReadBy
    distribution: str


def fit(image: ContainerImage, files: SavedFiles) -> Fit:
    """Whether the image can read the files, at least with their framework installed over its own."""
    if files.read_by is ReadBy.ANY or files.version is None or _reads(image, files.version, files):
        return Fit.READS
    is_fixed = image.model_server in _FIXED_SERVERS or (image.model_server, files.framework) in _FIXED_BACKENDS
    return Fit.NOT if is_fixed else Fit.INSTALL_OVER


def nearest(images: Sequence[ContainerImage], files: SavedFiles) -> ContainerImage:
    """The best of images that all read the files, given newest first.

    The newest where newer ones read everything that older ones wrote; else the exact version, or the nearest: the
    smallest step between minor versions, and of two such steps the one upwards.
    """
    made = files.version
    if made is None or files.read_by in (ReadBy.ANY, ReadBy.NEWER):
        return images[0]
    return min(images, key=lambda image: _distance(image, made, files))


def _reads(image: ContainerImage, made: Version, files: SavedFiles) -> bool:
    # By minor version: a patch release changes no format, and a development version counts as the release it precedes.
    # Never by comparing whole versions: "3.2.0+cpu" is above "3.2.0", "3.3.0.dev1" is below "3.3.0".
    if files.framework not in image.frameworks:
        return False
    version = image.frameworks[files.framework]
    if version is None:
        return True
    inside = Version(version)
    if files.read_by is ReadBy.SAME_MAJOR:
        return inside.major == made.major
    return _minor(inside) == _minor(made) or (files.read_by is ReadBy.NEWER and _minor(inside) > _minor(made))


def _distance(image: ContainerImage, made: Version, files: SavedFiles) -> tuple[int, bool, bool]:
    version = image.frameworks[files.framework]
    if version is None:
        return 0, False, True  # taken for near, but not for exact
    inside = Version(version)
    step = inside.minor - made.minor
    return abs(step), step < 0, inside.release != made.release


def _minor(version: Version) -> tuple[int, int]:
    return version.major, version.minor
