"""Which image runs a model: the best one that can, and in plain sentences what differs from where it was made."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from packaging.version import InvalidVersion, Version

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.images.catalogue import ContainerImage, holders, images_of_server
from cdk_modelbuilder.images.errors import UnknownFramework
from cdk_modelbuilder.images.fitness import Fit, SavedFiles, fit, nearest
from cdk_modelbuilder.images.framework_names import canonical_framework, distribution_of, own_servers
from cdk_modelbuilder.images.host import host
from cdk_modelbuilder.images.notes import notes_on
from cdk_modelbuilder.images.read_by import ReadBy
from cdk_modelbuilder.images.refusal import no_match


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
    framework_version: str | None,
    *,
    servers: Sequence[str] = (),
    read_by: ReadBy,
    python: str | None = None,
    processor: str = "cpu",
    architecture: str = "x86_64",
    named: bool = False,
    region: str | None = None,
    today: dt.date | None = None,
    distribution: str | None = None,
    only: Callable[[ContainerImage], bool] | None = None,
) -> ImageChoice:
    """Choose the image that runs a model best.

    The servers are tried in their order. The first with a living image that can read the files wins, then the first
    whose living image can once the framework is installed over; of a server's images, the exact version is taken, else
    the nearest that ``read_by`` allows. The choice depends on the tables alone, never on the day.

    Args:
        framework: Name of the model's framework, such as ``"xgboost"``. The images need not hold it.
        framework_version: Version that saved the model, as ``importlib.metadata`` gives it; None if it saved nothing,
            and the image is just a Python: then ``read_by`` is taken for ``ANY``.
        servers: Model servers that run such models, best first; none for those made for the framework.
        read_by: Which versions can read what was saved.
        python: Python that the image must have (``"3.12"``; a patch release is ignored): needed for cloudpickled code.
        processor: ``"cpu"``, ``"gpu"`` or ``"neuron"``.
        architecture: ``"x86_64"`` or ``"arm64"``.
        named: The user asked for this server by name: then a retired image is given too, where no living one can.
        region: Region that must have the image; None for any.
        today: Date against which the end of patches is judged; None judges nothing.
        distribution: What ``install_over`` names; None for the framework's own distribution.
        only: Which images come into question at all; None for each.

    Raises:
        UsageError: A malformed version, Python, processor or architecture.
        UnknownFramework: No servers are given, and AWS has no image for the framework.
        UnknownRegion: ``region`` has no region's form.
        NoMatchingImage: No image fits; the message says why and what comes nearest.
    """
    files = SavedFiles(
        framework=canonical_framework(framework),
        version=None if framework_version is None else _version(framework_version, framework),
        read_by=ReadBy.ANY if framework_version is None else _read_by(read_by),
        distribution=distribution or distribution_of(framework),
    )
    place = host(processor, architecture, python, region)
    servers = _servers(framework, servers)
    images = [image for server in servers for image in images_of_server(server)]
    admitted = [image for image in images if place.admits(image) and (only is None or only(image))]
    image = _best(admitted, servers, files, alive=True) or (
        _best(admitted, servers, files, alive=False) if named else None
    )
    if image is None:
        raise no_match(images, files, place, servers)
    how, made = fit(image, files), files.version
    return ImageChoice(
        image=image,
        notes=notes_on(image, files, how, today),
        install_over=() if how is Fit.READS or made is None else (f"{files.distribution}=={made.public}",),
    )


def _best(
    images: Sequence[ContainerImage], servers: Sequence[str], files: SavedFiles, *, alive: bool
) -> ContainerImage | None:
    for wanted in (Fit.READS, Fit.INSTALL_OVER):
        for server in servers:
            fitting = [
                image
                for image in images
                if image.model_server == server and (image.retired is None) == alive and fit(image, files) is wanted
            ]
            if fitting:
                return nearest(fitting, files) if wanted is Fit.READS else fitting[0]
    return None


def _servers(framework: str, servers: Sequence[str]) -> tuple[str, ...]:
    found = tuple(servers) or own_servers(framework) or holders(framework)
    if not found:
        raise UnknownFramework(
            f"AWS offers no image for the framework {framework!r} that this catalogue knows.",
            remedy="Give the model servers whose images may host it, such as servers=['ray', 'sklearn'], use the model "
            "server 'builtin', or name an image of your own by its URI.",
        )
    return found


def _read_by(value: str) -> ReadBy:
    try:
        return ReadBy(value)
    except ValueError:
        raise UsageError(f"read_by is {value!r}.", remedy=f"Give one of {', '.join(ReadBy)}.") from None


def _version(text: str, framework: str) -> Version:
    try:
        return Version(text)
    except InvalidVersion:
        raise UsageError(
            f"{text!r} is not a version of {framework}.",
            remedy="Give the installed version, such as '3.2.0'; '3.2-0' or '1.4-2-py312' name images.",
        ) from None
