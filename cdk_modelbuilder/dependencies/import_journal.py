"""What gates noticed, in one file for all processes of a run: a model may well answer from children of its own.

Each finding is one line, appended in one write, which POSIX keeps whole. A process that is killed, or forked and never
heard of again, leaves its findings here all the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


class Journal:
    """One process's end of it.

    Args:
        path: The file; None writes nothing.
    """

    def __init__(self, path: str | None) -> None:
        self._path = path

    def add(self, kind: str, name: str, who: str = "") -> None:
        """Write a finding down.

        Args:
            kind: ``admitted``, ``refused``, ``unowned``, ``missing`` or ``listed``.
            name: The distribution, module or file that it is about.
            who: Who asked for it, in words.
        """
        if self._path is None:
            return
        handle = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, json.dumps([kind, name, who]).encode() + b"\n")
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class Findings:
    """Those of all processes; see :class:`~cdk_modelbuilder.dependencies.import_gate.ImportGate`."""

    admitted: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    unowned: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    listed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Findings:
        """What was written; nothing where there is no file. What one process needs is no longer refused to others.

        Of several processes that ask for the same, which one is first is a matter of chance, and not what counts.
        """
        found: dict[str, dict[str, str]] = {kind: {} for kind in cls.__slots__}
        for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
            kind, name, who = json.loads(line)
            found[kind][name] = min(who, found[kind].get(name, who))
        for name in found["admitted"]:
            found["refused"].pop(name, None)
        return cls(
            admitted=found["admitted"],  # in the order in which they were imported
            **{kind: dict(sorted(found[kind].items())) for kind in ("refused", "unowned", "missing", "listed")},
        )
