"""Runs the model in a fresh environment, and says what was missing."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.dependencies.pip_tool import last_words
from cdk_modelbuilder.dependencies.trial import child as child_script
from cdk_modelbuilder.dependencies.trial.fresh_environment import FreshEnvironment, bare_environment
from cdk_modelbuilder.dependencies.trial.golden_answer import Sample
from cdk_modelbuilder.dependencies.trial.interpreters import Interpreter
from cdk_modelbuilder.errors import TrialError

RUN_SECONDS = 600
_STAGES = {"import": "importing code/inference.py", "load": "loading the model", "answer": "answering the sample"}


def run_model(bundle: ModelBundle, environment: FreshEnvironment, sample: Sample | None, accept: str) -> dict[str, Any]:
    """What the child found, as plain data; see ``child.py``.

    Raises:
        TrialError: It crashed, or did not end in time.
    """
    request = {
        "model_dir": str(bundle.model_dir.resolve()),
        "root_sha256": bundle.root_sha256,
        "body": None if sample is None else base64.b64encode(sample.body).decode("ascii"),
        "content_type": None if sample is None else sample.content_type,
        "accept": accept,
    }
    try:
        ended = subprocess.run(
            [str(environment.python), "-I", "-B", str(Path(child_script.__file__).resolve())],
            input=json.dumps(request),
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=environment.folder.parent,
            env={**bare_environment(), **bundle.container.environment},
            timeout=RUN_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TrialError(
            f"the model gave no answer within {RUN_SECONDS} s in the fresh environment.",
            remedy="Find out what load() or invoke() waits for, or give a smaller sample.",
        ) from None
    try:
        found: dict[str, Any] = json.loads(ended.stdout)
    except ValueError:
        raise TrialError(
            f"Python ended with status {ended.returncode} in the fresh environment, which is what a crash in a "
            f"package's machine code does:\n{last_words(ended.stderr)}\n",
            remedy="Its last lines name the package; try another version of it.",
        ) from None
    return found


def failed(error: Mapping[str, Any], interpreter: Interpreter) -> TrialError:
    """The error for what the child says has failed."""
    where = f"{_STAGES[error['stage']]} in a fresh environment with Python {interpreter.version}"
    if error["module"] is not None:
        return TrialError(
            f"{error['module']} is missing from the list: {where} failed with {error['type']}: {error['message']}.",
            remedy=_fix_for(str(error["module"])),
        )
    lines = "\n".join(error["lines"])
    return TrialError(
        f"{where} failed:\n{lines}\n",
        remedy="Does a package have another version there than where the model was built? cdk-modelbuilder deps shows "
        "the list; dependencies={'custom': [...]} changes it.",
    )


def _fix_for(module: str) -> str:
    """The line to add, from what is installed here."""
    names = metadata.packages_distributions().get(module.partition(".")[0], ())
    lines = sorted({f"'{canonicalize_name(name)}=={metadata.version(name)}'" for name in names})
    if lines:
        return f"Build with dependencies={{'custom': [{', '.join(lines)}]}}."
    return (
        f"Build with dependencies={{'custom': ['<the package that brings {module}>']}}; it is not installed here "
        "either, so its name is not known."
    )
