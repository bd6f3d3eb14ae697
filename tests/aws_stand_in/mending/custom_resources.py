"""Custom resources whose provider is a Lambda function: CloudFormation's side of the protocol.

Source: "Custom resource request objects" and "response objects" in the AWS CloudFormation guide; the wording of
failures is CloudFormation's as seen in public reports.
"""

from __future__ import annotations

import json
import threading
import uuid
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from moto.cloudformation.exceptions import ValidationError

from tests.aws_stand_in.mending.functions import function_of, run, runs_here
from tests.aws_stand_in.mending.recorded import Recorded

RESPONSE_BYTES = 4096
SERVICE_TIMEOUT = 3600  # seconds, unless the property of that name says less


class Listener:
    """Takes the one answer that a provider PUTs to its ResponseURL."""

    def __init__(self) -> None:
        listener = self
        self.body: bytes | None = None

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                if listener.body is None:  # what comes later is not listened to
                    listener.body = self.rfile.read(length)
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/{uuid.uuid4()}"


@dataclass
class Answer:
    """What a provider said, or what CloudFormation makes of its silence."""

    succeeded: bool
    reason: str
    physical_id: str | None
    data: dict[str, Any]


class CustomResource(Recorded):
    """A resource that a function makes. Where no function of this account runs here, it is recorded like any other."""

    def __init__(self, name: str, properties: dict[str, Any], account: str, region: str) -> None:
        super().__init__(name, properties, account, region)
        self.logical_id = self.stack_id = ""
        self.physical_id = name
        self.data: dict[str, Any] | None = None
        self.superseded: list[str] = []

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str, **kwargs: Any
    ) -> Self:
        resource = cls(resource_name, cloudformation_json.get("Properties", {}), account_id, region_name)
        resource.logical_id, resource.stack_id = kwargs["LogicalId"], kwargs["StackId"]
        if resource.function() is None:
            return resource
        answer = resource.ask("Create", physical_id=None)
        resource.physical_id = answer.physical_id or resource_name
        if not answer.succeeded:
            # Rolling back deletes what may be half made; whether that works changes nothing for a stack that goes.
            resource.ask("Delete", physical_id=resource.physical_id)
            raise ValidationError(message=answer.reason)
        resource.data = answer.data
        return resource

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Self,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> Self:
        before, after = original_resource.properties, cloudformation_json.get("Properties", {})
        if before["ServiceToken"] != after["ServiceToken"]:
            raise ValidationError(message="Modifying service token is not allowed.")
        original_resource.properties = after
        if original_resource.function() is None:
            return original_resource
        answer = original_resource.ask("Update", physical_id=original_resource.physical_id, before=before)
        if not answer.succeeded:
            original_resource.properties = before
            raise ValidationError(message=answer.reason)
        original_resource.data = answer.data
        if answer.physical_id and answer.physical_id != original_resource.physical_id:
            original_resource.superseded.append(original_resource.physical_id)
            original_resource.physical_id = answer.physical_id
        return original_resource

    def remove(self) -> None:
        if self.function() is not None:
            self._delete(self.physical_id)

    def clean_up(self) -> None:
        """Delete what updates left behind: a new physical id means that the old one is gone from the stack."""
        superseded, self.superseded = self.superseded, []
        for physical_id in superseded:
            self._delete(physical_id)

    def _delete(self, physical_id: str) -> None:
        answer = self.ask("Delete", physical_id=physical_id)
        if not answer.succeeded:
            raise ValidationError(message=answer.reason)

    def function(self) -> Any:
        token = self.properties["ServiceToken"]
        function = function_of(token, self.account, self.region)
        return function if function is not None and runs_here(function) else None

    def ask(self, kind: str, *, physical_id: str | None, before: dict[str, Any] | None = None) -> Answer:
        """Send a request to the provider and wait for what it says."""
        request = str(uuid.uuid4())
        event = {
            "RequestType": kind,
            "RequestId": request,
            "StackId": self.stack_id,
            "ResourceType": self.cfn_type,
            "LogicalResourceId": self.logical_id,
            "ResourceProperties": as_text(self.properties),
            "ServiceToken": self.properties["ServiceToken"],
            **({} if physical_id is None else {"PhysicalResourceId": physical_id}),
            **({} if before is None else {"OldResourceProperties": as_text(before)}),
        }
        most = float(self.properties.get("ServiceTimeout") or SERVICE_TIMEOUT)
        with Listener() as listener:
            run(self.function(), {**event, "ResponseURL": listener.url}, most_seconds=most)
        return self._judged(event, listener.body)

    def _judged(self, event: dict[str, Any], body: bytes | None) -> Answer:
        def failed(reason: str, physical_id: str | None = None) -> Answer:
            return Answer(False, reason, physical_id, {})

        if body is None:
            return failed(
                "CloudFormation did not receive a response from your custom resource. Please check your logs for "
                f"requestId [{event['RequestId']}]."
            )
        if len(body) > RESPONSE_BYTES:
            return failed("Response object is too long.")
        try:
            said = json.loads(body)
        except ValueError:
            return failed("Invalid Json: the response object is no JSON")
        for name in ("StackId", "RequestId", "LogicalResourceId"):
            if said.get(name) != event[name]:
                return failed(f"Invalid response object: {name} is {said.get(name)!r}, not the request's")
        physical_id = said.get("PhysicalResourceId")
        if said.get("Status") != "SUCCESS":
            return failed(
                f"Received response status [{said.get('Status')}] from custom resource. Message returned: "
                f"{said.get('Reason') or 'See the details in CloudWatch Log Stream'}",
                physical_id,
            )
        if not physical_id:
            return failed("Invalid PhysicalResourceId")
        return Answer(True, "", physical_id, said.get("Data") or {})

    @property
    def physical_resource_id(self) -> str:
        return self.physical_id

    def get_cfn_attribute(self, attribute: str) -> str:
        if self.data is None:
            return super().get_cfn_attribute(attribute)
        if attribute not in self.data:
            raise ValidationError(
                message=f"CustomResource attribute error: Vendor response doesn't contain {attribute} attribute in "
                f"object {self.physical_id}"
            )
        return self.data[attribute]


def as_text(value: Any) -> Any:
    """Properties as providers get them: CloudFormation makes text of numbers and booleans."""
    if isinstance(value, dict):
        return {name: as_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_text(inner) for inner in value]
    return json.dumps(value) if isinstance(value, bool | int | float) else value
