"""Finds the way to an endpoint from what the caller knows about it: a URL, or a name in SageMaker."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from cdk_modelbuilder.calling.arguments import check_count, check_header, check_timeout
from cdk_modelbuilder.calling.endpoint_url import shown_url
from cdk_modelbuilder.calling.http import CUSTOM_ATTRIBUTES_HEADER, HttpTransport
from cdk_modelbuilder.calling.pending import PendingAnswer
from cdk_modelbuilder.calling.transport import Request, Transport
from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.errors import UsageError

_SPARE_SECONDS = 10
"""For the way to the container and back: the API reference asks for 70 s where the model may take 60."""


class Queue(Protocol):
    """Takes requests whose answers come later."""

    def submit(self, request: Request) -> PendingAnswer:
        """Hand ``request`` over."""

    def close(self) -> None:
        """Close the connections."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an endpoint is and how to call it; :meth:`Predictor.from_bundle` explains the fields."""

    url: str | None = None
    endpoint_name: str | None = None
    inference_component_name: str | None = None
    target_variant: str | None = None
    custom_attributes: str | None = None
    async_input: str | None = None
    region: str | None = None
    session: Any = None
    boto_client: Any = None
    timeout: float | None = None
    max_attempts: int = 3


def connect(address: Address, container: ContainerSpec) -> tuple[Transport, Queue | None]:
    """The way to the endpoint, and its queue if it is an asynchronous one.

    Raises:
        UsageError: Arguments that contradict each other, or boto3 is needed and not installed.
    """
    if (address.url is None) == (address.endpoint_name is None):
        url = shown_url(address.url)
        raise UsageError(
            f"url={url} and endpoint_name={address.endpoint_name!r}: exactly one says where the endpoint is.",
            remedy="Give url= for one on this machine, endpoint_name= for one in SageMaker.",
        )
    check_count("max_attempts", address.max_attempts)
    if address.timeout is not None:
        check_timeout(address.timeout)
    if address.custom_attributes is not None:
        check_header("custom_attributes", address.custom_attributes)
    if address.url is not None:
        return _by_url(address, address.url, container), None
    assert address.endpoint_name is not None
    return _by_name(address, address.endpoint_name, container)


def _by_url(address: Address, url: str, container: ContainerSpec) -> Transport:
    for name in ("inference_component_name", "target_variant", "async_input", "region", "session", "boto_client"):
        if getattr(address, name) is not None:
            raise UsageError(f"{name} was given with url={shown_url(url)}.", remedy=f"{name} goes with endpoint_name=.")
    return HttpTransport(
        url,
        path=container.invocations_path,
        max_payload_bytes=container.max_payload_bytes,
        timeout=container.invocation_timeout_seconds if address.timeout is None else address.timeout,
        max_attempts=address.max_attempts,
        headers={CUSTOM_ATTRIBUTES_HEADER: address.custom_attributes} if address.custom_attributes else {},
    )


def _by_name(address: Address, name: str, container: ContainerSpec) -> tuple[Transport, Queue | None]:
    try:
        from cdk_modelbuilder.calling import aws_clients, sagemaker, sagemaker_async  # noqa: PLC0415 - boto3 is an extra
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in ("boto3", "botocore"):
            raise
        raise UsageError(
            "calling an endpoint in SageMaker needs boto3, which is not installed.",
            remedy="Run: pip install 'cdk-modelbuilder[aws]'",
        ) from None
    timeout = container.invocation_timeout_seconds + _SPARE_SECONDS if address.timeout is None else address.timeout
    region = address.region if address.boto_client is None else address.boto_client.meta.region_name
    session = aws_clients.open_session(address.session, region)

    def client(service: str) -> Any:
        return aws_clients.new_client(
            session,
            service,
            region=region,
            timeout=timeout,
            max_attempts=address.max_attempts,
            repeatable=service == "s3",  # an object put twice is the same object
        )

    named = {
        "InferenceComponentName": address.inference_component_name,
        "TargetVariant": address.target_variant,
        "CustomAttributes": address.custom_attributes,
    }
    routing = {parameter: value for parameter, value in named.items() if value is not None}
    runtime = client("sagemaker-runtime") if address.boto_client is None else address.boto_client
    transport = sagemaker.SageMakerTransport(
        runtime,
        name,
        routing=routing,
        max_payload_bytes=container.max_payload_bytes,
        timeout=timeout,
        owned=address.boto_client is None,
    )
    if address.async_input is None:
        return transport, None
    if address.inference_component_name or address.target_variant:
        raise UsageError(
            "async_input was given with inference_component_name or target_variant.",
            remedy="InvokeEndpointAsync has no such parameters; leave them out.",
        )
    queue = sagemaker_async.SageMakerQueue(
        runtime, client("s3"), name, routing=routing, input_prefix=address.async_input, timeout=timeout
    )
    return transport, queue
