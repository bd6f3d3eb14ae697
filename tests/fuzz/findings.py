"""What was found wrong, once for each cause."""

from __future__ import annotations

import hashlib
import json
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

from tests.fuzz.inputs import body_and_header


@dataclass(frozen=True)
class Finding:
    """One input that did what none may.

    Attributes:
        target: What read it.
        number: Which input of the target it is.
        kind: What happened: ``raised``, ``ran``, ``memory``, ``unfit``, ``died`` or ``hung``.
        detail: More of it, for people.
        cause: Where it happened; what has the same kind and cause is reported once.
    """

    target: str
    number: int
    kind: str
    detail: str
    cause: str

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.cause


def from_error(target: str, number: int, error: BaseException) -> Finding:
    """The finding that ``error``, which is no CodecError, came out."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if "codecs" in frame.filename] or frames
    cause = f"{type(error).__name__} at {Path(ours[-1].filename).name}:{ours[-1].lineno}"
    trace = "".join(traceback.format_exception(error, limit=-6))
    return Finding(target, number, "raised", f"{type(error).__name__}: {str(error)[:300]}\n{trace[-2000:]}", cause)


def save(finding: Finding, seed: int, folder: Path) -> Path:
    """Write the input and what it did into ``folder``; the path of the input."""
    body, header = body_and_header(finding.target, finding.number, seed)
    name = hashlib.sha256(f"{finding.key}".encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{finding.kind}-{name}.bin"
    path.write_bytes(body)
    note = {**asdict(finding), "header": header, "seed": seed}
    path.with_suffix(".json").write_text(json.dumps(note, indent=1), "utf-8")
    return path
