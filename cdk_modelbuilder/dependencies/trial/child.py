"""Runs a bundle's code in an environment that holds its packages and nothing of this project.

Started as a file (``python -I child.py``) by a Python that may be 3.8, so it uses the standard library only. It reads
one JSON object from stdin and writes one to stdout: what was answered or what failed, and which packages were used.
The parent has hashed the model folder, so the bundle's own verifier is told that it is the one that was signed.
"""

from __future__ import annotations

import base64
import importlib
import importlib.metadata
import json
import os
import sys
import time
import traceback
from typing import Any

_WALKED_FRAMES = 12


def main() -> None:
    """Do what stdin asks for; a failure of the model is part of the answer."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what the model prints must not end up in the answer
    request = json.load(sys.stdin)
    seconds: dict[str, float] = {}
    found: dict[str, Any] = {"python": ".".join(map(str, sys.version_info[:3])), "seconds": seconds}
    stage = "import"
    try:
        start = time.monotonic()
        model_dir = request["model_dir"]
        sys.dont_write_bytecode = True
        sys.path.insert(0, model_dir + "/code")
        importlib.import_module("modelbuilder_verify").remember(model_dir, request["root_sha256"])
        hooks = importlib.import_module("inference")
        seconds["import"] = time.monotonic() - start
        stage, start = "load", time.monotonic()
        model = hooks.model_fn(model_dir)
        seconds["load"] = time.monotonic() - start
        if request.get("body") is not None:
            stage, start = "answer", time.monotonic()
            found["answer"] = _answer(hooks, model, request)
            seconds["answer"] = time.monotonic() - start
    except BaseException as error:  # noqa: BLE001 - whatever the model raises, sys.exit() too, is what was found
        found["error"] = _described(error, stage)
    found["packages"] = _packages()
    with out:
        json.dump(found, out)


def _answer(hooks: Any, model: Any, request: dict[str, Any]) -> dict[str, str]:
    body = base64.b64decode(request["body"])
    prediction = hooks.predict_fn(hooks.input_fn(body, request["content_type"]), model)
    answer, content_type = hooks.output_fn(prediction, request["accept"]), request["accept"]
    if isinstance(answer, tuple) and len(answer) == 2:
        answer, content_type = answer
    if isinstance(answer, str):
        answer = answer.encode("utf-8")
    return {"base64": base64.b64encode(bytes(answer)).decode("ascii"), "content_type": content_type}


def _described(error: BaseException, stage: str) -> dict[str, Any]:
    lines = traceback.format_exception(type(error), error, error.__traceback__)
    return {
        "stage": stage,
        "type": type(error).__name__,
        "message": str(error),
        "module": getattr(error, "name", None) if isinstance(error, ModuleNotFoundError) else None,
        "lines": "".join(lines).splitlines()[-_WALKED_FRAMES:],
    }


def _packages() -> dict[str, Any]:
    """Every installed distribution: version, requirements, and whether one of its files is loaded."""
    loaded = {os.path.realpath(path) for path in map(_file_of, list(sys.modules.values())) if path}
    found = {}
    for distribution in importlib.metadata.distributions():
        files = distribution.files or ()
        used = any(
            os.path.realpath(str(distribution.locate_file(file))) in loaded
            for file in files
            if str(file).endswith((".py", ".so", ".pyd"))
        )
        found[distribution.metadata["Name"]] = {
            "version": distribution.version,
            "requires": list(distribution.requires or ()),
            "used": used,
        }
    return found


def _file_of(module: Any) -> str | None:
    try:
        file = getattr(module, "__file__", None)
        return file if isinstance(file, str) else None
    except Exception:  # noqa: BLE001 - a module may be anything that was put into sys.modules
        return None


if __name__ == "__main__":
    main()
