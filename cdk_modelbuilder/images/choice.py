"""Which image runs a model: the newest that can, and in plain sentences what differs from where it was made."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.images.catalogue import ContainerImage, images_for
from cdk_modelbuilder.images.errors import NoMatchingImage
from cdk_modelbuilder.images.read_by import ReadBy

# XGBoost learnt to read UBJSON in 1.6: an older one cannot even open the file.
_UBJ_SINCE = Version("1.6")


@dataclass(frozen=True, slots=True)
class ImageChoice:
    """An image, and what the user should know about it.

    Attributes:
        image: The image.
        notes: Plain sentences: what differs, and the consequence. Empty where nothing does.
        install_over: Requirements that must be installed over what the image brings before the model is loaded.
            Without them the model fails to load or, worse, predicts something else.
    """

    image: ContainerImage
    notes: tuple[str, ...]
    install_over: tuple[str, ...] = ()


def choose_image(
    framework: str,
    framework_version: str,
    *,
    python: str | None = None,
    read_by: ReadBy,
    today: dt.date | None = None,
) -> ImageChoice:
    """Chooses the newest image that can run a model.

    Args:
        framework: Name of a table of the catalogue, such as ``"xgboost"``.
        framework_version: Version that saved the model, as ``importlib.metadata`` gives it.
        python: Python that the image must have (``"3.12"``; a patch release is ignored): needed for cloudpickled code.
        read_by: Which versions can read what was saved.
        today: Date against which the end of patches is judged; None judges nothing.

    Raises:
        UsageError: A malformed version, Python or data format.
        UnknownFramework: The catalogue has no table for the framework.
        NoMatchingImage: No image has that Python, or none can read the data format.
    """
    model = _version(framework_version, framework)
    on_offer = _readers(images_for(framework), read_by)
    images = _with_python(on_offer, python)
    if not images:
        raise _no_match(framework, python, read_by, on_offer)

    image, able = images[0], True
    if read_by is not ReadBy.ANY:
        fitting = [image for image in images if _can_read(image, model, read_by)]
        image, able = (fitting or images)[0], bool(fitting)
    notes = (_version_note(image, model, read_by, able=able), _patch_note(image, today))
    return ImageChoice(
        image=image,
        notes=tuple(note for note in notes if note),
        install_over=() if able else (f"{image.distribution}=={model.public}",),
    )


def _version(text: str, framework: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise UsageError(
            f"{text!r} is not a version of {framework}.",
            remedy="Give the installed version, such as '3.2.0'; '3.2-0' or '1.4-2-py312' name images.",
        ) from None


def _readers(images: tuple[ContainerImage, ...], read_by: ReadBy) -> tuple[ContainerImage, ...]:
    if read_by is not ReadBy.NEWER:
        return images
    return tuple(
        image for image in images if image.distribution == "xgboost" and Version(image.framework_version) >= _UBJ_SINCE
    )


def _with_python(images: tuple[ContainerImage, ...], python: str | None) -> tuple[ContainerImage, ...]:
    if python is None:
        return images
    minor = re.match(r"(\d+\.\d+)(?![\d])", python, flags=re.ASCII)
    if not minor:
        raise UsageError(f"python is {python!r}, which is not a Python version.", remedy="Give one such as '3.12'.")
    return tuple(image for image in images if image.python == minor[1])


def _minor(version: Version) -> tuple[int, int]:
    return version.major, version.minor


def _can_read(image: ContainerImage, model: Version, read_by: ReadBy) -> bool:
    # By minor version: a patch release changes no format, and a development version counts as the release it precedes.
    # Never by comparing whole versions: "3.2.0+cpu" is above "3.2.0", "3.3.0.dev1" is below "3.3.0".
    inside = _minor(Version(image.framework_version))
    return inside == _minor(model) or (read_by is ReadBy.NEWER and inside > _minor(model))


def _version_note(image: ContainerImage, model: Version, read_by: ReadBy, *, able: bool) -> str:
    inside = Version(image.framework_version)
    if Version(inside.base_version) == Version(model.base_version) and not model.is_prerelease:
        return ""
    differ = f"The model was made with {image.distribution} {model}, the image {image.name} brings {inside}"
    if read_by is ReadBy.ANY:
        return f"{differ}: the code runs with the image's version unless its requirements name another."
    if able and _minor(inside) == _minor(model):
        return f"{differ}: the same minor version, which reads the same its files."
    if able:
        return f"{differ}: a newer {image.distribution} reads the files of older ones."
    over = (
        f"So {image.distribution}=={model.public} is installed over it, which needs a build of that version for Python "
        f"{image.python}. The other choices: dependencies={{'packaging': 'image'}} bakes it into an image of your own, "
        f"or install {image.distribution}=={inside} here and train with that, as the image has it."
    )
    if read_by is ReadBy.NEWER:
        # Measured: what 3.2.0 saves loads in 3.0.5, 2.1.4 and 1.7.4 without a word, and predicts other numbers there.
        return f"{differ}: an older one can load the file without an error and predict other numbers. {over}"
    return f"{differ}: pickles are tied to the version that wrote them. {over}"


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


def _no_match(
    framework: str, python: str | None, read_by: ReadBy, on_offer: tuple[ContainerImage, ...]
) -> NoMatchingImage:
    if not on_offer:
        return NoMatchingImage(
            f"No {framework} image reads its files.",
            remedy="Save the model in another format, or name an image of your own by its URI.",
        )
    offered = ", ".join(f"{image.python} ({image.name})" for image in on_offer)
    able = "" if read_by is ReadBy.ANY else " that reads its files"
    return NoMatchingImage(
        f"No {framework} image{able} has Python {python}; on offer are {offered}.",
        remedy="Build the bundle under one of these Pythons, ship the code as a source file instead of pickling it, "
        "or name an image of your own by its URI.",
    )
