"""The way in for ``deploy()``: from plain arguments to a predictor for the endpoint, or to the text of a dry run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.calling.connect import Address, connect
from cdk_modelbuilder.deploying.deployment import Deployment, deploy_endpoint, plan_deployment
from cdk_modelbuilder.deploying.options import DeployOptions
from cdk_modelbuilder.deploying.screen import Screen
from cdk_modelbuilder.deploying.watching import Callbacks, Watcher
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.predictor import Predictor


class DeployedPredictor(Predictor):
    """A predictor for an endpoint that ``deploy()`` made.

    :meth:`delete_endpoint` destroys the deployment; :meth:`close` leaves it alone.

    Attributes:
        deployment: What was deployed.
    """

    deployment: Deployment

    @property
    def endpoint_name(self) -> str:
        """The endpoint's name in SageMaker."""
        return self.deployment.endpoint_name


def deploy_or_plan(
    bundle: ModelBundle, given: Mapping[str, Any], *, input_translator: Any = None, output_translator: Any = None
) -> DeployedPredictor | str:
    """Deploy ``bundle``, or say what would change; the arguments are those of ``deploy()``.

    Raises:
        ModelBuilderError: It failed, with the cause and the way out.
    """
    try:
        import boto3  # noqa: F401, PLC0415 - an extra
    except ImportError:
        raise UsageError(
            "deploying needs boto3, which is not installed.", remedy="Run: pip install 'cdk-modelbuilder[cdk,aws]'"
        ) from None
    options = DeployOptions.of(given)
    watcher = watcher_of(options)
    try:
        if options.dry_run:
            return plan_deployment(bundle, options, watcher)
        deployment = deploy_endpoint(bundle, options, watcher)
    finally:
        watcher.close()
    return predictor_for(deployment, input_translator=input_translator, output_translator=output_translator)


def watcher_of(options: DeployOptions) -> Watcher:
    """Who is told: the user's functions, or the terminal."""
    if options.on_progress is None and options.on_log is None:
        return Screen()
    screen = Screen()
    return Callbacks(options.on_progress or screen.say, options.on_log or screen.say)


def predictor_for(
    deployment: Deployment, *, input_translator: Any = None, output_translator: Any = None
) -> DeployedPredictor:
    """A predictor for the endpoint of ``deployment``, whose bundle is known.

    Raises:
        UsageError: It is not known which bundle it serves.
    """
    bundle, target = deployment.bundle, deployment.target
    if bundle is None:
        raise UsageError(
            f"it is not known here which bundle {deployment.endpoint_name} serves.",
            remedy="Use Predictor.from_bundle(bundle, endpoint_name=...).",
        )
    transport, queue = connect(
        Address(
            endpoint_name=deployment.endpoint_name,
            inference_component_name=target.components[0] if len(target.components) == 1 else None,
            async_input=deployment.async_input,
            region=target.account.region,
            session=target.account.session,
        ),
        bundle.container,
    )
    predictor = DeployedPredictor(
        transport,
        schema=bundle.schema,
        container=bundle.container,
        queue=queue,
        on_delete=deployment.destroy,
        input_translator=input_translator,
        output_translator=output_translator,
    )
    predictor.deployment = deployment
    return predictor
