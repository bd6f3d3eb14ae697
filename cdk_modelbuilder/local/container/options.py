"""What the user decides about a container here. What decides how the model runs stands in the container spec."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.resources import ResourceRequirements

Pull = Literal["missing", "always", "never"]

LEAST_MEMORY_MB = 6
"""Docker's own least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerOptions:
    """How a container is run on this machine.

    Attributes:
        pull: When its image is pulled: if it is ``missing`` here, ``always``, or ``never``.
        memory_mb: MiB beyond which it is ended, swap included. Default: ``resources``' largest, else their least.
        cpus: Processors; parts of one count. Default: that of ``resources``.
        gpus: How many GPUs, or ``"all"``. Default: the accelerators of ``resources``.
        shm_mb: MiB of ``/dev/shm``. Default: the daemon's, which is 64 in Docker.
        resources: What one copy takes of an instance, as on an endpoint of inference components.
        network_isolation: Leave it no network but loopback, as ``EnableNetworkIsolation`` does; requests reach it.
        user: Name or id of the user in it. Default: the image's, which SageMaker expects to be root.
        read_only: Let it write nowhere but ``/tmp``. SageMaker does not do that; it shows what a model writes where.
        confined: Drop the capabilities that servers do without, and let no program gain privileges.
        pids: How many processes and threads it may have.
        startup_seconds: The first good answer to a ping must come within this. Default: the container spec's.
        model_folder: Folder with the model's files, for a bundle whose files are elsewhere in S3.
        region: AWS region of an image of AWS's. Default: the environment's.
        session: A boto3 session for the login to Amazon ECR. Default: one with the environment's credentials.

    Raises:
        UsageError: A value that Docker does not take.
    """

    pull: Pull = "missing"
    memory_mb: int | None = None
    cpus: float | None = None
    gpus: int | Literal["all"] | None = None
    shm_mb: int | None = None
    resources: ResourceRequirements | None = None
    network_isolation: bool = False
    user: str | None = None
    read_only: bool = False
    confined: bool = True
    pids: int = 8192
    startup_seconds: float | None = None
    model_folder: Path | str | None = None
    region: str | None = None
    session: Any = None

    def __post_init__(self) -> None:
        if self.pull not in get_args(Pull):
            raise UsageError(f"pull={self.pull!r} is unknown.", remedy=f"Give one of {', '.join(get_args(Pull))}.")
        _check("memory_mb", self.memory_mb, least=LEAST_MEMORY_MB, whole=True)
        _check("shm_mb", self.shm_mb, least=1, whole=True)
        _check("cpus", self.cpus, least=0.01)
        _check("pids", self.pids, least=1, whole=True)
        _check("startup_seconds", self.startup_seconds, least=0)
        if self.gpus != "all":
            _check("gpus", self.gpus, least=0, whole=True)

    @classmethod
    def of(cls, given: dict[str, Any]) -> ContainerOptions:
        """The options of these names.

        Raises:
            UsageError: A name that is no option, or a value that Docker does not take.
        """
        known = [item.name for item in fields(cls)]
        unknown = sorted(given.keys() - set(known))
        if unknown:
            raise UsageError(
                f"{unknown[0]}= is no option of a local container.", remedy=f"Its options are {', '.join(known)}."
            )
        return cls(**given)

    @property
    def memory_limit(self) -> int | None:
        """Bytes beyond which the container is ended; None for no limit."""
        needs = self.resources
        found = self.memory_mb
        if found is None and needs is not None:
            found = needs.min_memory if needs.max_memory is None else needs.max_memory
        return None if found is None else int(found) << 20

    @property
    def processors(self) -> float | None:
        """Processors that it may use; None for all."""
        if self.cpus is None and self.resources is not None and self.resources.num_cpus is not None:
            return float(self.resources.num_cpus)
        return self.cpus

    @property
    def accelerators(self) -> int | Literal["all"]:
        """GPUs that it is given."""
        if self.gpus is None and self.resources is not None and self.resources.num_accelerators is not None:
            return int(self.resources.num_accelerators)
        return self.gpus or 0


def _check(name: str, value: object, *, least: float, whole: bool = False) -> None:
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise UsageError(f"{name}={value!r} is no number.", remedy="Give a number.")
    if whole and value != int(value):
        raise UsageError(f"{name}={value!r} is no whole number.", remedy="Give a whole number.")
    if value < least:
        raise UsageError(f"{name}={value!r} is too small.", remedy=f"Docker takes {least:g} or more.")
