"""To an asynchronous endpoint: the input goes to S3, the answer or the failure comes to S3.

Source: the API reference of InvokeEndpointAsync, and the guide's page "Asynchronous inference". Importing this needs
boto3.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from cdk_modelbuilder.calling.aws_errors import Call, failures_in_words
from cdk_modelbuilder.calling.container_message import as_sentence, container_message
from cdk_modelbuilder.calling.s3_uri import split_uri
from cdk_modelbuilder.calling.sagemaker import as_blob, whole_body
from cdk_modelbuilder.calling.transport import Answer, Request
from cdk_modelbuilder.errors import ModelFailedError, PredictionTimeoutError

MAX_PAYLOAD_BYTES = 1 << 30
"""What an asynchronous endpoint takes from S3."""
_FIRST_LOOK_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 5.0
_ABSENT = ("NoSuchKey", "404", "NotFound")


class SageMakerQueue:
    """The queue of one asynchronous endpoint.

    Args:
        client: A client of sagemaker-runtime.
        s3: A client of S3; it is closed with this.
        endpoint_name: The endpoint.
        routing: Further parameters of the API, such as CustomAttributes.
        input_prefix: ``s3://bucket/prefix`` under which inputs are put. They stay there: let a lifecycle rule of the
            bucket remove them.
        timeout: The clients' read time-out, for messages.

    Raises:
        UsageError: ``input_prefix`` is no S3 URI.
    """

    def __init__(
        self,
        client: Any,
        s3: Any,
        endpoint_name: str,
        *,
        routing: Mapping[str, str],
        input_prefix: str,
        timeout: float,
    ) -> None:
        region, partition = client.meta.region_name, client.meta.partition
        self.address = f"asynchronous endpoint {endpoint_name!r} in {region}"
        self._bucket, prefix = split_uri(input_prefix)
        self._prefix = prefix.rstrip("/")
        self._client = client
        self._s3 = s3
        self._parameters = {"EndpointName": endpoint_name, **routing}
        self._arn = f"arn:{partition}:s3:::"
        resource = f"arn:{partition}:sagemaker:{region}:ACCOUNT:endpoint/{endpoint_name}"
        self._call = Call(self.address, "sagemaker:InvokeEndpointAsync", resource, timeout)

    def submit(self, request: Request) -> AnswerInS3:
        """Put the request into S3 and tell the endpoint about it.

        Raises:
            PredictionError: S3 or the endpoint did not take it.
        """
        key = "/".join(part for part in (self._prefix, uuid.uuid4().hex) if part)
        location = f"s3://{self._bucket}/{key}"
        put = Call(location, "s3:PutObject", f"{self._arn}{self._bucket}/{key}", self._call.timeout)
        with failures_in_words(put):
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=as_blob(request), ContentType=request.content_type)
        with failures_in_words(self._call):
            response = self._client.invoke_endpoint_async(
                **self._parameters, InputLocation=location, ContentType=request.content_type, Accept=request.accept
            )
        return AnswerInS3(
            self._s3,
            address=self.address,
            accept=request.accept,
            output_location=response["OutputLocation"],
            failure_location=response.get("FailureLocation"),
            call=self._call,
        )

    def close(self) -> None:
        """Close the connections to S3."""
        self._s3.close()


class AnswerInS3:
    """An answer that will come to S3."""

    def __init__(
        self,
        s3: Any,
        *,
        address: str,
        accept: str,
        output_location: str,
        failure_location: str | None,
        call: Call,
    ) -> None:
        self.output_location: str | None = output_location
        self.failure_location = failure_location
        self._s3 = s3
        self._address = address
        self._accept = accept
        self._call = call
        self._outcome: Answer | ModelFailedError | None = None
        self._lock = threading.Lock()

    def done(self) -> bool:
        """Whether the answer or the failure is there; asks S3 until it is."""
        with self._lock:
            if self._outcome is None:
                self._outcome = self._look()
            return self._outcome is not None

    def wait(self, timeout: float | None) -> Answer:
        """The answer, once it is there."""
        deadline = None if timeout is None else time.monotonic() + timeout
        pause = _FIRST_LOOK_SECONDS
        while not self.done():
            left = pause if deadline is None else deadline - time.monotonic()
            if left <= 0:
                raise PredictionTimeoutError(
                    f"{self._address} has put no answer to {self.output_location} within {timeout:g} s.",
                    remedy="Ask result() again later: the request is still queued or running.",
                    status=0,
                )
            time.sleep(min(pause, left))
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        if isinstance(self._outcome, Answer):
            return self._outcome
        assert self._outcome is not None
        raise self._outcome

    def _look(self) -> Answer | ModelFailedError | None:
        found = self._fetch(self.output_location)
        if found is not None:
            return found
        failure = self._fetch(self.failure_location)
        if failure is None:
            return None
        return ModelFailedError(
            f"{self._address} failed on the request: {as_sentence(container_message(failure.body))}",
            remedy=f"The endpoint's log has the reason; {self.failure_location} has the whole message.",
            status=0,
        )

    def _fetch(self, location: str | None) -> Answer | None:
        if location is None:
            return None
        bucket, key = split_uri(location)
        folder = "".join(key.rpartition("/")[:2])
        arn = f"arn:{self._s3.meta.partition}:s3:::{bucket}/{folder}*"
        with failures_in_words(Call(location, "s3:GetObject", arn, self._call.timeout)):
            try:
                found = self._s3.get_object(Bucket=bucket, Key=key)
            except ClientError as error:
                if error.response["Error"].get("Code") in _ABSENT:
                    return None
                raise
            content_type = found.get("ContentType", "")
            if content_type in (
                "",
                "binary/octet-stream",
            ):  # S3's word for "nobody said": then it is what was asked for
                content_type = self._accept.partition(",")[0].partition(";")[0].strip()
            return Answer(whole_body(found["Body"]), content_type)
