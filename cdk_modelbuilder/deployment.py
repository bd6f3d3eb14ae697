"""deploy(): runs a bundle where ``mode`` says and returns a predictor."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
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
    workers: int | None = None,
    strict: bool = False,
    signing_key: str | bytes | None = None,
    on_log: Callable[[str], object] | None = None,
    on_progress: Callable[[str], object] | None = None,
    input_translator: Any = None,
    output_translator: Any = None,
    dry_run: bool = False,
    **options: Any,
) -> Predictor:
    """Run ``bundle`` and return a predictor for it.

    Moving between a local test and an endpoint is one argument: what only an endpoint has, such as ``instance_type``
    and ``initial_instance_count``, is ignored on this machine, and ``port``, ``workers`` and ``strict`` in SageMaker.

    Args:
        bundle: What to run.
        mode: Where. Default: the mode that the bundle was built with.
        port: Port on 127.0.0.1 for local modes; 0 takes a free one.
        workers: Server processes of ``LOCAL_PROCESS``; in a container the image decides. Default: what the container
            spec's ``MODELBUILDER_WORKERS`` says, else one.
        strict: In a process: answer by the rules of the toolkit in the bundle's container, quirks included.
        signing_key: The master key that signed the bundle. Default: the environment's, else the key file's.
        on_log: Called with each line of the server's log. For an endpoint in SageMaker, while it comes up; the default
            is to show them on standard error.
        on_progress: Called with each line about a pull, a build, or a deployment.
        input_translator: Instance of the input's payload translator, if its module is not to be had here.
        output_translator: The same for the output.
        dry_run: For an endpoint in SageMaker: return what ``cdk diff`` says, as text, and change nothing.
        options: For ``SAGEMAKER_ENDPOINT`` the attributes of
            :class:`~cdk_modelbuilder.deploying.options.DeployOptions`, such as ``instance_type="ml.c6i.xlarge"``; for
            ``LOCAL_CONTAINER`` those of :class:`~cdk_modelbuilder.local.container.options.ContainerOptions`, such as
            ``memory_mb=2048``.

    Returns:
        A :class:`Predictor`, or the text of a dry run. For an endpoint in SageMaker it also has ``deployment`` and
        ``endpoint_name``.

    Raises:
        DeploymentError: The endpoint did not come up; with the cause.
        IntegrityError: The bundle was changed, or signed with another key.
        LocalEndpointError: The server did not start.
        UsageError: An option that there is not, or that cannot work.
    """
    chosen = Mode[str(bundle.info.get("mode", "SAGEMAKER_ENDPOINT"))] if mode is None else mode
    translators = {"input_translator": input_translator, "output_translator": output_translator}
    own = _options_of(chosen, options)
    if chosen is Mode.SAGEMAKER_ENDPOINT:
        from cdk_modelbuilder.deploying.door import deploy_or_plan  # noqa: PLC0415 - boto3 is an extra

        told = {"on_log": on_log, "on_progress": on_progress, "signing_key": signing_key, "dry_run": dry_run}
        # A dry run alone gives text; overloads for it would make every deploy(**options) return Any.
        return deploy_or_plan(bundle, {**own, **told}, **translators)  # type: ignore[return-value]
    if dry_run:
        raise UsageError(
            f"deploy(mode=Mode.{chosen.name}) has no dry_run: nothing outside of this machine is changed.",
            remedy="Leave it out, or use mode=Mode.SAGEMAKER_ENDPOINT.",
        )
    running: RunningModel
    if chosen is Mode.LOCAL_CONTAINER:
        running = start_container(
            bundle, port=port, signing_key=signing_key, on_log=on_log, on_progress=on_progress, **own
        )
    else:
        running = start_process(
            bundle, port=port, workers=workers, strict=strict, signing_key=signing_key, on_log=on_log
        )
    try:
        return Predictor(
            running.url, schema=bundle.schema, container=bundle.container, on_delete=running.stop, **translators
        )
    except BaseException:
        running.stop()
        raise


def _options_of(mode: Mode, given: Mapping[str, Any]) -> dict[str, Any]:
    """The options for ``mode``: on this machine those of endpoints in SageMaker are left out.

    Raises:
        UsageError: A process is given an option that it does not have, or one of the SageMaker SDK's alone; the other
            modes look at theirs themselves.
    """
    from cdk_modelbuilder.migration import DEPLOY_PARAMETERS  # noqa: PLC0415 - for what is refused alone

    for name in sorted(given.keys() & DEPLOY_PARAMETERS.keys()):
        raise UsageError(f"deploy() has no {name}=, which the SageMaker SDK's has.", remedy=DEPLOY_PARAMETERS[name])
    if mode is Mode.SAGEMAKER_ENDPOINT:
        return dict(given)
    from cdk_modelbuilder.deploying.options import DeployOptions  # noqa: PLC0415 - only where something is deployed
    from cdk_modelbuilder.local.container.options import ContainerOptions  # noqa: PLC0415

    of_container = {item.name for item in fields(ContainerOptions)}
    of_endpoint = {item.name for item in fields(DeployOptions)}
    if mode is Mode.LOCAL_CONTAINER:
        return {name: value for name, value in given.items() if name in of_container or name not in of_endpoint}
    unknown = sorted(given.keys() - of_endpoint)
    if unknown:
        raise UsageError(
            f"deploy(mode=Mode.{mode.name}) has no option {unknown[0]}.",
            remedy="Leave it out, or use mode=Mode.LOCAL_CONTAINER."
            if unknown[0] in of_container
            else "Leave it out, or mend its name.",
        )
    return {}
