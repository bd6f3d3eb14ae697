"""What one decoding did beside decoding: code that ran, files that were written, memory that was taken."""

from __future__ import annotations

import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_HERE = Path(__file__).parents[2]
_LIBRARIES = tuple(
    os.path.realpath(folder) + os.sep
    for folder in {*site.getsitepackages(), sysconfig.get_path("stdlib"), _HERE / "cdk_modelbuilder", _HERE / "tests"}
)
_FORBIDDEN_EVENTS = """
    subprocess. os.system os.exec os.posix_spawn os.spawn os.fork os.kill os.remove os.rename os.mkdir os.rmdir os.link
    os.symlink os.chmod os.chown os.truncate os.putenv pty. socket. urllib. http. ftplib. smtplib. webbrowser. shutil.
    tempfile. sqlite3. ctypes.dl ctypes.call pickle.find_class marshal.load code.__new__ function.__new__ sys.setprofile
    sys.settrace
"""
_FORBIDDEN = tuple(_FORBIDDEN_EVENTS.split())
_OPTIONAL = ("pytz",)
"""What libraries look for, under this very name, to do without where it is not installed."""


class Guard:
    """Notes what code must not do while :meth:`watching`; the interpreter itself tells of it.

    Modules of the standard library and of the libraries in use may be imported, which reads and runs their files;
    ``ast.literal_eval`` may parse.
    """

    def __init__(self) -> None:
        self.seen: list[str] = []
        self._is_on = False
        sys.addaudithook(self._hear)

    @contextmanager
    def watching(self) -> Iterator[None]:
        self.seen.clear()
        self._is_on = True
        try:
            yield
        finally:
            self._is_on = False

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._is_on and (told := self._wrong(event, arguments)):
            self.seen.append(told)

    def _wrong(self, event: str, arguments: tuple[Any, ...]) -> str | None:
        if event == "open":
            return self._wrong_file(*arguments)
        if event == "exec":
            code = arguments[0]
            fine = code.co_name == "<module>" and _is_of_a_library(code.co_filename)
            return None if fine or code.co_filename.startswith("<frozen") else f"exec of {code!r}"
        if event == "compile":
            name = arguments[1] if isinstance(arguments[1], str) else os.fsdecode(arguments[1] or b"")
            return None if name == "<unknown>" or _is_of_a_library(name) else f"compile of {arguments!r:.200}"
        if event == "import":
            return None if _is_known(arguments[0]) else f"import of {arguments[0]}"
        if event.startswith(_FORBIDDEN) and not (event == "marshal.loads" and _is_importing()):
            return f"{event} {arguments!r:.200}"
        return None

    def _wrong_file(self, path: Any, mode: str | None, flags: int) -> str | None:
        if flags & _WRITING or (mode and set(mode) & set("wax+")):
            return f"open of {path!r} for writing"
        return None if _is_of_a_library(path) else f"open of {path!r}"


def _is_of_a_library(path: Any) -> bool:
    name = os.fsdecode(path) if isinstance(path, (str, bytes)) else ""
    # What does not begin with a slash, such as "<string>", is code of no file.
    return name.startswith(os.sep) and os.path.realpath(name).startswith(_LIBRARIES)


def _is_known(module: str) -> bool:
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in sys.modules or top in _OPTIONAL


def _is_importing() -> bool:
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


class Memory:
    """The highest resident size of this process since :meth:`reset`; Linux only."""

    def __init__(self) -> None:
        self._status = os.open("/proc/self/status", os.O_RDONLY)
        self._reset = os.open("/proc/self/clear_refs", os.O_WRONLY)
        self._before = 0

    def reset(self) -> None:
        os.write(self._reset, b"5")
        self._before = self._highest()

    def taken(self) -> int:
        """Bytes beyond what there was at the reset."""
        return self._highest() - self._before

    def _highest(self) -> int:
        found = re.search(rb"VmHWM:\s+(\d+) kB", os.pread(self._status, 4096, 0))
        assert found is not None
        return int(found.group(1)) << 10
