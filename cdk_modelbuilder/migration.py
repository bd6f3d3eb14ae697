"""What the SageMaker Python SDK's ModelBuilder has and this one has not, and what takes its place.

Sources: ``sagemaker.serve.ModelBuilder`` of the wheels sagemaker 2.257.7 and 3.27.0; docs/coming-from-sagemaker-sdk.md
is the same for people, with what is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NoReturn

from cdk_modelbuilder.errors import UsageError

_NO_CALLS = "build() calls no AWS service, so it takes no session and no region"
_STACK = "it belongs to the stack, where it is reviewed"

BUILDER_PARAMETERS: Mapping[str, str] = {
    "accept_type": "Leave it out: SchemaBuilder derives it; a CustomPayloadTranslator has accept_type= of its own.",
    "compute": "Give instance_type= here, and initial_instance_count= to deploy() or to ModelEndpoint.",
    "content_type": "Leave it out: SchemaBuilder derives it; a CustomPayloadTranslator has content_type= of its own.",
    "image_config": f"Give private_registry= to the Container construct: {_STACK}.",
    "inference_component_name": "Give deploy() endpoint_type=EndpointType.INFERENCE_COMPONENT_BASED, or use the "
    "InferenceComponent construct, which takes the name.",
    "log_level": 'Leave it out: logging.getLogger("cdk_modelbuilder").setLevel(...) does it.',
    "model_metadata": "Give what it names as model=: a hub id with its revision, a folder, an s3:// prefix, or an "
    "MLflow URI such as models:/churn/3.",
    "model_version": "Leave it out: the bundle's root digest is its version.",
    "modelbuilder_list": "Build one bundle for each model, and put them on one endpoint: `cdk-modelbuilder init "
    "--hosting components`, or the InferenceComponent construct.",
    "network": f"Give vpc= or network_isolation= to deploy() or to the ModelEndpoint construct: {_STACK}.",
    "resource_requirements": "Give resources= to deploy() or to the InferenceComponent construct.",
    "s3_model_data_url": "Leave it out: `cdk deploy` uploads the artifact, or `cdk-modelbuilder publish` puts it "
    "where you say.",
    "sagemaker_session": f"Leave it out: {_NO_CALLS}. deploy() takes region=, profile= or session=.",
    "shared_libs": "Give the files as artifacts= of an InferenceSpec; system libraries belong into an image: "
    'model_server="builtin" with base_image=, or image_uri=.',
    "source_code": "Put the code into an InferenceSpec: its module and the local modules that it imports are shipped.",
    "vpc_config": f"Give vpc= to deploy() or to the ModelEndpoint construct: {_STACK}.",
}
"""Parameter of ModelBuilder -> what to do instead."""

BUILD_PARAMETERS: Mapping[str, str] = {
    "model_name": "Give name= to ModelBuilder; the stack names the SageMaker Model.",
    "region": f"Leave it out: {_NO_CALLS}.",
    "reuse_resources": "Leave it out: the same inputs give the same bundle, and a stack that has it changes nothing.",
    "sagemaker_session": f"Leave it out: {_NO_CALLS}.",
    "tags": "Use cdk.Tags.of(stack).add(...) in the app.",
}
"""Parameter of build() -> what to do instead."""

DEPLOY_PARAMETERS: Mapping[str, str] = {
    "auto_approve": "Leave it out: there are no recommendations to approve.",
    "container_timeout_in_seconds": "Give startup_health_check_timeout= to Hosting.real_time() in the app; a container "
    "here takes startup_seconds=.",
    "custom_orchestrator_initial_instance_count": "Put the calls to other endpoints into an InferenceSpec.",
    "custom_orchestrator_instance_type": "Put the calls to other endpoints into an InferenceSpec.",
    "endpoint_config_name": "Leave it out: the stack names it anew with each change, which is what makes updates safe.",
    "inference_config": "Give serverless=, asynchronous= or resources=.",
    "model_name": "Leave it out: the stack names the model.",
    "recommendation": "Give instance_type=; left out, it is proposed from the bundle.",
    "recommendation_index": "Give instance_type=; left out, it is proposed from the bundle.",
    "recommendation_spec_name": "Give instance_type=; left out, it is proposed from the bundle.",
    "reuse_resources": "Leave it out: a second deploy() of the same name updates in place.",
    "role_arn": "It is called role= here.",
    "sagemaker_session": "Give region=, profile= or session=.",
    "update_endpoint": "Leave it out: a second deploy() of the same name updates in place.",
    "use_recommendation": "Give instance_type=; left out, it is proposed from the bundle.",
}
"""Parameter of deploy() -> what to do instead."""

_PROPOSED = "deploy() without instance_type= proposes one from the bundle and says why."
_NO_HUB = "JumpStart is not used: name the model by hub id, folder or s3:// prefix."
BUILDER_METHODS: Mapping[str, str] = {
    "add_tags": "Use cdk.Tags.of(stack).add(...) in the app.",
    "benchmark_metrics": "`cdk-modelbuilder run BUNDLE --load` measures here.",
    "configure_for_torchserve": "ModelBuilder(model_server=..., dependencies=...) says the same.",
    "deploy_local": "build().deploy(mode=Mode.LOCAL_CONTAINER), or Mode.LOCAL_PROCESS.",
    "display_benchmark_metrics": "`cdk-modelbuilder run BUNDLE --load` measures here.",
    "download_huggingface_model_metadata": "Give model='org/model@revision'.",
    "enable_network_isolation": f"ModelEndpoint(network_isolation=True): {_STACK}.",
    "fetch_endpoint_names_for_base_model": "The stack knows the endpoint of its components.",
    "from_jumpstart_config": _NO_HUB,
    "from_recommendation_job": _PROPOSED,
    "generate_deployment_recommendations": _PROPOSED,
    "get_deployment_config": _NO_HUB,
    "get_huggingface_model_metadata": "Give model='org/model@revision'.",
    "is_repack": "Nothing is repacked: the bundle is what is deployed.",
    "list_deployment_configs": _NO_HUB,
    "optimize": "Compile or quantize before, and give the folder or s3:// prefix as model=.",
    "recommendations": _PROPOSED,
    "register": "The ModelPackage construct registers a bundle with the stack; the pull request is the approval.",
    "remove_tag_with_key": "Use cdk.Tags.of(stack).remove(...) in the app.",
    "right_size": _PROPOSED,
    "save": "build() writes the bundle, and ModelBundle.load() reads it.",
    "set_deployment_config": _NO_HUB,
    "set_js_deployment_config": _NO_HUB,
    "set_tracking_arn": "Give an MLflow URI as model=; MLFLOW_TRACKING_URI says where that is.",
    "transformer": "Predictor.predict_batch() sends many rows to an endpoint; transform jobs are not made here.",
    "validate": "ModelBundle.verify() checks content and signature.",
}
"""Method of ModelBuilder, or of what its build() returned -> what to do instead."""

PREDICTOR_METHODS: Mapping[str, str] = {
    "delete": "It is called delete_endpoint() here.",
    "delete_model": "delete_endpoint() removes the model too.",
    "delete_predictor": "It is called delete_endpoint() here.",
    "invoke_async": "It is called predict_async() here.",
    "invoke_with_response_stream": "It is called predict_stream() here, or invoke_stream() for bytes.",
    "update_endpoint": "Call deploy() of the new bundle with the same name.",
    "update_weights_and_capacities": "Change the variants in the stack: the deployment shifts the traffic.",
    "wait_for_status": "deploy() returns when the endpoint is in service.",
}
"""Method of a predictor, or of version 3's Endpoint -> what to do instead."""


class RetiredNameError(UsageError, AttributeError):
    """A method of the SageMaker SDK that is not here; an AttributeError, so that hasattr() is False."""


def refuse_parameters(
    owner: str, given: Iterable[str], retired: Mapping[str, str], function: Callable[..., object]
) -> None:
    """Refuse what is given, if anything is: by what replaces it, or as unknown.

    Args:
        owner: What they were given to, such as ``ModelBuilder()``.
        given: Names of arguments that it does not take.
        retired: Name -> what to do instead.
        function: What takes the others.

    Raises:
        UsageError: Always, unless nothing is given.
    """
    name = min(given, default=None)
    if name is None:
        return
    if name in retired:
        raise UsageError(f"{owner} has no {name}=, which the SageMaker SDK's has.", remedy=retired[name])
    import difflib  # noqa: PLC0415 - only for a mistake
    import inspect  # noqa: PLC0415

    known = [item.name for item in inspect.signature(function).parameters.values() if item.kind != item.VAR_KEYWORD]
    close = difflib.get_close_matches(name, known, n=1)
    remedy = f"Did you mean {close[0]}=?" if close else f"It takes {', '.join(known)}."
    raise UsageError(f"{owner} has no parameter {name}=.", remedy=remedy)


def refuse_attribute(owner: object, name: str, retired: Mapping[str, str]) -> NoReturn:
    """Raise for an attribute that ``owner`` does not have.

    Raises:
        RetiredNameError: The SageMaker SDK's has it.
        AttributeError: Nobody has it.
    """
    kind = type(owner).__name__
    if name in retired:
        raise RetiredNameError(
            f"{kind} has no {name}(), which the SageMaker SDK's has.", remedy=retired[name]
        ) from None
    raise AttributeError(f"{kind!r} object has no attribute {name!r}")
