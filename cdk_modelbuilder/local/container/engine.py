"""The daemon that runs containers here: found, asked who it is, and each way of not having one told apart."""

from __future__ import annotations

import contextlib
import errno
import getpass
import grp
import os
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local.container.sockets import addresses, tls_of
from cdk_modelbuilder.local.docker_address import DockerAddress

OLDEST_API = (1, 41)
"""Docker 20.10's: the first with GPU requests (1.40) and with statistics at once (1.41)."""
_SECONDS = 60
_PODMAN = "Podman"


@dataclass(frozen=True, slots=True)
class Engine:
    """A daemon that answers.

    Attributes:
        api: The SDK's low-level client.
        address: Where it was found.
        name: Its name and version, such as ``Docker 28.2.2`` or ``Podman 5.4.0``.
        architecture: Of its machine, in Docker's words, such as ``amd64``.
    """

    api: Any
    address: DockerAddress
    name: str
    architecture: str

    def __str__(self) -> str:
        return f"{self.name} at {self.address}"

    @property
    def is_podman(self) -> bool:
        """Whether it is Podman behind Docker's API."""
        return self.name.startswith(_PODMAN)

    def close(self) -> None:
        """Close its connections."""
        self.api.close()


def find_engine() -> Engine:
    """The first daemon that answers.

    Raises:
        LocalEndpointError: None answers: not installed, not running, not allowed, or too old. The remedy is for that.
        UsageError: The SDK is not installed, or the user's choice of daemon is wrong.
    """
    try:
        import docker  # noqa: PLC0415, F401 - an extra
    except ImportError:
        raise UsageError(
            "the Docker SDK for Python, which container mode speaks to the daemon with, is not installed.",
            remedy="pip install 'cdk-modelbuilder[local]'",
        ) from None
    places = addresses()
    failures = []
    for address in places:
        try:
            return _ask(address)
        except LocalEndpointError as error:
            failures.append(error)
    # A daemon that is there and refuses says more than a socket that a removed one left behind.
    raise min(failures, key=_rank) if failures else _none_here()


def _ask(address: DockerAddress) -> Engine:
    from docker import APIClient  # noqa: PLC0415 - an extra
    from docker.errors import APIError, DockerException  # noqa: PLC0415
    from requests.exceptions import RequestException  # noqa: PLC0415

    api = None
    try:
        _connect(address)
        # The version is asked below, so that one that is too old is told from no answer at all.
        api = APIClient(address.url, version=".".join(map(str, OLDEST_API)), tls=tls_of(address))
        api.timeout = _SECONDS
        with contextlib.closing(api._get(f"{api.base_url}/version")) as answer:  # noqa: SLF001 - the one unversioned way
            version = api._result(answer, json=True)  # noqa: SLF001
        spoken = tuple(int(part) for part in version["ApiVersion"].split("."))
        if spoken >= OLDEST_API:
            api._version = version["ApiVersion"]  # noqa: SLF001 - as the SDK's own "auto" does
            return Engine(api, address, _name(version), str(version.get("Arch", "")))
        api.close()
    except (APIError, DockerException, RequestException, OSError, ValueError, KeyError) as error:
        if api is not None:
            api.close()
        raise _no_answer(address, error) from None
    raise LocalEndpointError(
        f"{_name(version)} at {address} speaks version {version['ApiVersion']} of Docker's API; container mode needs "
        f"{OLDEST_API[0]}.{OLDEST_API[1]}.",
        remedy="Install Docker 20.10 or newer, or Podman 4 or newer.",
    )


@contextlib.contextmanager
def daemon_trouble(engine: Engine) -> Iterator[None]:
    """A daemon that goes away or answers with an error in the middle of something is an error of this package's.

    Raises:
        LocalEndpointError: It did.
    """
    from docker.errors import DockerException  # noqa: PLC0415 - an extra
    from requests.exceptions import RequestException  # noqa: PLC0415

    try:
        yield
    except DockerException as error:
        raise LocalEndpointError(
            f"{engine} answered with an error: {str(error).rstrip('.')}.", remedy="It says why; its log says more."
        ) from None
    except RequestException as error:
        raise LocalEndpointError(
            f"{engine} does not answer any more: {_innermost(error)}.", remedy=_start(engine.address)
        ) from None


def _connect(address: DockerAddress) -> None:
    # The SDK leaves its socket open where nobody listens, and hides the reason in three errors.
    if address.socket is not None:
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(_SECONDS)
            probe.connect(str(address.socket))


def _name(version: dict[str, Any]) -> str:
    parts = {part.get("Name"): part.get("Version") for part in version.get("Components") or ()}
    if "Podman Engine" in parts:
        return f"{_PODMAN} {parts['Podman Engine']}"
    return f"Docker {version.get('Version', 'of unknown version')}"


def _no_answer(address: DockerAddress, error: BaseException) -> LocalEndpointError:
    if _number(error) in (errno.EACCES, errno.EPERM):
        return LocalEndpointError(f"{_user()} may not use {address}.", remedy=_permission(address.socket))
    if _number(error) == errno.ENOENT and address.socket is not None:
        return LocalEndpointError(
            f"there is no socket at {address}.", remedy=f"{_start(address)} Or unset what names it."
        )
    reason = os.strerror(number) if (number := _number(error)) else _innermost(error)
    return LocalEndpointError(f"no daemon answers at {address}: {reason}.", remedy=_start(address))


def _permission(path: Path | None) -> str:
    group = None
    if path is not None:
        with contextlib.suppress(OSError, KeyError):
            group = grp.getgrgid(path.stat().st_gid).gr_name
    if group in (None, "root"):
        return "Run a rootless daemon of your own (dockerd-rootless-setuptool.sh install), or Podman."
    return (
        f"`sudo usermod --append --groups {group} {_user()}`, then log in again; that group is as good as "
        "root on this machine, and rootless Docker or Podman is not."
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


def _start(address: DockerAddress) -> str:
    if "odman" in address.origin or "podman" in address.url:
        return "Start it: `systemctl --user start podman.socket`."
    if "Desktop" in address.origin:
        return "Start Docker Desktop."
    if "rootless" in address.origin:
        return "Start it: `systemctl --user start docker`."
    return "Start it: `sudo systemctl start docker`, or Docker Desktop."


def _none_here() -> LocalEndpointError:
    installed = next((name for name in ("dockerd", "podman", "docker") if shutil.which(name)), None)
    if installed is None:
        return LocalEndpointError(
            "neither Docker nor Podman is installed here.",
            remedy="Install one (Debian, Ubuntu: `sudo apt install docker.io`), or run the model in "
            "Mode.LOCAL_PROCESS, which needs none.",
        )
    how = "`systemctl --user start podman.socket`" if installed == "podman" else "`sudo systemctl start docker`"
    return LocalEndpointError(f"{installed} is installed, but no daemon listens.", remedy=f"Start it: {how}.")


def _rank(error: LocalEndpointError) -> int:
    return 0 if "may not use" in error.what or "speaks version" in error.what else 1


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came from; the SDK and requests wrap the socket's own error several times."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__, *one.args, getattr(one, "reason", None)]


def _number(error: BaseException) -> int | None:
    return next((one.errno for one in _chain(error) if isinstance(one, OSError) and isinstance(one.errno, int)), None)


def _innermost(error: BaseException) -> str:
    *_, last = _chain(error)
    return str(last).rstrip(".") or type(last).__name__
