"""Where a bundle runs: the model server, and the container image that it is in."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from cdk_modelbuilder.building.image_context import Start
from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.frameworks import FrameworkAdapter, ReadBy
from cdk_modelbuilder.images import ContainerImage, ImageChoice, NoMatchingImage, UnknownFramework, choose_image
from cdk_modelbuilder.images.catalogue import images_of_server
from cdk_modelbuilder.servers import ModelServer, ServerAdapter, server_adapter

_OLDEST_PYTHON = (3, 10)
"""Of an image that is taken without being asked for: older ones are no longer maintained."""
_MACHINES = {"x86_64": "x86_64", "arm64": "aarch64"}


@dataclass(frozen=True, slots=True)
class HostingWishes:
    """What the user says about it.

    Attributes:
        server: The model server; None to have one chosen.
        image_uri: An image of the user's that has it inside.
        base_image: What an image of the bundle's own is built on.
        processor: ``cpu``, ``gpu`` or ``neuron``.
        architecture: ``x86_64`` or ``arm64``.
        has_instance_type: Whether the two are of an instance type that the user names.
        instance_type: That type; None for none.
        verifying: Whether an image on top of the chosen one is to verify the model's folder first.
        max_payload_bytes: Largest request and answer; None for the server's own limit.
        invocation_seconds: How long an answer may take; None for a minute.
    """

    server: str | None = None
    image_uri: str | None = None
    base_image: str | None = None
    processor: str = "cpu"
    architecture: str = "x86_64"
    has_instance_type: bool = False
    instance_type: str | None = None
    verifying: bool = False
    max_payload_bytes: int | None = None
    invocation_seconds: int | None = None

    def server_for(self, adapter: FrameworkAdapter) -> ServerAdapter:
        """The server, before anything is saved: it decides the layout.

        Raises:
            UsageError: The named one cannot run such models.
        """
        if self.server is not None:
            chosen = server_adapter(self.server).for_framework(adapter.name)
            if chosen.template is None:
                raise UsageError(
                    f"model_server={self.server!r} reads a model's files by itself, and model= is one in memory.",
                    remedy="Give the path of its folder, or leave model_server out.",
                )
            refusal = chosen.refusal(adapter.name)
            if refusal is not None:
                raise UsageError(f"model_server={self.server!r} does not run {adapter.name} models.", remedy=refusal)
            return chosen
        name = next(name for name in (*adapter.model_servers, "builtin") if self._is_to_be_had(name))
        return server_adapter(name).for_framework(adapter.name)

    def server_for_code(self, adapter: FrameworkAdapter) -> ServerAdapter:
        """The server for an InferenceSpec that uses the framework: one that runs the bundle's own code.

        Raises:
            UsageError: The named one does not.
        """
        if self.server is not None:
            chosen = server_adapter(self.server)
            if chosen.template is None or not chosen.runs_model:
                raise UsageError(
                    f"model_server={self.server!r} runs no InferenceSpec: {chosen.title} runs the model by itself.",
                    remedy="Leave model_server out, or give model= the model's files.",
                )
            return chosen
        names = (*adapter.model_servers, "builtin")
        able = (name for name in names if server_adapter(name).runs_model and self._is_to_be_had(name))
        return server_adapter(next(able))

    def _is_to_be_had(self, name: str) -> bool:
        if name == ModelServer.BUILTIN:
            return True
        return any(
            image.retired is None and image.processor == self.processor and image.architecture == self.architecture
            for image in _images_of(name)
        )


@dataclass(frozen=True, slots=True)
class Host:
    """The decision.

    Attributes:
        server: The model server.
        reference: The image, for the container spec.
        target: Its Python and its packages.
        fixed: Packages that must be at the version that is installed here.
        notes: What the user should know.
        inference_ami_version: The host's image that the container needs, or None.
        verified_start: How the image starts, if one on top of it is to verify the model's folder before; else None.
    """

    server: ServerAdapter
    reference: ImageReference
    target: Target
    fixed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    inference_ami_version: str | None = None
    verified_start: Start | None = None


def host_for(
    adapter: FrameworkAdapter,
    version: str | None,
    *,
    server: ServerAdapter,
    read_by: ReadBy,
    wishes: HostingWishes,
    python: str | None = None,
) -> Host:
    """The image for what was saved.

    Args:
        adapter: The framework.
        version: Its version here; None if the code does not use it, and its newest image is just a Python.
        server: The server whose layout the files have.
        read_by: Which versions can read what was saved.
        wishes: The user's.
        python: Minor version that the image must have, or None.

    Raises:
        NoMatchingImage: No image can run it.
        UsageError: The server has no image of AWS's.
    """
    if wishes.image_uri is not None:
        return _users(server, wishes)
    if server.own_image:
        return _own(server, wishes)
    if wishes.base_image is not None:
        raise UsageError(
            f"base_image goes with an image of the bundle's own, and {server.title} runs in one of AWS's.",
            remedy="Add model_server='builtin', or give image_uri= for an image that is ready.",
        )
    if not _images_of(server.name):
        raise UsageError(
            f"AWS has no image with {server.title}.",
            remedy="Give image_uri= of one of your own, or another model_server.",
        )
    try:
        choice = choose_image(
            adapter.name,
            version,
            servers=[server.name],
            read_by=read_by,
            python=python,
            processor=wishes.processor,
            architecture=wishes.architecture,
            named=wishes.server is not None,
            distribution=adapter.distribution,
        )
    except NoMatchingImage as error:
        if wishes.server is not None or "builtin" not in adapter.model_servers or python not in (None, _here()):
            raise
        return _own_instead(wishes, error.what)
    if wishes.server is None and tuple(map(int, choice.image.python.split("."))) < _OLDEST_PYTHON:
        return _own_instead(wishes, f"{choice.image.name} has Python {choice.image.python}.")
    hosted = _hosted(server, choice, wishes)
    return hosted if version is not None else replace(hosted, notes=(*hosted.notes, _plain_python_note(choice.image)))


def _hosted(server: ServerAdapter, choice: ImageChoice, wishes: HostingWishes) -> Host:
    image = choice.image
    start = None
    if wishes.verifying:
        if image.entry_point is None:
            raise UsageError(
                f"verifying_image goes before an image's entry point, and no source states that of {image.name}.",
                remedy="Take model_server='builtin', whose image verifies by itself.",
            )
        start = Start(image.entry_point, image.command or (), image.has_python)
    return Host(
        server,
        _reference(image),
        Target(image.python, _MACHINES[image.architecture], provides=image.provides, image=image.name),
        fixed=tuple(line.partition("==")[0] for line in choice.install_over),
        notes=choice.notes,
        inference_ami_version=image.inference_ami,
        verified_start=start,
    )


def host_for_files(
    server: ServerAdapter, wishes: HostingWishes, only: Callable[[ContainerImage], bool] | None = None
) -> Host:
    """The image for files that the server reads itself.

    Args:
        server: The server.
        wishes: What the user says.
        only: Which of AWS's images come into question; None for each.

    Raises:
        NoMatchingImage: None fits the instance type.
        UsageError: The server has no image of AWS's.
    """
    if wishes.image_uri is not None:
        return _users(server, wishes)
    alive = [image for image in _images_of(server.name) if image.retired is None] or list(_images_of(server.name))
    if not alive:
        raise UsageError(f"AWS has no image with {server.title}.", remedy="Give image_uri= of one of your own.")
    processor = wishes.processor
    if not wishes.has_instance_type and not any(image.processor == "cpu" for image in alive):
        processor = alive[0].processor
    choice = choose_image(
        "transformers",
        None,
        servers=[server.name],
        read_by=ReadBy.ANY,
        processor=processor,
        architecture=wishes.architecture,
        named=True,
        only=only,
    )
    return _hosted(server, choice, wishes)


def _images_of(server: str) -> tuple[ContainerImage, ...]:
    try:
        return images_of_server(server)
    except UnknownFramework:
        return ()


def _own_instead(wishes: HostingWishes, why: str) -> Host:
    own = _own(server_adapter("builtin"), wishes)
    return replace(own, notes=(f"{why} So {own.server.title} runs it, in an image that the stack builds.",))


def _own(server: ServerAdapter, wishes: HostingWishes) -> Host:
    if wishes.processor == "neuron":
        raise NoMatchingImage(
            f"the image of {server.title} has no Neuron runtime, which Inferentia and Trainium need.",
            remedy="Choose an instance type with a CPU or a GPU, or give image_uri= and model_server= of one that has.",
        )
    target = _target(wishes, image="")
    base = wishes.base_image or f"python:{target.python}-slim-bookworm"
    reference = ImageReference(
        uri=base, python=target.python, processor=wishes.processor, architecture=wishes.architecture
    )
    return Host(server, reference, Target(target.python, target.machine, image=base))


def _users(server: ServerAdapter, wishes: HostingWishes) -> Host:
    if wishes.verifying:
        raise UsageError(
            "verifying_image goes before an image's entry point, and that of image_uri is not known.",
            remedy="Leave it out, and let your image verify the folder itself: docs/servers.md says how.",
        )
    reference = ImageReference(uri=wishes.image_uri, processor=wishes.processor, architecture=wishes.architecture)
    return Host(server, reference, _target(wishes, image="the container"))


def _target(wishes: HostingWishes, *, image: str) -> Target:
    return Target(_here(), _MACHINES[wishes.architecture], image=image)


def _here() -> str:
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def _reference(image: ContainerImage) -> ImageReference:
    return ImageReference(
        repository=image.repository,
        tag=image.tag,
        accounts=dict(image.accounts),
        python=image.python,
        end_of_patch=None if image.end_of_patch is None else image.end_of_patch.isoformat(),
        processor=image.processor,
        architecture=image.architecture,
    )


def _plain_python_note(image: ContainerImage) -> str:
    return (
        f"the InferenceSpec imports no framework that has an AWS image of its own; {image.name} (Python "
        f"{image.python}) runs it."
    )
