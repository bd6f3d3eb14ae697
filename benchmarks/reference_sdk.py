"""The SageMaker SDK's serializers and deserializers, in an environment of their own.

``PYTHON -m benchmarks.reference_sdk``, where PYTHON has the SDK, answers each line of its input, a case with its size,
with a line of seconds: to serialize, and to deserialize.
"""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks import payload_data

VERSION = "2.257.7"
_ROOT = Path(__file__).parents[1]


class ReferenceSdk:
    """The process with the SDK."""

    def __init__(self, child: subprocess.Popen[str]) -> None:
        self._child = child

    def seconds(self, case: str, maker: str, size: int) -> tuple[float, float]:
        """One round of ``case`` on what ``payload_data.<maker>(size)`` returns."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps([case, maker, size]) + "\n")
        self._child.stdin.flush()
        serialize, deserialize = json.loads(self._child.stdout.readline())
        return serialize, deserialize


@contextmanager
def running(python: str) -> Iterator[ReferenceSdk]:
    """The SDK in the environment of ``python``."""
    command = [python, "-m", "benchmarks.reference_sdk"]
    with subprocess.Popen(
        command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as child:
        yield ReferenceSdk(child)


def install(scratch: Path) -> str | None:
    """The interpreter of an environment with the SDK, and NumPy and pandas as they are here; None if that fails.

    It is kept in the virtual environment that this runs in, if it does.
    """
    kept = Path(sys.prefix) if sys.prefix != sys.base_prefix else scratch
    folder = kept / "reference-sdk" / VERSION
    python, done = folder / "bin" / "python", folder / "installed.txt"
    wanted = [f"sagemaker=={VERSION}", *(f"{name}=={importlib.metadata.version(name)}" for name in ("numpy", "pandas"))]
    try:
        if not done.exists() or done.read_text(encoding="utf-8").split() != wanted:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            subprocess.run([*pip, *wanted], check=True, stdout=sys.stderr)
            done.write_text("\n".join(wanted), encoding="utf-8")
    except (OSError, subprocess.CalledProcessError):
        return None
    return str(python)


def main() -> None:
    """Serve :class:`ReferenceSdk`."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the SDK writes about its configuration there
    from sagemaker import deserializers, serializers

    cases: dict[str, tuple[Any, Any, str]] = {
        "npy": (serializers.NumpySerializer(), deserializers.NumpyDeserializer(), "application/x-npy"),
        "csv": (serializers.CSVSerializer(), deserializers.PandasDeserializer(), "text/csv"),
        "json": (serializers.JSONSerializer(), deserializers.JSONDeserializer(), "application/json"),
        "json array": (serializers.JSONSerializer(), deserializers.NumpyDeserializer(), "application/json"),
    }
    value, made = None, None
    for line in sys.stdin:
        case, maker, size = json.loads(line)
        if made != (maker, size):
            value, made = getattr(payload_data, maker)(size), (maker, size)
        serializer, deserializer, content_type = cases[case]
        start = time.perf_counter()
        body = serializer.serialize(value)
        serialized = time.perf_counter()
        stream = io.BytesIO(body.encode() if isinstance(body, str) else body)
        read = time.perf_counter()
        found = deserializer.deserialize(stream, content_type)
        end = time.perf_counter()
        del found, body, stream
        print(json.dumps([serialized - start, end - read]), file=answers, flush=True)


if __name__ == "__main__":
    main()
