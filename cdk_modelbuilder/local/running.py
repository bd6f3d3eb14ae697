"""What runs a model on this machine, seen by those who only talk to it."""

from __future__ import annotations

from typing import Protocol


class RunningModel(Protocol):
    """A bundle's server on a loopback port: a process or a container. Both end with the interpreter that started them.

    Attributes:
        url: Where the server listens, without a path, such as ``http://127.0.0.1:8080``.
        port: The port in ``url``.
    """

    @property
    def url(self) -> str:
        """Where the server listens, without a path."""
        ...

    @property
    def port(self) -> int:
        """The port in :attr:`url`."""
        ...

    @property
    def identity(self) -> str:
        """What finds it among the others here, such as ``process 4711`` or ``container 3f2a9c``."""
        ...

    def is_running(self) -> bool:
        """Whether it has not ended."""
        ...

    def memory_bytes(self) -> int | None:
        """Resident memory of all its processes; None where that cannot be told."""
        ...

    def last_log_lines(self) -> list[str]:
        """The newest lines of its log, oldest first."""
        ...

    def wait(self) -> int:
        """Wait until it ends by itself; returns its exit status."""
        ...

    def stop(self) -> None:
        """End it; requests that are running get their answer first. Does nothing when it has ended."""
        ...
