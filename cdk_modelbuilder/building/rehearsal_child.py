"""Answers one request with a bundle that is not sealed yet, in an interpreter of its own, and reports what it imported.

    python -m cdk_modelbuilder.building.rehearsal_child ORDER.json < request > response

The order names the model folder, the content type, and what may be imported; see :mod:`.rehearsal`. The first line of
the output is the response's content type, the rest its body.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from cdk_modelbuilder.building.rehearsal_startup import ORDER_VARIABLE, VOUCHED
from cdk_modelbuilder.dependencies.import_gate import ImportGate
from cdk_modelbuilder.serving.hooks import load_hooks


def main() -> None:
    """Read the request from stdin, write the response to stdout."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what the model prints must not end up in the response
    order: dict[str, Any] = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    body = sys.stdin.buffer.read()
    _hide_from_children()
    sys.path.extend(order["paths"])
    if order["gate"] is not None:
        os.environ[ORDER_VARIABLE] = str(Path(sys.argv[1]).resolve())
        ImportGate(**order["gate"]).close()
    _leave_the_package_to_the_bundle(Path(order["model_dir"], "code"))
    hooks = load_hooks(Path(order["model_dir"]), vouched_root=VOUCHED)
    model = hooks.model_fn(order["model_dir"])
    response, response_type = hooks.answer(model, body, order["content_type"], "*/*")
    response = bytes(response)
    with out:
        out.write(response_type.encode() + b"\n")
        out.write(response)


def _leave_the_package_to_the_bundle(code: Path) -> None:
    """User code that imports this package gets the bundle's stand-in, as in a container; what runs here goes on."""
    if (code / "cdk_modelbuilder").is_dir():
        for name in [name for name in sys.modules if name.partition(".")[0] == "cdk_modelbuilder"]:
            del sys.modules[name]


def _hide_from_children() -> None:
    """Children that ``multiprocessing`` spawns import the main module again, by its name.

    They find the bundle's stand-in for this package first, which has no such module, and a pool would start new ones
    for ever.
    """
    vars(sys.modules["__main__"]).update(__spec__=None, __file__=None)


if __name__ == "__main__":
    main()
