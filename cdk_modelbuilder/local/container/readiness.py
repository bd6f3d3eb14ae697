"""Waits until a container answers its health check, or says why it never will."""

from __future__ import annotations

from cdk_modelbuilder.container_spec import HealthCheck
from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local import health
from cdk_modelbuilder.local.container.ending import start_failure
from cdk_modelbuilder.local.container.image import LocalImage
from cdk_modelbuilder.local.container.recording import Recording
from cdk_modelbuilder.local.last_words import last_words


def wait_until_healthy(
    name: str,
    url: str,
    recording: Recording,
    check: HealthCheck,
    *,
    startup_seconds: float | None,
    image: LocalImage,
    machine: str,
) -> None:
    """Ask as SageMaker does; see :func:`cdk_modelbuilder.local.health.wait_until_healthy`.

    Args:
        name: The bundle's name.
        url: Where the container's port is.
        recording: What is known of the container.
        check: The spec's health check.
        startup_seconds: Instead of the check's.
        image: What it runs.
        machine: The architecture of the daemon's machine.

    Raises:
        LocalEndpointError: It ended, or the time is over.
    """
    seconds = check.startup_seconds if startup_seconds is None else startup_seconds
    said = health.wait_until_healthy(url, check, seconds, recording.ended.wait)
    if said is None:
        return
    if recording.ended.is_set():
        recording.join()
        assert recording.ending is not None
        raise start_failure(
            name,
            recording.ending,
            image=image.name,
            architectures=(image.architecture, machine),
            log=recording.tail,
        )
    raise LocalEndpointError(
        f"the container of {name} was not healthy within {seconds:g} s: {said}. {last_words(recording.tail)}",
        remedy="Find out what takes so long, or give startup_seconds more.",
    )
