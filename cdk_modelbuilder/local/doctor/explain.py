"""What the checks say about a start that failed, so that its error holds the answer."""

from __future__ import annotations

import errno
import re
import threading
import time
from dataclasses import dataclass, replace

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.local.doctor import (
    bundle_files,
    disk,
    docker_daemon,
    docker_sdk,
    gpu,
    image,
    memory_room,
    open_files,
    packages,
    ports,
    python,
    signing_key,
)
from cdk_modelbuilder.local.doctor.check import Check, Circumstances, examine
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome

_SECONDS = 1.8
_WORTH_SAYING = frozenset({Outcome.FAILURE, Outcome.WARNING})


@dataclass(frozen=True, slots=True)
class _Symptom:
    """Words of an error, and the checks that know what is behind them."""

    words: re.Pattern[str]
    checks: tuple[Check, ...]


def _words(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_SYMPTOMS = (
    _Symptom(
        _words(r"address already in use|EADDRINUSE|port is already allocated|ports are not available|errno (98|48)\b"),
        (ports.CHECK,),
    ),
    _Symptom(_words(r"no space left|ENOSPC|disk quota exceeded|errno (28|122)\b"), (disk.CHECK,)),
    _Symptom(_words(r"read-only file system|errno 30\b"), (disk.CHECK,)),
    _Symptom(_words(r"too many open files|errno 24\b"), (open_files.CHECK,)),
    _Symptom(
        _words(r"IntegrityError|not what was signed|is missing: only the bundle's text files"), (bundle_files.CHECK,)
    ),
    _Symptom(_words(r"master key|key id\b.*(differs|another)"), (signing_key.CHECK,)),
    _Symptom(
        _words(
            r"docker daemon|docker\.sock|podman\.sock|error while fetching server api version|DockerException|"
            r"dial unix|could not find bridge|docker desktop is not running"
        ),
        (docker_daemon.CHECK,),
    ),
    _Symptom(_words(r"no module named .?docker\b|Docker SDK"), (docker_sdk.CHECK,)),
    _Symptom(_words(r"ModuleNotFoundError|ImportError|no module named|cannot import name"), (packages.CHECK,)),
    _Symptom(
        _words(
            r"unpickl|bad magic number|unknown opcode|bad marshal data|unsupported pickle protocol|"
            r"code\(\) (argument|takes)|has no attribute|status -11\b|SIGSEGV|segmentation fault"
        ),
        (python.CHECK, packages.CHECK),
    ),
    _Symptom(
        _words(
            r"could not select device driver|nvidia|libcuda|\bcuda\b|no GPU|unresolvable CDI devices|neuron|nrt_init"
        ),
        (gpu.CHECK,),
    ),
    _Symptom(
        _words(
            r"exec format error|no matching manifest|image operating system|pull access denied|manifest unknown|"
            r"no basic auth credentials|no such image|authorization token has expired|repository does not exist"
        ),
        (image.CHECK,),
    ),
    _Symptom(
        _words(r"out of memory|MemoryError|OOM|cannot allocate memory|status (137|-9)\b|std::bad_alloc|errno 12\b"),
        (memory_room.CHECK,),
    ),
)
_ERRNOS = {
    errno.EADDRINUSE: ports.CHECK,
    errno.ENOSPC: disk.CHECK,
    errno.EDQUOT: disk.CHECK,
    errno.EROFS: disk.CHECK,
    errno.ENOMEM: memory_room.CHECK,
    errno.EMFILE: open_files.CHECK,
}
_PORT = re.compile(r"(?:\bport |:)(\d{2,5})\b")
_MODULE = re.compile(r"no module named ['\"]?([\w.]+)", re.IGNORECASE)


def explain_start_failure(
    error: str | BaseException, *, bundle: ModelBundle | None, port: int | None = None
) -> list[Finding]:
    """What stands behind the error of a start that failed: findings with the commands that mend it.

    The checks are chosen by the error's words, or its ``errno``; they ask nothing of the network, take less than two
    seconds, and what goes wrong in them is left out. An empty list means that they know nothing.

    Args:
        error: The error, or the last words of the log.
        bundle: What was to start.
        port: The port that it was to have, if a certain one.
    """
    found: list[Finding] = []
    # A daemon thread: a check that hangs, as on a network drive that is gone, is left behind.
    worker = threading.Thread(target=_collect, args=(found, error, bundle, port), name="doctor", daemon=True)
    worker.start()
    worker.join(_SECONDS)
    return list(found)


def _collect(found: list[Finding], error: str | BaseException, bundle: ModelBundle | None, port: int | None) -> None:
    deadline = time.monotonic() + _SECONDS
    try:
        text = error if isinstance(error, str) else "\n".join(_chain(error))
        about = Circumstances(bundle=bundle, port=port)
        for check in _checks(error, text):
            if check is packages.CHECK:
                named = _MODULE.search(text)
                finding = packages.missing_module(named.group(1), about) if named else None
                if finding is not None:
                    found.append(finding)
                    continue
            asked = replace(about, port=_port(text, port)) if check is ports.CHECK else about
            found.extend(one for one in examine((check,), asked, deadline=deadline) if one.outcome in _WORTH_SAYING)
    except Exception:  # noqa: BLE001, S110 - it words another error, and must not replace it
        pass


def _checks(error: str | BaseException, text: str) -> list[Check]:
    chosen = [check for symptom in _SYMPTOMS if symptom.words.search(text) for check in symptom.checks]
    number = error.errno if isinstance(error, OSError) else None
    if number in _ERRNOS:
        chosen.insert(0, _ERRNOS[number])
    return list(dict.fromkeys(chosen))


def _chain(error: BaseException) -> list[str]:
    """The error and what caused it, as text."""
    texts: list[str] = []
    link: BaseException | None = error
    while link is not None and len(texts) < 10:
        texts.append(f"{type(link).__name__}: {link}")
        link = link.__cause__ or link.__context__
    return texts


def _port(text: str, given: int | None) -> int | None:
    if given is not None:
        return given
    found = _PORT.search(text)
    return int(found.group(1)) if found and 0 < int(found.group(1)) < 65536 else None
