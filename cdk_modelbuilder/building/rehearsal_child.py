"""Answers one request with a bundle that is not sealed yet, in an interpreter of its own, and reports what it imported.

    python -m cdk_modelbuilder.building.rehearsal_child ORDER.json REPORT.json < request > response

The order names the model folder, the content type, and what may be imported; see :mod:`.rehearsal`. The first line of
the output is the response's content type, the rest its body.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from cdk_modelbuilder.dependencies.import_gate import ImportGate
from cdk_modelbuilder.serving.hooks import load_hooks

VOUCHED = "0" * 64
"""Stands for the root digest of a folder that this build is still writing, which only the verifier's memory sees."""


def main() -> None:
    """Read the request from stdin, write the response to stdout and the report to its file."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the model prints must not end up in the response
    order: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    body = sys.stdin.buffer.read()
    sys.path.extend(order["paths"])
    gate = None
    if order["gate"] is not None:
        gate = ImportGate(**order["gate"])
        gate.close()
    try:
        hooks = load_hooks(Path(order["model_dir"]), vouched_root=VOUCHED)
        model = hooks.model_fn(order["model_dir"])
        response, response_type = hooks.answer(model, body, order["content_type"], "*/*")
        response = bytes(response)
    finally:
        Path(sys.argv[2]).write_text(json.dumps(_report(gate)), "utf-8")
    with out:
        out.write(response_type.encode() + b"\n")
        out.write(response)


def _report(gate: ImportGate | None) -> dict[str, Any]:
    if gate is None:
        return {}
    return {
        "admitted": gate.admitted,
        "loaded": gate.loaded,
        "missing_files": gate.missing_files,
        "refused": gate.refused,
        "unowned": gate.unowned,
    }


if __name__ == "__main__":
    main()
