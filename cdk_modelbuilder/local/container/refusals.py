"""What the daemon says when it refuses, as errors that name the way out."""

from __future__ import annotations

import re
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import LocalEndpointError, ModelBuilderError, UsageError
from cdk_modelbuilder.local.listening import port_taken

NO_SPACE = "no space left on device"
_TAKEN = re.compile(r"port is already allocated|address already in use|ports are not available", re.IGNORECASE)
_NO_PROGRAM = re.compile(r'exec: "?([^":]+)"?: (?:executable file not found|stat [^:]+: no such file|no such file)')


def no_space(what: str) -> LocalEndpointError:
    """There is none where the daemon keeps its images and containers."""
    return LocalEndpointError(
        f"{what} does not fit: {NO_SPACE} where the daemon keeps its data.",
        remedy="`docker system df` shows what is there and `docker image prune` removes what nobody uses; "
        '"data-root" in /etc/docker/daemon.json moves it to another disk.',
    )


def explained(error: LocalEndpointError, bundle: ModelBundle, port: int) -> LocalEndpointError:
    """The same error with what the doctor's checks know about it."""
    from cdk_modelbuilder.local.doctor.explain import explain_start_failure  # noqa: PLC0415 - only now

    found = explain_start_failure(str(error), bundle=bundle, port=port or None)
    if not found:
        return error
    return LocalEndpointError(
        error.what,
        remedy="\n".join([error.remedy, *map(str, found)]),
        status=error.status,
        out_of_memory=error.out_of_memory,
    )


def refusal(error: Any, *, name: str, image: str, port: int) -> ModelBuilderError:
    """What the daemon's answer to creating or starting a container means.

    Args:
        error: The SDK's APIError.
        name: The bundle's name.
        image: The image.
        port: The port asked for.
    """
    said = str(error.explanation or error).strip()
    if _TAKEN.search(said):
        return port_taken(port)
    if "could not select device driver" in said or "no known GPU vendor" in said or "nvidia-container-cli" in said:
        return LocalEndpointError(
            f"the daemon has no GPU to give to {name}: {said.rstrip('.')}.",
            remedy="Install the NVIDIA Container Toolkit and run `sudo nvidia-ctk runtime configure` and "
            "`sudo systemctl restart docker`, or leave gpus out.",
        )
    if "CPUs" in said and "range of" in said.lower():
        return UsageError(
            f"cpus is more than this machine has: {said.rstrip('.')}.", remedy="Give less, or leave it out."
        )
    if found := _NO_PROGRAM.search(said):
        return LocalEndpointError(
            f"{image} has no program {found[1]!r}, which it is started with.",
            remedy="SageMaker starts an image with the word serve: give it an ENTRYPOINT, or a program of that name.",
        )
    if "exec format error" in said:
        return wrong_architecture(image)
    if NO_SPACE in said:
        return no_space(f"the container of {name}")
    if "bind source path does not exist" in said or "mounts denied" in said.lower():
        return LocalEndpointError(
            f"the daemon does not see the model's folder: {said.rstrip('.')}.",
            remedy="It must run on this machine and be allowed to share that folder (Docker Desktop: Settings, "
            "Resources, File sharing).",
        )
    return LocalEndpointError(f"the daemon does not start {name}: {said.rstrip('.')}.", remedy="It says why.")


def wrong_architecture(image: str, built_for: str = "another processor", here: str = "this one") -> LocalEndpointError:
    """The image's programs are of another kind of processor."""
    return LocalEndpointError(
        f"the programs in {image} do not run here (exec format error): it was built for {built_for}, and the daemon's "
        f"machine is {here}.",
        remedy="Build the bundle for an instance type of this architecture, or install QEMU's binfmt handlers "
        "(Debian: `sudo apt install qemu-user-static`), which is slow.",
    )
