"""What a bundle runs on: the container image, the pinned packages, and which of them the image lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cdk_modelbuilder.building.payload_code import payload_libraries, without_absent_libraries
from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.dependencies.distributions import distributions_of
from cdk_modelbuilder.dependencies.options import DependencyOptions
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.frameworks import FrameworkAdapter
from cdk_modelbuilder.images import ContainerImage, choose_image, images_for
from cdk_modelbuilder.schema.codecs import Marshaller

OWN_DISTRIBUTION = "cdk-modelbuilder"


@dataclass(frozen=True, slots=True)
class Runtime:
    """See the module.

    Attributes:
        image: For the container spec; empty if the user brings an image.
        notes: What the user should know about versions.
        pins: Every package.
        container_requirements: Lines of those that the image does not bring in that very version.
        marshaller: The schema without the content types whose library is not there.
    """

    image: ImageReference
    notes: tuple[str, ...]
    pins: Sequence[Pin]
    container_requirements: Sequence[str]
    marshaller: Marshaller


def runtime_for(
    adapter: FrameworkAdapter,
    version: str | None,
    *,
    data_format: str,
    imports: set[str],
    importer: str,
    marshaller: Marshaller,
    options: DependencyOptions,
    has_own_image: bool,
    python: str | None = None,
) -> Runtime:
    """Choose the image and pin the packages.

    Args:
        adapter: The framework whose image runs the bundle.
        version: Its version here; None if the code does not use it, and its newest image is just a Python.
        data_format: What ties the bundle to a version, see :func:`~cdk_modelbuilder.images.choose_image`.
        imports: Modules that the bundle's files import.
        importer: Who imports them, in words.
        marshaller: Its codecs import libraries too.
        options: The user's ``dependencies=``.
        has_own_image: The user brings an image, of which nothing is known.
        python: Minor version that the image must have, or None.

    Raises:
        NoMatchingImage: No image can run it.
    """
    roots = {} if version is None else {_installed_name(adapter): "the model's framework"}
    aliases = dict.fromkeys(adapter.provided_by, adapter.distribution)
    pins = options.pins(roots, _reasons(imports, importer, marshaller), aliases)
    pinned = {pin.name for pin in pins}
    if has_own_image:
        lines = [pin.requirement for pin in pins]
        there = without_absent_libraries(marshaller, pinned)
        return Runtime(ImageReference(), _install_note(lines), pins, lines, there)
    wanted = version or images_for(adapter.name)[0].framework_version
    choice = choose_image(adapter.name, wanted, python=python, data_format=data_format)
    notes = list(choice.notes)
    if version is None:
        notes.append(
            f"the InferenceSpec imports no framework that has an AWS image of its own; {choice.image.name} "
            f"(Python {choice.image.python}) runs it, and its packages are installed when the container starts."
        )
    inside = {f"{name}=={found}" for name, found in choice.image.provides.items()}
    lines = [pin.requirement for pin in pins if pin.requirement not in inside]
    there = without_absent_libraries(marshaller, pinned | set(choice.image.provides))
    return Runtime(_reference(choice.image), (*notes, *_install_note(lines)), pins, lines, there)


def _reference(image: ContainerImage) -> ImageReference:
    return ImageReference(
        repository=image.repository,
        tag=image.tag,
        accounts=dict(image.accounts),
        python=image.python,
        end_of_patch=None if image.end_of_patch is None else image.end_of_patch.isoformat(),
    )


def _installed_name(adapter: FrameworkAdapter) -> str:
    names = distributions_of([adapter.name])
    return next((name for name in names if name in (adapter.distribution, *adapter.provided_by)), adapter.distribution)


def _reasons(modules: set[str], importer: str, marshaller: Marshaller) -> Mapping[str, str]:
    reasons = dict.fromkeys(distributions_of(modules), f"imported by {importer}")
    for name in distributions_of(payload_libraries(marshaller)):
        reasons.setdefault(name, "payloads")
    return {name: reason for name, reason in reasons.items() if name != OWN_DISTRIBUTION}


def _install_note(lines: Sequence[str]) -> tuple[str, ...]:
    if not lines:
        return ()
    return (f"the container installs {', '.join(lines)} when it starts; that needs a network.",)
