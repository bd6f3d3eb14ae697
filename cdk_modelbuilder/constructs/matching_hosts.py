"""Which hosts a bundle's image runs on: the processor of the instance, and the host's own image with its driver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import aws_cdk as cdk

from cdk_modelbuilder import instances
from cdk_modelbuilder.constructs.arguments import is_token
from cdk_modelbuilder.constructs.container import BundleContainer, Container
from cdk_modelbuilder.container_spec import HealthCheck
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.reckoned_needs import ReckonedNeeds

_CHIPS = {"NVIDIA": "gpu", "AWS": "neuron"}
_WORDS = {"cpu": "a processor alone", "gpu": "NVIDIA GPUs", "neuron": "Inferentia or Trainium"}
_CPUS = {"arm64": "Graviton", "x86_64": "Intel or AMD"}


def check_hosts(containers: Sequence[Container], instance_types: Iterable[str]) -> None:
    """Refuse instances that a bundle's image was not chosen for.

    A GPU's host runs an image without GPU support too, and pays for it in vain, which may be wanted; the reverse fails.

    Raises:
        UsageError: Another architecture, or accelerators that the image needs are missing; or too few, or too small
            ones, for how a language model's server was set up.
    """
    for name in instance_types:
        known = None if is_token(name) else instances.instance_type(name)
        if known is None:
            continue
        chip = "cpu" if known.accelerator is None else _CHIPS.get(known.accelerator.manufacturer, "cpu")
        for container in containers:
            if not isinstance(container, BundleContainer):
                continue
            image = container.bundle.container.image
            if image.uri is not None and image.build is None:
                continue  # the user's own, of which nothing is known
            if image.architecture != known.architecture:
                raise UsageError(
                    f"{container.bundle.name} was built for {_CPUS[image.architecture]}, and {name} has "
                    f"{_CPUS[known.architecture]}.",
                    remedy=f"Build it with ModelBuilder(instance_type={name!r}), or choose another instance type.",
                )
            if image.processor not in ("cpu", chip):
                raise UsageError(
                    f"{container.bundle.name} was built for {_WORDS[image.processor]}, and {name} has {_WORDS[chip]}.",
                    remedy=f"Build it with ModelBuilder(instance_type={name!r}), or choose another instance type.",
                )
            _check_served(container, name)


def _check_served(container: BundleContainer, name: str) -> None:
    bundle = container.bundle
    needs = ReckonedNeeds.of(bundle.serving, str(bundle.path))
    why = None if needs is None else needs.why_not(name)
    if needs is not None and why is not None:
        raise UsageError(
            f"the server of {bundle.name} was set up for {needs.instance_type}: {why}.",
            remedy=f"Build it with ModelBuilder(instance_type={name!r}), or choose another instance type.",
        )


def startup_of(containers: Sequence[Container], given: cdk.Duration | None) -> cdk.Duration | None:
    """Until containers must answer: what the user gives, else what a bundle asks for beyond SageMaker's default."""
    if given is not None:
        return given
    asked = [
        one.bundle.container.health_check.startup_seconds for one in containers if isinstance(one, BundleContainer)
    ]
    longest = max(asked, default=0)
    return cdk.Duration.seconds(longest) if longest > HealthCheck().startup_seconds else None


def inference_ami_of(containers: Sequence[Container], given: str | None) -> str | None:
    """The host's image for a variant: what the user gives, else what the bundles' images need.

    Raises:
        UsageError: Two bundles need different ones.
    """
    needed = {
        container.bundle.container.inference_ami_version: container.bundle.name
        for container in containers
        if isinstance(container, BundleContainer) and container.bundle.container.inference_ami_version is not None
    }
    if given is not None or not needed:
        return given
    if len(needed) > 1:
        each = ", ".join(f"{name} needs {version}" for version, name in sorted(needed.items(), key=str))
        raise UsageError(
            f"the containers need different hosts: {each}.", remedy="Serve them on endpoints of their own."
        )
    return next(iter(needed))
