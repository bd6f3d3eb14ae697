"""deploy(): runs a bundle where ``mode`` says and returns a predictor."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.integrity.keys import require_master_key
from cdk_modelbuilder.mode import Mode
from cdk_modelbuilder.predictor import Predictor

if TYPE_CHECKING:
    from cdk_modelbuilder.local.process import LocalProcess


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
) -> Predictor:
    """Run ``bundle`` and return a predictor for it.

    Args:
        bundle: What to run.
        mode: Where. Default: the mode that the bundle was built with.
        port: Port on 127.0.0.1 for local modes; 0 takes a free one.
        workers: Server processes in local modes.
        strict: In a process: answer by the rules of the toolkit in the bundle's container, quirks included.
        signing_key: The master key that signed the bundle. Default: the environment's, else the key file's.
        on_log: Called with each line of the server's log.
        input_translator: Instance of the input's payload translator, if its module is not to be had here.
        output_translator: The same for the output.

    Raises:
        IntegrityError: The bundle was changed, or signed with another key.
        LocalEndpointError: The server did not start.
        UsageError: A mode that this version does not start by itself.
    """
    chosen = Mode[str(bundle.info.get("mode", "SAGEMAKER_ENDPOINT"))] if mode is None else mode
    if chosen is not Mode.LOCAL_PROCESS:
        raise UsageError(
            f"deploy(mode=Mode.{chosen.name}) is not started from Python in this version.",
            remedy="Use mode=Mode.LOCAL_PROCESS to run it here, and `cdk deploy` (see the README) for an endpoint.",
        )
    process = start_process(bundle, port=port, workers=workers, strict=strict, signing_key=signing_key, on_log=on_log)
    try:
        return Predictor(
            process.url,
            schema=bundle.schema,
            container=bundle.container,
            on_delete=process.stop,
            input_translator=input_translator,
            output_translator=output_translator,
        )
    except BaseException:
        process.stop()
        raise


def start_process(
    bundle: ModelBundle,
    *,
    port: int = 0,
    workers: int = 1,
    strict: bool = False,
    signing_key: str | bytes | None = None,
    on_log: Callable[[str], object] | None = None,
) -> LocalProcess:
    """Serve ``bundle`` in a child process; the arguments are those of :func:`deploy`.

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
    return LocalProcess(bundle, key, port=port, workers=workers, strict=strict, on_log=on_log)
