"""The server of `server.py` as a child process of a test."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tests.aws_stand_in.environment import CREDENTIALS, READY, against, process_environment

if TYPE_CHECKING:
    from types import TracebackType

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 120  # a cold disk and a busy machine; two seconds are usual


class AwsStandIn:
    """A mended moto server on a free loopback port, for the length of a `with` block.

    Args:
        any_model_data: Let a SageMaker model name an archive that is not in the stand-in's S3. AWS does not.
        port: Which port to listen on; 0 lets the server's own bind pick a free one, so there is no race for it.
        sagemaker_runtime: URL that functions of custom resources find the SageMaker Runtime at, such as that of
            `SageMakerRuntime`. Default: moto's canned answers.
        python: Interpreter to run the server with.
    """

    def __init__(
        self,
        *,
        any_model_data: bool = False,
        port: int = 0,
        sagemaker_runtime: str | None = None,
        python: str = sys.executable,
    ) -> None:
        self._command = [python, "-m", "tests.aws_stand_in.server", "--port", str(port), "--until-stdin-closes"]
        if any_model_data:
            self._command.append("--any-model-data")
        if sagemaker_runtime is not None:
            self._command += ["--sagemaker-runtime", sagemaker_runtime]
        self._exit = contextlib.ExitStack()
        self.url = ""

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="aws-stand-in-"))
            self._log = Path(folder, "server.log")
            log = stack.enter_context(self._log.open("wb"))
            self._process = subprocess.Popen(
                self._command,
                cwd=REPOSITORY,
                env=process_environment(CREDENTIALS),
                stdin=subprocess.PIPE,  # never written to: it breaks when this process ends, however it ends
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
            stack.callback(self._stop)
            self.url = self._address()
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._exit.close()

    @property
    def environment(self) -> dict[str, str]:
        """Variables that point boto3 and the CDK CLI at this server. See also `process_environment`."""
        return against(self.url)

    def process_environment(self) -> dict[str, str]:
        """A whole environment for a child process, without the caller's own AWS and CDK settings."""
        return process_environment(self.environment)

    def client(self, service: str) -> Any:
        """A boto3 client of `service` that talks to this server."""
        import boto3

        session = boto3.Session(
            aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
            region_name=CREDENTIALS["AWS_REGION"],
        )
        return session.client(service, endpoint_url=self.url)

    def log(self) -> str:
        """What the server has written so far: one line a request, and the traceback of every failure."""
        return self._log.read_text(errors="replace")

    def reset(self) -> None:
        """Forget every resource, so that tests can share one server."""
        request = urllib.request.Request(f"{self.url}/moto-api/reset", method="POST")
        with urllib.request.urlopen(request, timeout=30):
            pass

    def _address(self) -> str:
        # Reading blocks until the server writes its line or ends; the timer turns "neither" into "ended".
        timer = threading.Timer(START_SECONDS, self._process.kill)
        timer.start()
        try:
            for line in self._process.stdout:
                if line.startswith(READY):
                    return line.removeprefix(READY).strip()
        finally:
            timer.cancel()
        raise RuntimeError(f"the AWS stand-in did not start:\n{self.log()[-4000:]}")

    def _stop(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
