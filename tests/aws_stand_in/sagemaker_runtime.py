"""sagemaker-runtime over its real wire protocol: forwards to containers, and words failures as AWS does.

moto answers InvokeEndpoint from a queue of canned answers and knows no streams. Here the endpoint is a URL of a real
container, and what the service adds is the service's: names of errors, ModelError around what the container said,
event-stream frames, S3 for asynchronous calls.

Source: the service model of sagemaker-runtime in botocore; the wording of messages is AWS's as seen in public reports.
"""

from __future__ import annotations

import json
import re
import sys
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import urllib3

from tests.aws_stand_in import event_stream
from tests.aws_stand_in.environment import ACCOUNT, REGION

NO_ANSWER = b"Your invocation timed out while waiting for a response from container primary."
PREFIX = "X-Amzn-SageMaker-"
_PASSED_ON = ("Content-Type", "Accept", PREFIX + "Custom-Attributes", PREFIX + "Inference-Id")
_ROUTE = re.compile(r"/endpoints/([^/]+)/(invocations|invocations-response-stream|async-invocations)$")


@dataclass
class Fault:
    """What the service answers instead of forwarding.

    Attributes:
        status: HTTP status code.
        code: Name of the error.
        members: The error's members beside Message.
    """

    status: int
    code: str
    message: str
    members: dict[str, Any] = field(default_factory=dict)


class SageMakerRuntime:
    """The service on a free loopback port, for the length of a ``with`` block.

    Args:
        s3: A client of the stand-in's S3, for asynchronous calls.
        part_bytes: Largest PayloadPart of a streamed response; small, so that parts end in the middle of everything.

    Attributes:
        endpoints: Endpoint name -> URL of its container.
        requests: Headers of every request, as they came.
        faults: Answers to the next requests, in this order.
        stream_ends: After a stream's last part: ``cut`` breaks the connection; a pair of name and message is an
            exception event; None ends it well.
    """

    def __init__(self, s3: Any = None, *, part_bytes: int = 7) -> None:
        self.endpoints: dict[str, str] = {}
        self.requests: list[dict[str, str]] = []
        self.faults: list[Fault] = []
        self.stream_ends: str | tuple[str, str] | None = None
        self.output = "s3://answers/out"
        self.s3 = s3
        self.part_bytes = part_bytes
        self.http = urllib3.PoolManager(retries=False, timeout=30, maxsize=16)
        self.jobs: list[threading.Thread] = []
        service = self

        class Handler(_Handler):
            runtime = service

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *unused: object) -> None:
        for job in self.jobs:
            job.join()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self.http.clear()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def forward(self, url: str, body: bytes, headers: dict[str, str], **options: Any) -> urllib3.BaseHTTPResponse:
        return self.http.request("POST", url + "/invocations", body=body, headers=headers, **options)

    def run_job(self, url: str, headers: dict[str, str], source: str, target: str, failure: str) -> None:
        found = self.s3.get_object(**_place(source))
        answer = self.forward(url, found["Body"].read(), headers)
        place = _place(target if answer.status == 200 else failure)
        self.s3.put_object(**place, Body=answer.data, ContentType=answer.headers.get("Content-Type", ""))


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that went away
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    runtime: SageMakerRuntime
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer

    def log_message(self, *unused: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.runtime.requests.append(dict(self.headers.items()))
        scope = f"/{REGION}/sagemaker/aws4_request"
        if scope not in self.headers.get("Authorization", ""):
            return self._fail(Fault(403, "MissingAuthenticationTokenException", "Missing Authentication Token"))
        if self.runtime.faults:
            return self._fail(self.runtime.faults.pop(0))
        name, operation = _ROUTE.fullmatch(self.path).groups()
        url = self.runtime.endpoints.get(name)
        if url is None:
            return self._fail(Fault(400, "ValidationError", f"Endpoint {name} of account {ACCOUNT} not found."))
        if operation == "invocations":
            return self._invoke(url, body)
        if operation == "async-invocations":
            return self._invoke_async(url)
        return self._stream(url, body)

    def _invoke(self, url: str, body: bytes) -> None:
        try:
            answer = self.runtime.forward(url, body, self._passed_on(""))
        except urllib3.exceptions.HTTPError:
            return self._fail(_model_error(0, NO_ANSWER))
        if answer.status != 200:
            return self._fail(_model_error(answer.status, answer.data))
        self._answer(
            200,
            answer.data,
            {"Content-Type": answer.headers.get("Content-Type", ""), "x-Amzn-Invoked-Production-Variant": "main"},
        )
        return None

    def _stream(self, url: str, body: bytes) -> None:
        answer = self.runtime.forward(url, body, self._passed_on(PREFIX, only=("Accept",)), preload_content=False)
        if answer.status != 200:
            return self._fail(_model_error(answer.status, answer.data))
        self.send_response(200)
        self.send_header("Content-Type", event_stream.CONTENT_TYPE)
        self.send_header(PREFIX + "Content-Type", answer.headers.get("Content-Type", ""))
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for frame in self._frames(answer):
            self.wfile.write(b"%x\r\n%b\r\n" % (len(frame), frame))
            self.wfile.flush()
        if self.runtime.stream_ends == "cut":
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")
        return None

    def _frames(self, answer: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        size = self.runtime.part_bytes
        try:
            while piece := answer.read1(1 << 16):
                for start in range(0, len(piece), size):
                    yield event_stream.event("PayloadPart", piece[start : start + size])
        except urllib3.exceptions.HTTPError:
            message = "The TCP connection between the client and the model was reset or closed."
            yield event_stream.exception("ModelStreamError", {"Message": message, "ErrorCode": "StreamBroken"})
            return
        finally:
            answer.close()
        if isinstance(self.runtime.stream_ends, tuple):
            kind, message = self.runtime.stream_ends
            yield event_stream.exception(kind, {"Message": message})

    def _invoke_async(self, url: str) -> None:
        number = uuid.uuid4().hex
        target, failure = f"{self.runtime.output}/{number}.out", f"{self.runtime.output}/{number}-error.out"
        source = self.headers[PREFIX + "InputLocation"]
        job = threading.Thread(
            target=self.runtime.run_job, args=(url, self._passed_on(PREFIX), source, target, failure)
        )
        self.runtime.jobs.append(job)
        job.start()
        self._answer(
            202,
            json.dumps({"InferenceId": number}).encode(),
            {
                "Content-Type": "application/json",
                PREFIX + "OutputLocation": target,
                PREFIX + "FailureLocation": failure,
            },
        )

    def _passed_on(self, prefix: str, only: tuple[str, ...] = ("Accept", "Content-Type")) -> dict[str, str]:
        renamed = {name: self.headers[prefix + name] for name in only if prefix + name in self.headers}
        return {**{name: self.headers[name] for name in _PASSED_ON if name in self.headers}, **renamed}

    def _fail(self, fault: Fault) -> None:
        body = json.dumps({"Message": fault.message, **fault.members}).encode()
        self._answer(fault.status, body, {"Content-Type": "application/json", "x-amzn-ErrorType": fault.code})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _model_error(status: int, body: bytes) -> Fault:
    said = body.decode("utf-8", errors="replace")[:2048]
    side = "client" if 400 <= status < 500 else "server"
    return Fault(
        424,
        "ModelError",
        f'Received {side} error ({status}) from primary with message "{said}". See account {ACCOUNT}.',
        {
            "OriginalStatusCode": status,
            "OriginalMessage": said,
            "LogStreamArn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/tumour",
        },
    )


def _place(uri: str) -> dict[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Key": key}
