"""The folder of an MLflow model: what stands in MLmodel, and what runs when it is loaded.

The format: https://mlflow.org/docs/latest/ml/model/#storage-format
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.pickle_files import SUFFIXES, content_of
from cdk_modelbuilder.frameworks.pickles import Global, check_globals, import_allowed, list_globals, matches

MODEL_FILE = "MLmodel"
_PROTOCOLS = tuple(bytes([0x80, number]) for number in range(2, 6))
"""How pickles begin that were made by any Python 3."""
_PLACES = ("code", "data", "model_data", "model_path", "path", "pickled_model", "python_model")
"""Settings of flavours that name files."""
_OF_MLFLOW = ("mlflow.models.signature._TypeHints",)
"""Plain values that MLflow pickles with a model of the user's."""


@dataclass(frozen=True, slots=True)
class MlflowFolder:
    """An MLflow model on disk, not loaded.

    Attributes:
        path: The folder.
        flavors: The flavours of MLmodel: name -> settings.
        mlflow_version: What saved it; empty if MLmodel does not say.
        pickled: Every global that a pickle in the folder names, but for those of its own code.
    """

    path: Path
    flavors: dict[str, Any] = field(repr=False)
    mlflow_version: str = ""
    pickled: tuple[Global, ...] = field(default=(), repr=False)

    @property
    def pyfunc(self) -> dict[str, Any]:
        """Settings of the flavour that every tool can call."""
        return dict(self.flavors["python_function"])

    @property
    def requirements(self) -> str | None:
        """Name of the file that lists its packages."""
        return next((name for name in ("requirements.txt", "conda.yaml") if (self.path / name).is_file()), None)

    @property
    def python(self) -> str | None:
        """Minor version of Python that it is tied to, by code that cloudpickle wrote; None for none."""
        if not any(module.partition(".")[0] == "cloudpickle" for module, _ in self.pickled):
            return None
        return ".".join(str(self.pyfunc.get("python_version", "")).split(".")[:2]) or None


def read_folder(path: Path, *, trust: Sequence[str]) -> MlflowFolder:
    """Read MLmodel, and judge what would run when the model is loaded, without loading it.

    Args:
        path: The folder.
        trust: Patterns of modules and globals that the user trusts.

    Raises:
        ModelError: MLmodel cannot be read or has no flavour ``python_function``; a file lies outside of the folder; or
            code would run that is neither MLflow's, nor on the allow-list, nor trusted.
    """
    text = _yaml((path / MODEL_FILE).read_bytes(), path)
    flavors = text.get("flavors") if isinstance(text, dict) else None
    if not isinstance(flavors, dict):
        raise ModelError(f"{path / MODEL_FILE} names no flavors.", remedy="Save the model again with MLflow.")
    if not isinstance(flavors.get("python_function"), dict):
        raise ModelError(
            f"{path / MODEL_FILE} has the flavors {', '.join(sorted(flavors))}, and python_function is not among them.",
            remedy="Load it in an InferenceSpec with the tool that saved it.",
        )
    _check_links(path)
    _check_places(path, flavors)
    modules = _own_modules(path, flavors["python_function"])
    refused = sorted(module for module in modules if not _is_trusted(module, trust))
    if refused:
        raise ModelError(
            f"{path} brings code of its own, which runs when it is loaded: {', '.join(refused)}.",
            remedy=f"If you know it and trust it, say so: trust={[f'{module}.*' for module in refused]!r}.",
        )
    pickled = sorted(set(_pickled(path)))
    import_allowed(pickled)
    try:
        check_globals(pickled, [*trust, *_OF_MLFLOW])
    except ModelError as error:
        raise ModelError(f"{path}: {error.what}", remedy=error.remedy) from None
    others = tuple(name for name in pickled if name[0].partition(".")[0] not in modules)
    return MlflowFolder(path, flavors, str(text.get("mlflow_version", "")), others)


def _yaml(text: bytes, path: Path) -> Any:
    try:
        import yaml  # noqa: PLC0415 - only MLflow's models need it, and MLflow brings it
    except ImportError:
        raise ModelError(
            f"{path / MODEL_FILE} is YAML, which PyYAML reads.", remedy="Run: pip install mlflow-skinny"
        ) from None
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: of a date that there is not
        raise ModelError(
            f"{path / MODEL_FILE} is no YAML: {' '.join(str(error).split())}.", remedy="Save the model again."
        ) from None


def _check_links(path: Path) -> None:
    outside = [item for item in path.rglob("*") if not item.resolve().is_relative_to(path.resolve())]
    if outside:
        raise ModelError(
            f"{min(outside).relative_to(path)} in {path} is a link to a file outside of it.",
            remedy="Copy the file into the folder.",
        )


def _check_places(path: Path, settings: dict[str, Any]) -> None:
    """Refuse settings that lead MLflow out of the folder; ``model_code_path`` it takes the last part of."""
    for key, value in settings.items():
        if isinstance(value, dict):
            _check_places(path, value)
        elif key in _PLACES and isinstance(value, str):
            place = PurePosixPath(value.replace("\\", "/"))
            if place.is_absolute() or ".." in place.parts:
                raise ModelError(
                    f"{path / MODEL_FILE} says {key}: {value}, which is outside of the folder.",
                    remedy="Save the model again with MLflow.",
                )


def _own_modules(path: Path, pyfunc: dict[str, Any]) -> set[str]:
    """Names of the modules that the folder brings and MLflow imports, and of a loader that is not MLflow's."""
    found = set()
    loader = str(pyfunc.get("loader_module") or "")
    if loader and loader.partition(".")[0] != "mlflow":
        found.add(loader.partition(".")[0])
    if pyfunc.get("model_code_path"):
        found.add(PurePosixPath(str(pyfunc["model_code_path"]).replace("\\", "/")).stem)
    code = path / str(pyfunc.get("code") or "code")
    if code.is_dir():
        found |= {item.name.partition(".")[0] for item in code.iterdir() if item.name != "__pycache__"}
    return found


def _is_trusted(module: str, trust: Sequence[str]) -> bool:
    return matches(module, trust) or matches(f"{module}.any", trust)


def _pickled(path: Path) -> Iterator[Global]:
    """Every global in the pickles of the folder, in archives of PyTorch, and what skops does not know by itself."""
    for item in sorted(path.rglob("*")):
        if not item.is_file():
            continue
        with item.open("rb") as handle:
            head = handle.read(4)
        if item.suffix == ".skops":
            yield from _of_skops(item)
        elif head == b"PK\x03\x04":
            yield from _of_archive(item)
        elif item.suffix in SUFFIXES or head.startswith(_PROTOCOLS):
            yield from content_of(item).names


def _of_archive(path: Path) -> Iterator[Global]:
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(SUFFIXES):
                with archive.open(name) as handle:
                    yield from list_globals(handle)


def _of_skops(path: Path) -> Iterator[Global]:
    try:
        import skops.io  # noqa: PLC0415 - only for its files
    except ImportError:
        raise ModelError(f"{path} is read by skops.", remedy="Run: pip install 'cdk-modelbuilder[skops]'") from None
    for name in skops.io.get_untrusted_types(file=path):
        module, _, attribute = str(name).rpartition(".")
        yield module, attribute
