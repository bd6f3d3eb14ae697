"""Ships an InferenceSpec: its module as source, its attributes as a checked pickle, its files by link."""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.building.payload_code import add_payload_source
from cdk_modelbuilder.dependencies import extracted_source
from cdk_modelbuilder.dependencies.local_source import SCRIPT_MODULES, Importer, LocalSource, collect, is_local
from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.pickles import check_globals, list_globals
from cdk_modelbuilder.spec import InferenceSpec
from cdk_modelbuilder.staging import place_file

STATE_FILE = "inference_spec.pkl"


@dataclass(frozen=True, slots=True)
class ShippedSpec:
    """How the spec travels.

    Attributes:
        class_name: Name of the spec's class.
        source: Files for ``code/`` and what they import.
        template_values: For ``inference_spec.py.jinja``.
        state_globals: Globals that the pickled attributes name.
        python: ``3.11`` if code was pickled by value, which ties it to this Python; else None.
        notes: What the user should know.
    """

    class_name: str
    source: LocalSource
    template_values: dict[str, Any]
    state_globals: Sequence[tuple[str, str]] = ()
    python: str | None = None
    notes: tuple[str, ...] = ()


def ship_spec(
    spec: InferenceSpec,
    model_dir: Path,
    *,
    artifacts: Path | None,
    trust: Sequence[str],
    payloads: Sequence[type] = (),
) -> ShippedSpec:
    """Write the spec's files below ``model_dir`` and say how it is restored; ``payloads`` are classes of the schema.

    Raises:
        ModelError: Its source or its attributes cannot be shipped, or the artifacts are not there.
    """
    if artifacts is not None:
        _place_artifacts(artifacts, model_dir)
    kind = type(spec)
    state_path = model_dir / "code" / STATE_FILE
    moved = {}
    if kind.__module__ in SCRIPT_MODULES:
        try:
            extracted_source.extract([kind])
        except extracted_source.NoSourceError:
            return _by_value(spec, state_path)
        source, module = LocalSource(), extracted_source.MODULE_NAME
        add_payload_source(source, payloads, [kind, *_script_classes(vars(spec))])
        moved = dict.fromkeys(SCRIPT_MODULES, module)
    else:
        source, module = collect([kind.__module__]), kind.__module__
        add_payload_source(source, payloads)
    if "." in kind.__qualname__:
        raise ModelError(
            f"{kind.__qualname__} is defined inside a class or a function.",
            remedy="Define it at the top level of a module.",
        )
    if not all(part.isidentifier() for part in module.split(".")):
        raise ModelError(
            f"{kind.__name__} is defined in {module!r}, which no import statement can name.",
            remedy="Rename the file: letters, digits and underscores.",
        )
    names: list[tuple[str, str]] = []
    if vars(spec):
        names = _write_state(spec, state_path, trust)
        source.update(collect([name for name, _ in names if is_local(name) and name not in SCRIPT_MODULES]))
        for name in (name for name, _ in names if not is_local(name)):
            source.add_import(name, Importer(f"code/{STATE_FILE}"))
    values = {
        "by_value": False,
        "module": module,
        "class_name": kind.__name__,
        "state_file": STATE_FILE if names or vars(spec) else None,
        "globals": [list(name) for name in names],
        "moved_modules": moved,
    }
    return ShippedSpec(kind.__name__, source, values, names)


def _place_artifacts(artifacts: Path, model_dir: Path) -> None:
    if not artifacts.is_dir():
        raise ModelError(
            f"artifacts {str(artifacts)!r} is not a folder.", remedy="Name the folder that load() reads from."
        )
    seen: set[Path] = set()
    for folder, folders, files in os.walk(artifacts, followlinks=True):
        if Path(folder).resolve() in seen:
            raise ModelError(f"{folder} is a link to a folder that was packed already.", remedy="Remove the link.")
        seen.add(Path(folder).resolve())
        folders.sort()
        for name in sorted(files):
            path = Path(folder, name)
            relative = path.relative_to(artifacts)
            if relative.parts[0] in ("code", ".modelbuilder"):
                raise ModelError(
                    f"artifacts holds {relative.parts[0]}/, which the bundle needs for itself.", remedy="Rename it."
                )
            if not path.is_file():
                raise ModelError(f"{path} is not a file, or a link to none.", remedy="Remove it from the artifacts.")
            place_file(path, model_dir / relative)


def _script_classes(state: dict[str, Any]) -> list[Any]:
    data = _pickled(state, "the spec")
    names = list_globals(io.BytesIO(data))
    return [getattr(sys.modules[module], name) for module, name in names if module in SCRIPT_MODULES]


def _write_state(spec: InferenceSpec, path: Path, trust: Sequence[str]) -> list[tuple[str, str]]:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_pickled(vars(spec), type(spec).__name__))
    with path.open("rb") as handle:
        names = list_globals(handle)
    check_globals(names, trust)
    return names


def _pickled(state: dict[str, Any], owner: str) -> bytes:
    try:
        return pickle.dumps(state, protocol=5)
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        raise ModelError(
            f"the attributes of {owner} cannot be pickled: {error}.",
            remedy="Keep only plain data on the spec, and make the rest in load().",
        ) from None


def _by_value(spec: InferenceSpec, path: Path) -> ShippedSpec:
    import cloudpickle  # noqa: PLC0415 - the last resort only

    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cloudpickle.dumps(spec))
    source = LocalSource(imports=dict.fromkeys(("cloudpickle", "cdk_modelbuilder"), Importer(f"code/{STATE_FILE}")))
    note = (
        f"{type(spec).__name__} has no source to ship, so its code is pickled by value: it loads on Python {python} "
        "only, and building again gives other bytes. Define it in a file to be rid of both."
    )
    values = {"by_value": True, "python": python, "state_file": STATE_FILE}
    return ShippedSpec(type(spec).__name__, source, values, python=python, notes=(note,))
