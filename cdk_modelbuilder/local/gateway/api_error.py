"""Errors as SageMaker Runtime answers them.

Source: names, statuses and members are those of botocore's service model of sagemaker-runtime; the texts are
SageMaker's as public reports quote them (aws/sagemaker-python-sdk issues 171 and 4271, aws/amazon-sagemaker-examples
issues 293, 1026, 2815 and 4324, langchain-ai/langchain issue 16150, aws/sagemaker-tensorflow-serving-container issue
166).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

LONGEST_MESSAGE = 2048
"""Longest text of an error's member, by the service model."""


@dataclass(frozen=True, slots=True)
class ApiError:
    """An error of the API.

    Attributes:
        status: HTTP status.
        code: Its name, such as ``ValidationError``; empty where SageMaker's front answers without one.
        message: What the client shows.
        members: Further members beside ``Message``.
    """

    status: int
    code: str
    message: str
    members: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The response's body."""
        name = "Message" if self.code else "message"
        return json.dumps({name: self.message, **self.members}).encode()

    @property
    def headers(self) -> bytes:
        """Header lines that go with it."""
        return b"x-amzn-errortype: %s\r\n" % self.code.encode() if self.code else b""


def validation_error(message: str, code: str | None = None) -> ApiError:
    """The request cannot be served as it is; ``code`` is SageMaker's finer name for the reason."""
    return ApiError(400, "ValidationError", message, {} if code is None else {"ErrorCode": code})


def not_ready(message: str) -> ApiError:
    """A multi-model endpoint's model is still loading."""
    return ApiError(429, "ModelNotReadyException", message)


def throttled(message: str) -> ApiError:
    """A serverless variant has as many requests as it takes."""
    return ApiError(400, "ThrottlingException", message)


def too_large(limit: int) -> ApiError:
    """A body over the limit, as SageMaker's front refuses it: a 413 without a name."""
    return ApiError(413, "", f"HTTP content length exceeded {limit} bytes.")


def unavailable(message: str) -> ApiError:
    """The gateway itself takes no more at the moment."""
    return ApiError(503, "ServiceUnavailable", message)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an endpoint is, as errors name it.

    Attributes:
        account: AWS account.
        region: AWS region.
        endpoint: The endpoint's name.
        variant: The variant's or component's name, for the log stream.
    """

    account: str
    region: str
    endpoint: str
    variant: str

    def model_error(self, status: int, container: str, body: bytes | bytearray) -> ApiError:
        """What the container answered with a status of 400 or above, or, with status 0, what is said of its silence."""
        said = bytes(body[: LONGEST_MESSAGE * 4]).decode("utf-8", errors="replace")
        side = "client" if 400 <= status < 500 else "server"
        if len(said) > LONGEST_MESSAGE:
            quoted = "and could not load the entire response body"
        else:
            quoted = f'with message "{said}"'
        arn = f"arn:aws:logs:{self.region}:{self.account}:log-group"
        group = f"/aws/sagemaker/Endpoints/{self.endpoint}"
        console = (
            f"https://{self.region}.console.aws.amazon.com/cloudwatch/home?region={self.region}"
            f"#logEventViewer:group={group}"
        )
        return ApiError(
            424,
            "ModelError",
            f"Received {side} error ({status}) from {container} {quoted}. See {console} in account {self.account} "
            "for more information.",
            {
                "OriginalStatusCode": status,
                "OriginalMessage": said[:LONGEST_MESSAGE],
                "LogStreamArn": f"{arn}:{group}:log-stream:{self.variant}",
            },
        )

    def timed_out(self, container: str) -> ApiError:
        """The container did not answer in time."""
        return self.model_error(
            0,
            container,
            f"Your invocation timed out while waiting for a response from container {container}. Review the latency "
            "metrics for each container in Amazon CloudWatch, resolve the issue, and try again.".encode(),
        )

    def no_response(self, container: str) -> ApiError:
        """No copy of the container answers, or the one that was at work died."""
        return self.model_error(
            0,
            container,
            f"Amazon SageMaker could not get a response from the {self.endpoint} endpoint. This can occur when CPU or "
            "memory utilization is high. To check your utilization, see Amazon CloudWatch. To fix this problem, use an "
            "instance type with more CPU capacity or memory.".encode(),
        )
