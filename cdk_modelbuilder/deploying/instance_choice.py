"""Proposes an instance type for a bundle that none was named for, with the reason.

A language model is proposed the type that its server's values were reckoned for when it was built. For others, the
smallest type of a short list is taken that holds the model. The lists are of current families that most regions
offer and that accounts get by default; the numbers come from :mod:`cdk_modelbuilder.instances`. A proposal is no
measurement: `cdk-modelbuilder run --load` and the endpoint's own metrics are.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.instances import InstanceType, instance_type
from cdk_modelbuilder.local.doctor.sizes import GIBI, size_text
from cdk_modelbuilder.reckoned_needs import ReckonedNeeds
from cdk_modelbuilder.resources import ResourceRequirements

COPIES_WHILE_LOADING = 2
"""A model is in memory twice for a moment: as it is read, and as it becomes objects."""
SERVER_BYTES = 3 * GIBI // 2
"""The server, Python and the framework's libraries, and what SageMaker keeps of an instance for itself."""
ACCELERATOR_SHARE = 1.25
"""Weights are not all: activations and caches take a part of an accelerator's memory."""

_ON_PROCESSORS: Mapping[str, tuple[str, ...]] = {
    "x86_64": ("c6i", "c5", "m5", "r5"),
    "arm64": ("c7g", "c6g", "m6g", "r6g"),
}
"""By size, and within it from little memory to much; older families are offered in more regions."""
_SIZES = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")
_ON_GPUS = (
    *("ml.g5.xlarge", "ml.g6.xlarge", "ml.g5.2xlarge", "ml.g6.2xlarge", "ml.g5.4xlarge", "ml.g6.4xlarge"),
    *("ml.g4dn.xlarge", "ml.g4dn.2xlarge", "ml.g6e.xlarge", "ml.g6e.2xlarge", "ml.g6e.4xlarge"),
    *("ml.g5.12xlarge", "ml.g6.12xlarge", "ml.g4dn.12xlarge", "ml.g6e.12xlarge"),
    *("ml.p4d.24xlarge", "ml.g6e.48xlarge", "ml.p5.48xlarge"),
)
_ON_NEURON = ("ml.inf2.xlarge", "ml.inf2.8xlarge", "ml.inf2.24xlarge", "ml.inf2.48xlarge")


@dataclass(frozen=True, slots=True)
class InstanceProposal:
    """A type, and why.

    Attributes:
        instance_type: Such as ``ml.c6i.large``.
        reason: A sentence without an end.
    """

    instance_type: str
    reason: str


@dataclass(frozen=True, slots=True)
class Needs:
    """What an instance must have for a model.

    Attributes:
        processor: ``cpu``, ``gpu`` or ``neuron``, as the image has it.
        architecture: Of the processor.
        model_bytes: Size of the model's files; None where they are not here.
        memory_bytes: Memory of the instance.
        accelerator_bytes: Memory of all its accelerators together.
        accelerators: How many accelerators.
        vcpus: How many processors.
        served: What ``serving.json`` says of a language model that was reckoned; None for other models.
    """

    processor: str
    architecture: str
    model_bytes: int | None
    memory_bytes: int
    accelerator_bytes: int = 0
    accelerators: int = 0
    vcpus: float = 0
    served: ReckonedNeeds | None = None

    @classmethod
    def of(cls, bundle: ModelBundle, resources: ResourceRequirements | None = None, *, copies_each: int = 1) -> Needs:
        """What ``bundle`` needs, or ``resources`` say that one copy of it needs.

        Args:
            bundle: The bundle.
            resources: What one copy takes, for inference components.
            copies_each: How many copies an instance is to hold.
        """
        image, size, served = (
            bundle.container.image,
            model_bytes(bundle),
            ReckonedNeeds.of(bundle.serving, str(bundle.path)),
        )
        on_chip = image.processor in ("gpu", "neuron")
        own = SERVER_BYTES + COPIES_WHILE_LOADING * (size or 0)
        memory, accelerators, vcpus = own, 1 if on_chip else 0, 0.0
        if served is not None and on_chip:
            accelerators = served.accelerators
        if resources is not None:
            asked = resources.max_memory or resources.min_memory
            memory = max(SERVER_BYTES, copies_each * ((asked << 20) if asked else own))
            accelerators = copies_each * int(resources.num_accelerators or accelerators)
            vcpus = copies_each * float(resources.num_cpus or 0)
        if on_chip and not (resources is not None and resources.min_memory):
            memory = SERVER_BYTES + (size or 0)  # the second copy is on the accelerator
        return cls(
            processor="gpu" if accelerators and not on_chip else image.processor,
            architecture=image.architecture,
            model_bytes=size,
            memory_bytes=memory,
            accelerator_bytes=_accelerator_bytes(served, size, copies_each) if on_chip else 0,
            accelerators=accelerators,
            vcpus=vcpus,
            served=served,
        )

    def fits(self, kind: InstanceType) -> bool:
        """Whether an instance of this type has all of it."""
        accelerator = kind.accelerator
        held = 0 if accelerator is None else accelerator.count * accelerator.memory_mib << 20
        return (
            kind.memory_mib << 20 >= self.memory_bytes
            and held >= self.accelerator_bytes
            and kind.accelerator_count >= self.accelerators
            and kind.vcpus >= self.vcpus
            and (self.served is None or accelerator is None or self.served.fits(accelerator))
        )

    @property
    def words(self) -> str:
        """In a few words, such as ``model files of 5 MiB, so memory of 1.6 GiB, on x86_64``."""
        parts = [] if self.served is None else [self.served.words]
        parts += [
            "the model's files are not here, so their size is not known"
            if self.model_bytes is None
            else f"model files of {_size(self.model_bytes)}",
            f"memory of {size_text(self.memory_bytes)}",
        ]
        if self.accelerators:
            what = "AWS's own chip" if self.processor == "neuron" else "GPU"
            held = f" with {size_text(self.accelerator_bytes)}" if self.accelerator_bytes else ""
            parts.append(f"{self.accelerators} {what}{'s' if self.accelerators > 1 else ''}{held}")
        if self.vcpus:
            parts.append(f"{self.vcpus:g} processors")
        return ", ".join(parts)


def propose(needs: Needs, region: str) -> InstanceProposal:
    """The first type of the list for this processor that has what is needed, and that ``region`` offers.

    Raises:
        UsageError: None of the list has it, or the region does not have the type that a language model was built for.
    """
    if needs.served is not None and needs.served.holds(needs.accelerators, needs.vcpus):
        return _reckoned(needs, needs.served, region)
    candidates = [kind for kind in _known(_names(needs)) if kind.offered_in(region) is not False]
    for kind in candidates:
        if needs.fits(kind):
            return InstanceProposal(kind.name, f"{needs.words}; {_facts(kind)}")
    raise UsageError(
        f"no instance type can be proposed in {region}: the model needs {needs.words}, which is more than "
        f"{candidates[-1].name if candidates else 'any type here'} has.",
        remedy="Name one with instance_type= (--instance-type); docs/instances.md has all of them.",
    )


def _reckoned(needs: Needs, served: ReckonedNeeds, region: str) -> InstanceProposal:
    kind = instance_type(served.instance_type)
    if kind is not None and kind.offered_in(region) is False:
        raise UsageError(
            f"{served.instance_type}, which the model's server was set up for, is not offered for hosting in {region}.",
            remedy="Build it again with instance_type= of one that is (docs/instances.md), or deploy elsewhere: "
            f"{', '.join(kind.regions()[:6])}.",
        )
    facts = served.instance_type if kind is None else _facts(kind)
    return InstanceProposal(served.instance_type, f"{needs.words}; {facts}")


def _accelerator_bytes(served: ReckonedNeeds | None, size: int | None, copies: int) -> int:
    if served is not None:
        return copies * served.accelerators * served.bytes_each
    return math.ceil(ACCELERATOR_SHARE * copies * (size or 0))


def model_bytes(bundle: ModelBundle) -> int | None:
    """Size of the model's files without the code beside them; None where they are not here."""
    if bundle.container.model_data.form in ("s3", "none") or not bundle.model_dir.is_dir():
        return None
    return sum(
        path.stat().st_size
        for path in bundle.model_dir.rglob("*")
        if path.is_file() and path.relative_to(bundle.model_dir).parts[0] not in ("code", ".modelbuilder")
    )


def _size(count: int) -> str:
    return "less than 1 MiB" if count < 1 << 20 else size_text(count)


def _names(needs: Needs) -> Iterable[str]:
    if needs.processor == "gpu":
        return _ON_GPUS
    if needs.processor == "neuron":
        return _ON_NEURON
    families = _ON_PROCESSORS.get(needs.architecture, _ON_PROCESSORS["x86_64"])
    return (f"ml.{family}.{size}" for size in _SIZES for family in families)


def _known(names: Iterable[str]) -> list[InstanceType]:
    look_up: Callable[[str], InstanceType | None] = instance_type
    return [kind for kind in map(look_up, names) if kind is not None]


def _facts(kind: InstanceType) -> str:
    accelerator = kind.accelerator
    chips = "" if accelerator is None else f" and {accelerator.count} {accelerator.name}"
    return f"{kind.name} has {kind.vcpus} vCPUs, {size_text(kind.memory_mib << 20)}{chips} ({kind.architecture})"
