"""Runs a bundle's code on the sample in a fresh interpreter, before it is sealed, with only what is listed at hand."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cdk_modelbuilder.building.rehearsal_startup as startup_module
from cdk_modelbuilder.dependencies.import_journal import Findings
from cdk_modelbuilder.dependencies.installed import Installed
from cdk_modelbuilder.errors import SelfTestError

TIMEOUT_SECONDS = 600
_GENERATED = ("inference.py", "modelbuilder_runtime", "modelbuilder_verify.py")


@dataclass(frozen=True, slots=True)
class Request:
    """What the code is asked.

    Attributes:
        model_dir: The bundle's ``model/`` folder.
        body: The encoded sample.
        content_type: Its content type.
        environment: The container's variables.
    """

    model_dir: Path
    body: bytes
    content_type: str
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Access:
    """What may be imported.

    Attributes:
        allowed: Distributions, as installed.
        barred: Distributions that may not, whoever asks.
    """

    allowed: Collection[str]
    barred: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What happened.

    Attributes:
        response: Body of the answer; empty if there was none.
        response_type: Its content type.
        error: The child's last lines if it failed; else empty.
        admitted: Distribution that was not on the list -> who could not do without it.
        refused: Distribution that was kept out -> who goes on without it.
        unowned: Module that no distribution brings -> who imported it.
        missing_files: Files beside the code that were opened or looked for and are not there, below ``code/``.
        listed_folders: Folders below ``code/`` whose entries were asked for.
    """

    response: bytes = b""
    response_type: str = ""
    error: str = ""
    admitted: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    unowned: Mapping[str, str] = field(default_factory=dict)
    missing_files: tuple[str, ...] = ()
    listed_folders: tuple[str, ...] = ()


def rehearse(request: Request, access: Access | None) -> Rehearsal:
    """Let the bundle's code answer ``request``; with ``access`` None, whatever is installed may be imported.

    The child sees the bundle and the installed packages, not the caller's folder: a local module that was not shipped
    is missing here as it would be in the container.

    Raises:
        SelfTestError: It gave no answer in time.
    """
    package_home = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory() as neutral:
        order, journal = Path(neutral, "order.json"), Path(neutral, "journal")
        order.write_text(json.dumps(_order(request, access, journal)), "utf-8")
        startup = Path(neutral, "startup")
        startup.mkdir()
        shutil.copyfile(startup_module.__file__, startup / "sitecustomize.py")
        variables = {
            "PYTHONPATH": os.pathsep.join((str(startup), package_home)),
            "PYTHONSAFEPATH": "1",
            "PYTHONDONTWRITEBYTECODE": "1",  # into the model's folder, by children of the child
        }
        try:
            child = subprocess.run(
                [sys.executable, "-m", "cdk_modelbuilder.building.rehearsal_child", str(order)],
                input=request.body,
                capture_output=True,
                cwd=neutral,
                env={**os.environ, **request.environment, **variables},
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SelfTestError(
                f"the model gave no answer to sample_input within {TIMEOUT_SECONDS} s.",
                remedy="Give a smaller sample, or find out what load() or invoke() waits for.",
            ) from None
        seen = _seen(Findings.read(journal), request.model_dir)
    if child.returncode != 0:
        error = child.stderr.decode(errors="replace").strip() or f"it ended with status {child.returncode}"
        return Rehearsal(error=error, **seen)
    response_type, _, response = child.stdout.partition(b"\n")
    return Rehearsal(response, response_type.decode(), **seen)


def _order(request: Request, access: Access | None, journal: Path) -> dict[str, Any]:
    model_dir = request.model_dir.resolve()
    order: dict[str, Any] = {
        "model_dir": str(model_dir),
        "content_type": request.content_type,
        "paths": _other_folders(),
        "gate": None,
    }
    if access is not None:
        code = model_dir / "code"
        order["gate"] = {
            "owners": Installed.here().owners_by_module,
            "allowed": sorted(access.allowed),
            "barred": sorted(access.barred),
            "own": [str(code)],
            "generated": [str(code / name) for name in _GENERATED],
            "shipped": [str(model_dir)],
            "journal": str(journal),
        }
    return order


def _other_folders() -> list[str]:
    """Folders of installed packages that a fresh interpreter would not look into, as of ``pip install --target``."""
    usual = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    places = {str(Path(str(found.source.locate_file("")))) for found in Installed.here() if not found.editable_modules}
    return [entry for entry in sys.path if entry in places - usual]


def _seen(found: Findings, model_dir: Path) -> dict[str, Any]:
    code = (model_dir / "code").resolve()
    return {
        "admitted": found.admitted,
        "refused": found.refused,
        "unowned": found.unowned,
        "missing_files": tuple(Path(path).relative_to(code).as_posix() for path in found.missing),
        "listed_folders": tuple(Path(path).relative_to(code).as_posix() for path in found.listed),
    }
