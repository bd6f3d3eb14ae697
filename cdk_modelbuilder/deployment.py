"""deploy(): runs a bundle where ``mode`` says and returns a predictor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.starting import start_container, start_process
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.predictor import Predictor

if TYPE_CHECKING:
    from cdk_modelbuilder.local.running import RunningModel


def deploy(
    bundle: ModelBundle,
    *,
    mode: Mode | None = None,
    port: int = 0,
    workers: int = 1,
    strict: bool = False,
    signing_key: str | bytes | None = None,
    on_log: Callable[[str], object] | None = None,
    input_translator: Any = None,
    output_translator: Any = None,
    **container: Any,
) -> Predictor:
    """Run ``bundle`` and return a predictor for it.

    Args:
        bundle: What to run.
        mode: Where. Default: the mode that the bundle was built with.
        port: Port on 127.0.0.1 for local modes; 0 takes a free one.
        workers: Server processes of ``LOCAL_PROCESS``; in a container the image decides.
        strict: In a process: answer by the rules of the toolkit in the bundle's container, quirks included.
        signing_key: The master key that signed the bundle. Default: the environment's, else the key file's.
        on_log: Called with each line of the server's log.
        input_translator: Instance of the input's payload translator, if its module is not to be had here.
        output_translator: The same for the output.
        container: Options of ``LOCAL_CONTAINER``, such as ``memory_mb=2048, cpus=2, gpus="all"``: the attributes of
            :class:`~cdk_modelbuilder.local.container.options.ContainerOptions`, and ``on_progress``, which is called
            with each line about a pull or a build.

    Raises:
        IntegrityError: The bundle was changed, or signed with another key.
        LocalEndpointError: The server did not start.
        UsageError: A mode that this version does not start by itself, or an option that it does not have.
    """
    chosen = Mode[str(bundle.info.get("mode", "SAGEMAKER_ENDPOINT"))] if mode is None else mode
    if chosen is Mode.SAGEMAKER_ENDPOINT:
        raise UsageError(
            f"deploy(mode=Mode.{chosen.name}) is not started from Python in this version.",
            remedy="Use mode=Mode.LOCAL_PROCESS to run it here, and `cdk deploy` (see the README) for an endpoint.",
        )
    running: RunningModel
    if chosen is Mode.LOCAL_CONTAINER:
        running = start_container(bundle, port=port, signing_key=signing_key, on_log=on_log, **container)
    elif container:
        raise UsageError(
            f"deploy(mode=Mode.{chosen.name}) has no option {min(container)}.",
            remedy="Leave it out, or use mode=Mode.LOCAL_CONTAINER.",
        )
    else:
        running = start_process(
            bundle, port=port, workers=workers, strict=strict, signing_key=signing_key, on_log=on_log
        )
    try:
        return Predictor(
            running.url,
            schema=bundle.schema,
            container=bundle.container,
            on_delete=running.stop,
            input_translator=input_translator,
            output_translator=output_translator,
        )
    except BaseException:
        running.stop()
        raise
