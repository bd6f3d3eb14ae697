"""What the endpoint asks of an image besides the framework: server, processor, Python, region."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.images.catalogue import ContainerImage
from cdk_modelbuilder.images.regions import dns_suffix

PROCESSORS = ("cpu", "gpu", "neuron")
ARCHITECTURES = ("x86_64", "arm64")


@dataclass(frozen=True, slots=True)
class Host:
    """Where the image has to run.

    Attributes:
        processor: ``"cpu"``, ``"gpu"`` or ``"neuron"``.
        architecture: ``"x86_64"`` or ``"arm64"``.
        python: Minor version of Python that the image must have; None for any.
        region: Region in which AWS must offer the image; None for any.
    """

    processor: str
    architecture: str
    python: str | None
    region: str | None

    def demands(self) -> tuple[tuple[str, Callable[[ContainerImage], bool]], ...]:
        """Each demand by its name, in the order in which an image is judged."""
        return (
            ("processor", self._has_processor),
            ("python", self._has_python),
            ("region", self._is_in_region),
        )

    def admits(self, image: ContainerImage) -> bool:
        """Whether the image meets every demand."""
        return all(is_met(image) for _, is_met in self.demands())

    def _has_processor(self, image: ContainerImage) -> bool:
        return (image.processor, image.architecture) == (self.processor, self.architecture)

    def _has_python(self, image: ContainerImage) -> bool:
        return self.python is None or image.python == self.python

    def _is_in_region(self, image: ContainerImage) -> bool:
        return self.region is None or self.region in image.accounts


def host(processor: str, architecture: str, python: str | None, region: str | None) -> Host:
    """A checked :class:`Host`.

    Raises:
        UsageError: A processor, architecture or Python that does not exist.
        UnknownRegion: ``region`` has no region's form.
    """
    if region is not None:
        dns_suffix(region)
    return Host(
        processor=_one_of("processor", processor, PROCESSORS),
        architecture=_one_of("architecture", architecture, ARCHITECTURES),
        python=_minor(python),
        region=region,
    )


def _minor(python: str | None) -> str | None:
    if python is None:
        return None
    minor = re.match(r"(\d+\.\d+)(?![\d])", python, flags=re.ASCII)
    if not minor:
        raise UsageError(f"python is {python!r}, which is not a Python version.", remedy="Give one such as '3.12'.")
    return minor[1]


def _one_of(name: str, value: str, known: Sequence[str]) -> str:
    if value not in known:
        raise UsageError(f"{name} is {value!r}.", remedy=f"Give one of {', '.join(known)}.")
    return value
