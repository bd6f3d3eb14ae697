"""The function behind ``verify_on_deploy``: asks a new endpoint what the bundle's golden test holds, and compares.

CloudFormation calls it when the endpoint's configuration has changed. A failure is reported as one, so that the stack
goes back. It runs in AWS Lambda with the standard library and boto3, which the runtime brings.
"""

from __future__ import annotations

import base64
import json
import math
import time
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

SECONDS_LEFT_FOR_THE_ANSWER = 15
SECONDS_UNTIL_PERMITTED = 90
"""For so long IAM may not know everywhere what it was told a moment ago."""
PAUSE = 10
"""Seconds between two tries."""
_DENIED = ("AccessDenied", "AccessDeniedException")
_NOT_YET = ("ModelNotReadyException", "ServiceUnavailable", "InternalFailure", "ThrottlingException")
# What SageMaker says of a component that sleeps or is starting; being asked wakes it.
_AGAIN = ("has no capacity", "no inference component copies", "not in service", "is not ready")


class OtherAnswerError(Exception):
    """The endpoint answers something else, or not at all."""


def handler(event: dict[str, Any], context: Any) -> None:
    """Entry point; always answers CloudFormation, which would else wait for an hour."""
    try:
        reason = "" if event["RequestType"] == "Delete" else run(event, context)
        status = "SUCCESS"
    except Exception as error:  # noqa: BLE001 - whatever it is, CloudFormation must hear of it
        reason, status = f"{type(error).__name__}: {error}", "FAILED"
        if event["RequestType"] == "Update" and is_rolling_back(event["StackId"]):
            # Failing now would leave the stack stuck half way back to what was there before.
            reason, status = f"not counted, as the stack is going back: {reason}", "SUCCESS"
    print(f"{status} {reason}")  # noqa: T201 - the function's log
    respond(event, context, status, reason)


def run(event: dict[str, Any], context: Any) -> str:
    """Run every test of the resource; returns what was found, for the log."""
    properties = event["ResourceProperties"]
    done = []
    for test in json.loads(properties["Tests"]):
        golden = read_golden(test["Golden"], context)
        compare_with(properties, test, golden, context)
        done.append(test["Name"])
    return f"the endpoint answers as the golden tests of {', '.join(done)} say"


def compare_with(properties: dict[str, Any], test: dict[str, Any], golden: dict[str, Any], context: Any) -> None:
    """Ask one variant or component, and raise OtherAnswerError unless the answer is the kept one."""
    request, kept = golden["request"], golden.get("comparable", golden["response"])
    answer = ask(properties, test, request, kept["content_type"], context)
    expected = base64.b64decode(kept["base64"])
    if kept["content_type"].partition(";")[0].strip().lower() == "application/json":
        found, wanted = json.loads(answer), json.loads(expected)
        relative, absolute = float(properties["RelativeTolerance"]), float(properties["AbsoluteTolerance"])
        place = first_difference(found, wanted, relative, absolute)
        if place is not None:
            raise OtherAnswerError(f"{test['Name']} answers something else than when it was built, at {place}.")
    elif answer != expected:
        raise OtherAnswerError(
            f"{test['Name']} answers {len(answer)} bytes of {kept['content_type']} that are not the "
            f"{len(expected)} bytes of when it was built."
        )


def ask(properties: dict[str, Any], test: dict[str, Any], request: dict[str, str], accept: str, context: Any) -> bytes:
    """The endpoint's answer; waits for copies and instances that are still starting."""
    body = base64.b64decode(request["base64"])
    if "Queue" in properties:
        return ask_queue(properties, request["content_type"], accept, body, context)
    runtime = boto3.client("sagemaker-runtime", config=Config(read_timeout=70, retries={"total_max_attempts": 3}))

    def invoke() -> bytes:
        response = runtime.invoke_endpoint(
            EndpointName=properties["EndpointName"],
            Body=body,
            ContentType=request["content_type"],
            Accept=accept,
            **test["Target"],
        )
        content: bytes = response["Body"].read()
        return content

    answer: bytes = patiently(invoke, context)
    return answer


def patiently(call: Callable[[], Any], context: Any) -> Any:
    """What ``call`` returns; again while what it asks is starting, or IAM has not heard of the permission."""
    began = time.monotonic()
    while True:
        try:
            return call()
        except ClientError as error:
            details = error.response.get("Error", {})
            code, message = details.get("Code"), details.get("Message", "").lower()
            waits = code in _NOT_YET or any(words in message for words in _AGAIN)
            waits = waits or (code in _DENIED and time.monotonic() - began < SECONDS_UNTIL_PERMITTED)
            if not waits or seconds_left(context) < 3 * PAUSE:
                raise
            time.sleep(PAUSE)


def ask_queue(properties: dict[str, Any], content_type: str, accept: str, body: bytes, context: Any) -> bytes:
    """The same of an asynchronous endpoint: the request and the answer lie in S3."""
    s3 = boto3.client("s3")
    bucket, prefix = place_of(properties["Queue"])
    place = {"Bucket": bucket, "Key": f"{prefix.rstrip('/')}/golden-test-{uuid.uuid4().hex}".lstrip("/")}
    patiently(lambda: s3.put_object(**place, Body=body, ContentType=content_type), context)
    runtime = boto3.client("sagemaker-runtime")
    answer = patiently(
        lambda: runtime.invoke_endpoint_async(
            EndpointName=properties["EndpointName"],
            InputLocation=f"s3://{place['Bucket']}/{place['Key']}",
            ContentType=content_type,
            Accept=accept,
        ),
        context,
    )
    try:
        while seconds_left(context) > 10:
            found = read_if_there(s3, answer["OutputLocation"])
            if found is not None:
                return found
            failure = read_if_there(s3, answer["FailureLocation"]) if answer.get("FailureLocation") else None
            if failure is not None:
                raise OtherAnswerError(f"the asynchronous request failed: {failure[:500].decode(errors='replace')}")
            time.sleep(3)
    finally:
        s3.delete_object(**place)
    raise OtherAnswerError("the asynchronous endpoint gave no answer in time.")


def read_golden(place: dict[str, str], context: Any) -> dict[str, Any]:
    """``golden.json`` from S3."""
    s3 = boto3.client("s3")
    found = patiently(lambda: s3.get_object(Bucket=place["Bucket"], Key=place["Key"]), context)
    golden: dict[str, Any] = json.loads(found["Body"].read())
    return golden


def read_if_there(s3: Any, uri: str) -> bytes | None:
    """An object's content, or None while there is none."""
    bucket, key = place_of(uri)
    try:
        content: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in ("NoSuchKey", "404", "AccessDenied"):
            return None  # without permission to list, an absent object is a denied one
        raise
    return content


def place_of(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def first_difference(found: Any, wanted: Any, relative: float, absolute: float, place: str = "$") -> str | None:
    """Where two JSON values differ by more than the tolerance; None if nowhere. The values may be secret."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        if found.keys() != wanted.keys():
            return f"{place} (other keys)"
        pairs = [(f"{place}.{key}", found[key], wanted[key]) for key in wanted]
    elif isinstance(wanted, list) and isinstance(found, list):
        if len(found) != len(wanted):
            return f"{place} ({len(found)} values, not {len(wanted)})"
        pairs = [
            (f"{place}[{number}]", one, other) for number, (one, other) in enumerate(zip(found, wanted, strict=True))
        ]
    elif is_number(wanted) and is_number(found):
        return None if is_close(found, wanted, relative, absolute) else f"{place} (another number)"
    else:
        return None if type(found) is type(wanted) and found == wanted else f"{place} (another value)"
    for inner, one, other in pairs:
        different = first_difference(one, other, relative, absolute, inner)
        if different is not None:
            return different
    return None


def is_close(found: float, wanted: float, relative: float, absolute: float) -> bool:
    """Whether two numbers are alike; what is no number is like what is none."""
    if found == wanted:
        return True
    try:
        both_none = math.isnan(found) and math.isnan(wanted)
        return both_none or math.isclose(found, wanted, rel_tol=relative, abs_tol=absolute)
    except OverflowError:  # an integer beyond all floats, beside another number
        return False


def is_number(value: Any) -> bool:
    """Whether a JSON value is a number; true and false are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_rolling_back(stack: str) -> bool:
    """Whether CloudFormation is undoing an update of the stack."""
    try:
        found = boto3.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        print(f"the stack's state is unknown: {error}")  # noqa: T201
        return False
    return "ROLLBACK" in found[0]["StackStatus"]


def seconds_left(context: Any) -> float:
    """Seconds until the function has to answer."""
    left: float = context.get_remaining_time_in_millis() / 1000 - SECONDS_LEFT_FOR_THE_ANSWER
    return left


def respond(event: dict[str, Any], context: Any, status: str, reason: str) -> None:
    """Tell CloudFormation, at the address that it gave."""
    body = json.dumps(
        {
            "Status": status,
            "Reason": f"{reason[:800]} (log: {context.log_stream_name})",
            "PhysicalResourceId": event.get("PhysicalResourceId") or event["LogicalResourceId"],
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
        }
    ).encode()
    request = urllib.request.Request(  # noqa: S310 - the address is CloudFormation's
        event["ResponseURL"], data=body, method="PUT", headers={"Content-Type": ""}
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
