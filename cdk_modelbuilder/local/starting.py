"""Starts a bundle on this machine: as a process, or in a container."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.integrity.keys import require_master_key

if TYPE_CHECKING:
    from cdk_modelbuilder.local.container.runner import LocalContainer
    from cdk_modelbuilder.local.process import LocalProcess
    from cdk_modelbuilder.local.running import RunningModel


def start_process(
    bundle: ModelBundle,
    *,
    port: int = 0,
    workers: int | None = None,
    strict: bool = False,
    signing_key: str | bytes | None = None,
    on_log: Callable[[str], object] | None = None,
    own_group: bool = False,
) -> LocalProcess:
    """Serve ``bundle`` in a child process; the arguments are those of :func:`cdk_modelbuilder.deployment.deploy`.

    ``own_group`` is that of :class:`~cdk_modelbuilder.local.process.LocalProcess`.

    Raises:
        IntegrityError: Signed with another key.
        KeyFileError: There is no master key.
        LocalEndpointError: The server did not start.
        UsageError: The bundle has no code: its model server reads the model's files itself.
    """
    from cdk_modelbuilder.local.process import LocalProcess  # noqa: PLC0415 - remote callers need no server

    if "code/inference.py" not in bundle.manifest.files:
        server = bundle.container.model_server
        raise UsageError(
            f"{bundle.name} has no code that a process here could run: {server} serves its model.",
            remedy="Run its container, or deploy it.",
        )

    master = require_master_key(
        signing_key, purpose=f"to verify {bundle.name} with at its start", remedy=", or as signing_key"
    )
    key = bundle.check_signature(master.secret)
    return LocalProcess(bundle, key, port=port, workers=workers, strict=strict, on_log=on_log, own_group=own_group)


def start_container(
    bundle: ModelBundle,
    *,
    port: int = 0,
    signing_key: str | bytes | None = None,
    on_log: Callable[[str], object] | None = None,
    on_progress: Callable[[str], object] | None = None,
    **options: Any,
) -> LocalContainer:
    """Run ``bundle`` in a container here; the arguments are those of :func:`cdk_modelbuilder.deployment.deploy`.

    Raises:
        IntegrityError: Signed with another key.
        KeyFileError: There is no master key.
        LocalEndpointError: No daemon, no image, or the container was not healthy.
        UsageError: An option that there is not, or that does not fit.
    """
    from cdk_modelbuilder.local.container.options import ContainerOptions  # noqa: PLC0415 - remote callers need none
    from cdk_modelbuilder.local.container.runner import LocalContainer  # noqa: PLC0415

    chosen = ContainerOptions.of(options)
    key = None
    if bundle.container.secret_environment:
        master = require_master_key(
            signing_key, purpose=f"to verify {bundle.name} with at its start", remedy=", or as signing_key"
        )
        key = bundle.check_signature(master.secret)
    return LocalContainer(bundle, key, options=chosen, port=port, on_log=on_log, on_progress=on_progress)


class Starter:
    """Starts servers one way, for whoever only knows which bundle, such as the gateway.

    Args:
        in_container: In a container instead of a process.
        workers: Processes for each server; not in a container. Default: what the container spec's variable says.
        strict: See :class:`~cdk_modelbuilder.local.process.LocalProcess`; not in a container.
        signing_key: The master key that signed the bundles. Default: the environment's, else the key file's.
        options: Options of containers, by name.
    """

    def __init__(
        self,
        *,
        in_container: bool = False,
        workers: int | None = None,
        strict: bool = False,
        signing_key: str | bytes | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self._in_container = in_container
        self._workers, self._strict = workers, strict
        self._signing_key = signing_key
        self._options = dict(options or {})

    def __call__(
        self,
        bundle: ModelBundle,
        environment: Mapping[str, str],
        *,
        on_log: Callable[[str], object],
        port: int = 0,
    ) -> RunningModel:
        """Serve ``bundle`` with the variables ``environment`` on ``port``.

        Raises:
            ModelBuilderError: It did not start; see :func:`start_process` and :func:`start_container`.
        """
        changed = replace(bundle, container=replace(bundle.container, environment=dict(environment)))
        if self._in_container:
            return start_container(
                changed, port=port, signing_key=self._signing_key, on_log=on_log, on_progress=on_log, **self._options
            )
        return start_process(
            changed,
            port=port,
            workers=self._workers,
            strict=self._strict,
            signing_key=self._signing_key,
            on_log=on_log,
        )
