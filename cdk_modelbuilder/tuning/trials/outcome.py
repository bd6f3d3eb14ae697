"""What came of a trial, and what the words of a server that failed mean."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.tuning.measurement import Measurement

MEASURED = "measured"
ERRORS = "errors"
OUT_OF_MEMORY = "out-of-memory"
START_FAILED = "start-failed"
REJECTED = "rejected"
TIMED_OUT = "timed-out"
PRUNED = "pruned"
STATUSES = (MEASURED, ERRORS, OUT_OF_MEMORY, START_FAILED, REJECTED, TIMED_OUT, PRUNED)

_USAGE_STATUS = 2
"""argparse's, click's and this project's own server's status for an option or variable that cannot be."""
_KILLED = (-signal.SIGKILL, 128 + signal.SIGKILL)
_MEMORY_WORDS = re.compile(
    r"out of memory|OutOfMemory|MemoryError|OOMKilled|bad_alloc|cannot allocate memory|unable to allocate|"
    r"can't allocate memory|not enough memory|no available memory for the cache blocks|"
    r"larger than the (?:maximum number of tokens|available KV cache memory)|resource_exhausted",
    re.IGNORECASE,
)
"""Of the kernel, Python, NumPy, C++, PyTorch, vLLM, TensorFlow and Java."""
_OPTION_WORDS = re.compile(
    r"unrecognized arguments|invalid choice|invalid (?:int|float|literal) value|unknown option|no such option|"
    r"invalid value '[^']*' for '--|unexpected argument '--|validation errors? for \w+|MODELBUILDER_\w+ (?:is|asks)",
    re.IGNORECASE,
)
"""Of argparse, click, clap (TEI, TGI), pydantic (vLLM, SGLang) and this project's own server."""
_SECRET = re.compile(r"(?i)\b(hf_[a-z0-9]{8,}|sk-[a-z0-9_-]{8,}|[0-9a-f]{64})\b")
_WORD_OF_ERROR = re.compile(
    r"error|exception|failed|fatal|refused|killed|cannot|unrecognized|invalid|MODELBUILDER_", re.IGNORECASE
)
_LONGEST = 500


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What came of one trial. A server that fails is a result, too.

    Attributes:
        status: ``measured``; ``errors``, too many wrong answers; ``out-of-memory``; ``start-failed``; ``rejected``, the
            server takes an option or the sample for wrong; ``timed-out``, the deadline came first; or ``pruned``.
        measurement: What was measured, perhaps not to the end; None where there is nothing.
        cause: Why it was not measured: the last words of the server, cut short, without secrets; None where it was.
        started_seconds: From the start until it was ready; None where it never was.
    """

    status: str
    measurement: Measurement | None = None
    cause: str | None = None
    started_seconds: float | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "status": self.status,
            "measurement": None if self.measurement is None else self.measurement.to_json(),
            "cause": self.cause,
            "started_seconds": self.started_seconds,
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The outcome in ``data``.

        Raises:
            UsageError: It is none.
        """
        try:
            measurement = data["measurement"]
            found = cls(**{**data, "measurement": None if measurement is None else Measurement.from_json(measurement)})
        except (KeyError, TypeError) as error:
            raise UsageError(
                f"a trial's outcome is malformed: {type(error).__name__}: {error}.", remedy="Run the trial again."
            ) from None
        if found.status not in STATUSES:
            raise UsageError(f"a trial's status is {found.status!r}.", remedy="Run the trial again.")
        return found


def start_failure(error: LocalEndpointError, log: Iterable[str], *, secrets: Iterable[str] = ()) -> TrialOutcome:
    """What the failure of a start means, from its status and from the server's log."""
    lines = list(log)
    text = "\n".join([error.what, *lines])
    if error.out_of_memory or error.status in _KILLED or _MEMORY_WORDS.search(text):
        status = OUT_OF_MEMORY
    elif error.status == _USAGE_STATUS or _OPTION_WORDS.search(text):
        status = REJECTED
    else:
        status = START_FAILED
    head = error.what.partition("Its last words:")[0].strip()
    return TrialOutcome(status, cause=_short([head, *_telling(lines)], secrets))


def death(
    status: int | None, log: Iterable[str], *, out_of_memory: bool, secrets: Iterable[str] = ()
) -> tuple[str, str]:
    """Status and cause for a server that ended, or lost a process, while it was under load."""
    lines = list(log)
    is_memory = out_of_memory or status in _KILLED or _MEMORY_WORDS.search("\n".join(lines)) is not None
    ended = "the server ended under load" + ("" if status is None else f" with status {status}")
    return (OUT_OF_MEMORY if is_memory else ERRORS), _short([ended, *_telling(lines)], secrets)


def short_cause(text: str, secrets: Iterable[str] = ()) -> str:
    """``text`` as a cause: one paragraph, cut short, without secrets."""
    return _short([text], secrets)


def names_memory(log: Iterable[str]) -> bool:
    """Whether a log says that memory ran out."""
    return _MEMORY_WORDS.search("\n".join(log)) is not None


def _telling(lines: list[str]) -> list[str]:
    """The few lines of a log that tell most: the last ones that speak of an error, else the last ones."""
    said = [one for one in map(_words, lines) if one]
    errors = [one for one in said if _WORD_OF_ERROR.search(one)]
    return (errors or said)[-3:]


def _words(line: str) -> str:
    """A log line; of this project's own server what happened, and not its JSON."""
    try:
        found = json.loads(line)
        return f"{found['event']}: {found['error']}" if "error" in found else str(found["event"])
    except (ValueError, TypeError, KeyError):
        return line.strip()


def _short(parts: Iterable[str], secrets: Iterable[str]) -> str:
    text = "; ".join(part.rstrip(".;") for part in parts if part)
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[secret]")
    text = _SECRET.sub("[secret]", " ".join(text.split()))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST // 2 - 3]} ... {text[-_LONGEST // 2 + 2 :]}"
