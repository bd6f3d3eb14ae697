"""Questions to the Docker daemon over plain HTTP: they need no SDK, and say why there is no answer."""

from __future__ import annotations

import http.client
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

from cdk_modelbuilder.local.docker_address import DockerAddress, docker_addresses

_SECONDS = 1.5
_LARGEST = 8 << 20


class NoAnswerError(Exception):
    """The daemon gave no answer.

    Attributes:
        reason: ``absent``, ``permission``, ``refused``, ``timeout``, ``elsewhere``, ``unsupported`` or ``error``.
        detail: What the system said.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class DockerApi:
    """A daemon to ask.

    Attributes:
        address: Where it listens.
        seconds: How long an answer may take.
    """

    address: DockerAddress
    seconds: float = _SECONDS

    def get(self, path: str, **query: Any) -> Any:
        """The JSON answer to ``GET path``; values of ``query`` that are no text are sent as JSON.

        Raises:
            NoAnswerError: There was none, or one of another kind.
        """
        coded = {name: value if isinstance(value, str) else json.dumps(value) for name, value in query.items()}
        target = f"{path}?{urlencode(coded)}" if coded else path
        connection = self._connection()
        try:
            connection.request("GET", target, headers={"Host": "docker"})
            answer = connection.getresponse()
            data = json.loads(answer.read(_LARGEST))
            if answer.status != http.client.OK:
                said = data.get("message") if isinstance(data, dict) else None
                raise NoAnswerError("error", f"status {answer.status}: {said or answer.reason}")
        except OSError as error:
            raise NoAnswerError(_reason(error), error.strerror or str(error)) from None
        except (http.client.HTTPException, ValueError, RecursionError) as error:
            raise NoAnswerError("error", f"it is no Docker daemon that answers ({type(error).__name__})") from None
        finally:
            connection.close()
        return data

    def _connection(self) -> http.client.HTTPConnection:
        if not self.address.is_local:  # nothing of this asks the network
            raise NoAnswerError("elsewhere", "it is on another machine")
        if self.address.socket is not None:
            return _UnixConnection(self.address.socket, self.seconds)
        parts = urlsplit(self.address.url)
        if os.environ.get("DOCKER_TLS_VERIFY"):
            raise NoAnswerError("unsupported", "these checks do not ask over TLS (DOCKER_TLS_VERIFY)")
        try:
            if parts.scheme in {"tcp", "http"} and parts.hostname:
                return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=self.seconds)
        except ValueError:
            pass  # a port that is none
        raise NoAnswerError("unsupported", f"{parts.scheme or 'this'} addresses are not asked by these checks")


def answering_daemon() -> DockerApi | None:
    """The first daemon that answers where ``docker`` would look; None where there is none."""
    for address in docker_addresses():
        api = DockerApi(address)
        try:
            api.get("/version")
        except NoAnswerError:
            continue
        return api
    return None


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, seconds: float) -> None:
        super().__init__("docker", timeout=seconds)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


def _reason(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission"
    if isinstance(error, FileNotFoundError):
        return "absent"
    if isinstance(error, ConnectionRefusedError):
        return "refused"
    return "timeout" if isinstance(error, TimeoutError) else "error"
