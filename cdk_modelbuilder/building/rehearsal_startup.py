"""Closes the gate in every Python that a rehearsal's code starts: ``multiprocessing`` that spawns, and loky's workers.

It lies as ``sitecustomize.py`` before all else on the path of these interpreters, which import that when they start.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path

VOUCHED = "0" * 64
"""Stands for the root digest of a folder that this build is still writing, which only the verifier's memory sees."""
ORDER_VARIABLE = "MODELBUILDER_REHEARSAL_ORDER"
"""Names the order's file; set by the rehearsal's first interpreter, which closes its gate itself."""


def _close() -> None:
    from cdk_modelbuilder.dependencies.import_gate import ImportGate  # noqa: PLC0415 - only where a rehearsal runs

    order = json.loads(Path(os.environ[ORDER_VARIABLE]).read_text("utf-8"))
    sys.path.extend(order["paths"])
    ImportGate(**order["gate"]).close()
    for name in [name for name in sys.modules if name.partition(".")[0] == "cdk_modelbuilder"]:
        del sys.modules[name]  # the user's code gets the bundle's stand-in for this package


def _run_the_one_of_the_environment() -> None:
    own = str(Path(__file__).parent)
    sys.path[:] = [entry for entry in sys.path if entry != own]
    this = sys.modules.pop(__name__)
    try:
        importlib.import_module(__name__)
    except ModuleNotFoundError as error:
        if error.name != __name__:
            raise
        sys.modules[__name__] = this  # the import system wants to find what it has just loaded


if __name__ == "sitecustomize":
    _run_the_one_of_the_environment()
    if ORDER_VARIABLE in os.environ:
        _close()
