"""What the user is told about an image: what differs from where the model was made, and what follows from it."""

from __future__ import annotations

import datetime as dt

from packaging.version import Version

from cdk_modelbuilder.images.catalogue import ContainerImage
from cdk_modelbuilder.images.fitness import Fit, SavedFiles
from cdk_modelbuilder.images.read_by import ReadBy


def notes_on(image: ContainerImage, files: SavedFiles, fit: Fit, today: dt.date | None) -> tuple[str, ...]:
    """The sentences about one image, none where nothing is to be said."""
    found = (
        _version_note(image, files, fit),
        _retired_note(image),
        _ami_note(image),
        "" if image.retired else _patch_note(image, today),
    )
    return tuple(note for note in found if note)


def _version_note(image: ContainerImage, files: SavedFiles, fit: Fit) -> str:
    made = files.version
    if made is None:
        return ""
    if files.framework not in image.frameworks:
        return _absent_note(image, made, files)
    version = image.frameworks[files.framework]
    if version is None:
        return f"No source says which {files.distribution} the image {image.name} brings."
    inside = Version(version)
    if Version(inside.base_version) == Version(made.base_version) and not made.is_prerelease:
        return ""
    differ = f"The model was made with {files.distribution} {made}, the image {image.name} brings {inside}"
    if files.read_by is ReadBy.ANY:
        return f"{differ}: the code runs with the image's version unless its requirements name another."
    if fit is Fit.READS and (inside.major, inside.minor) == (made.major, made.minor):
        return f"{differ}: the same minor version, which reads the same its files."
    if fit is Fit.READS and files.read_by is ReadBy.NEWER:
        return f"{differ}: a newer {files.distribution} reads the files of older ones."
    if fit is Fit.READS:
        return (
            f"{differ}: the nearest of the same major version. Call the endpoint with the sample before you rely on it."
        )
    return f"{differ}: {_why_over(files)} {_over(image, made, files, str(inside))}"


def _absent_note(image: ContainerImage, made: Version, files: SavedFiles) -> str:
    if files.read_by is ReadBy.ANY:
        return ""
    return (
        f"The image {image.name} brings no {files.distribution}: {files.distribution}=={made.public} is "
        f"installed in it, which needs a build of that version for Python {image.python}."
    )


def _why_over(files: SavedFiles) -> str:
    if files.read_by is ReadBy.NEWER:
        # Measured: what 3.2.0 saves loads in 3.0.5, 2.1.4 and 1.7.4 without a word, and predicts other numbers there.
        return "an older one can load the file without an error and predict other numbers."
    if files.read_by is ReadBy.SAME_MAJOR:
        return "another major version does not read its files."
    return "pickles are tied to the version that wrote them."


def _over(image: ContainerImage, made: Version, files: SavedFiles, inside: str) -> str:
    return (
        f"So {files.distribution}=={made.public} is installed over it, which needs a build of that version "
        f"for Python {image.python}. The other choices: dependencies={{'packaging': 'image'}} bakes it into an image "
        f"of your own, or install {files.distribution}=={inside} here and train with that, as the image has it."
    )


def _retired_note(image: ContainerImage) -> str:
    return f"The image {image.name} is retired: {image.retired}" if image.retired else ""


def _ami_note(image: ContainerImage) -> str:
    if image.inference_ami is None:
        return ""
    return (
        f"The image {image.name} is built on CUDA {image.cuda}: its production variant needs "
        f"InferenceAmiVersion={image.inference_ami!r}, because the default host has too old a driver."
    )


def _patch_note(image: ContainerImage, today: dt.date | None) -> str:
    if today is None:
        return ""
    if image.end_of_patch is None:
        return f"AWS names no end-of-patch date for the image {image.name}: take it as no longer patched."
    if image.end_of_patch < today:
        return (
            f"The image {image.name} gets no security patches since {image.end_of_patch}: plan the move to a newer one."
        )
    return ""
