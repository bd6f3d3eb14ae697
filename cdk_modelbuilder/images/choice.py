"""Which image runs a model: the newest that can, and in plain sentences what differs from where it was made."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.images.catalogue import ContainerImage, images_for
from cdk_modelbuilder.images.errors import NoMatchingImage

DATA_FORMATS = ("ubj", "pickle", "source")

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
    data_format: str,
    today: dt.date | None = None,
) -> ImageChoice:
    """Chooses the newest image that can run a model.

    Args:
        framework: Name of a table of the catalogue, such as ``"xgboost"``.
        framework_version: Version that saved the model, as ``importlib.metadata`` gives it.
        python: Python that the image must have (``"3.12"``; a patch release is ignored): needed for cloudpickled code.
        data_format: ``"ubj"`` (XGBoost's own format: newer reads older), ``"pickle"`` (tied to the minor version that
            wrote it) or ``"source"`` (nothing in the bundle depends on the framework's version).
        today: Date against which the end of patches is judged; None judges nothing.

    Raises:
        UsageError: A malformed version, Python or data format.
        UnknownFramework: The catalogue has no table for the framework.
        NoMatchingImage: No image has that Python, or none can read the data format.
    """
    model = _version(framework_version, framework)
    if data_format not in DATA_FORMATS:
        raise UsageError(
            f"data_format is {data_format!r}, which the image catalogue does not know.",
            remedy=f"Use one of {', '.join(DATA_FORMATS)}.",
        )
    on_offer = _readers(images_for(framework), data_format)
    images = _with_python(on_offer, python)
    if not images:
        raise _no_match(framework, python, data_format, on_offer)

    image, able = images[0], True
    if data_format != "source":
        fitting = [image for image in images if _can_read(image, model, data_format)]
        image, able = (fitting or images)[0], bool(fitting)
    notes = (_version_note(image, model, data_format, able=able), _patch_note(image, today))
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


def _readers(images: tuple[ContainerImage, ...], data_format: str) -> tuple[ContainerImage, ...]:
    if data_format != "ubj":
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


def _can_read(image: ContainerImage, model: Version, data_format: str) -> bool:
    # By minor version: a patch release changes no format, and a development version counts as the release it precedes.
    # Never by comparing whole versions: "3.2.0+cpu" is above "3.2.0", "3.3.0.dev1" is below "3.3.0".
    inside = _minor(Version(image.framework_version))
    return inside == _minor(model) or (data_format == "ubj" and inside > _minor(model))


def _version_note(image: ContainerImage, model: Version, data_format: str, *, able: bool) -> str:
    inside = Version(image.framework_version)
    if Version(inside.base_version) == Version(model.base_version) and not model.is_prerelease:
        return ""
    differ = f"The model was made with {image.distribution} {model}, the image {image.name} brings {inside}"
    if data_format == "source":
        return f"{differ}: the code runs with the image's version unless its requirements name another."
    if able and _minor(inside) == _minor(model):
        return f"{differ}: the same minor version, which reads the same {data_format} data."
    if able:
        return f"{differ}: a newer {image.distribution} reads the files of older ones."
    over = (
        f"So {image.distribution}=={model.public} is installed over it, which needs a build of that version for Python "
        f"{image.python}. The other choices: dependencies={{'packaging': 'image'}} bakes it into an image of your own, "
        f"or install {image.distribution}=={inside} here and train with that, as the image has it."
    )
    if data_format == "ubj":
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
    framework: str, python: str | None, data_format: str, on_offer: tuple[ContainerImage, ...]
) -> NoMatchingImage:
    if not on_offer:
        return NoMatchingImage(
            f"No {framework} image reads {data_format} data.",
            remedy="Save the model in another format, or name an image of your own by its URI.",
        )
    offered = ", ".join(f"{image.python} ({image.name})" for image in on_offer)
    able = "" if data_format == "source" else f" that reads {data_format} data"
    return NoMatchingImage(
        f"No {framework} image{able} has Python {python}; on offer are {offered}.",
        remedy="Build the bundle under one of these Pythons, ship the code as a source file instead of pickling it, "
        "or name an image of your own by its URI.",
    )
