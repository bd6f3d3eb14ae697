"""Runs a bundle's code on the sample in a fresh interpreter, before it is sealed, with only what is listed at hand."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
        lenient: Let in whatever is not barred.
    """

    allowed: Collection[str]
    barred: Collection[str] = ()
    lenient: bool = False


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
        loaded: Distributions whose modules were loaded.
        missing_files: Files beside the code that were opened and are not there, below ``code/``.
    """

    response: bytes = b""
    response_type: str = ""
    error: str = ""
    admitted: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)
    unowned: Mapping[str, str] = field(default_factory=dict)
    loaded: tuple[str, ...] = ()
    missing_files: tuple[str, ...] = ()


def rehearse(request: Request, access: Access | None) -> Rehearsal:
    """Let the bundle's code answer ``request``; with ``access`` None, whatever is installed may be imported.

    The child sees the bundle and the installed packages, not the caller's folder: a local module that was not shipped
    is missing here as it would be in the container.

    Raises:
        SelfTestError: It gave no answer in time.
    """
    package_home = str(Path(__file__).parents[2])
    with tempfile.TemporaryDirectory() as neutral:
        order, report = Path(neutral, "order.json"), Path(neutral, "report.json")
        order.write_text(json.dumps(_order(request, access)), "utf-8")
        try:
            child = subprocess.run(
                [sys.executable, "-m", "cdk_modelbuilder.building.rehearsal_child", str(order), str(report)],
                input=request.body,
                capture_output=True,
                cwd=neutral,
                env={**os.environ, **request.environment, "PYTHONPATH": package_home, "PYTHONSAFEPATH": "1"},
                timeout=TIMEOUT_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise SelfTestError(
                f"the model gave no answer to sample_input within {TIMEOUT_SECONDS} s.",
                remedy="Give a smaller sample, or find out what load() or invoke() waits for.",
            ) from None
        seen: dict[str, Any] = json.loads(report.read_text("utf-8")) if report.is_file() else {}
    if child.returncode != 0:
        error = child.stderr.decode(errors="replace").strip() or f"it ended with status {child.returncode}"
        return Rehearsal(error=error, **_seen(seen, request.model_dir))
    response_type, _, response = child.stdout.partition(b"\n")
    return Rehearsal(response, response_type.decode(), **_seen(seen, request.model_dir))


def _order(request: Request, access: Access | None) -> dict[str, Any]:
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
            "lenient": access.lenient,
        }
    return order


def _other_folders() -> list[str]:
    """Folders of installed packages that a fresh interpreter would not look into, as of ``pip install --target``."""
    usual = {sysconfig.get_path(key) for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    places = {str(Path(str(found.source.locate_file("")))) for found in Installed.here() if not found.editable_modules}
    return [entry for entry in sys.path if entry in places - usual]


def _seen(report: Mapping[str, Any], model_dir: Path) -> dict[str, Any]:
    if not report:
        return {}
    code = (model_dir / "code").resolve()
    missing = [Path(path) for path in report["missing_files"]]
    return {
        "admitted": dict(report["admitted"]),  # in the order in which they were imported
        "refused": dict(sorted(report["refused"].items())),
        "unowned": dict(sorted(report["unowned"].items())),
        "loaded": tuple(report["loaded"]),
        "missing_files": tuple(sorted(path.relative_to(code).as_posix() for path in missing)),
    }
