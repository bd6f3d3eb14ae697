"""Folders of sentence-transformers: which class loads one, and whose code it asks for."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.hub_folders import check_weights, loading, read_json

MODULES_FILE = "modules.json"
SETTINGS_FILE = "config_sentence_transformers.json"
CLASSES = ("SentenceTransformer", "CrossEncoder", "SparseEncoder")


@dataclass(frozen=True, slots=True)
class EncoderFolder:
    """A folder that stands for the model in it.

    Attributes:
        path: The folder.
        loaded: The model, once it was loaded.
    """

    path: Path
    loaded: list[Any] = field(default_factory=list)

    @property
    def class_name(self) -> str:
        """The class of sentence-transformers that loads it."""
        named = str(read_json(self.path / SETTINGS_FILE).get("model_type", ""))
        if named in CLASSES:
            return named
        types = module_types(self.path)
        if any("sparse_encoder" in item or item.endswith("SpladePooling") for item in types):
            return "SparseEncoder"
        is_scorer = not types and "sentence_transformers" in read_json(self.path / "config.json")
        return "CrossEncoder" if is_scorer else "SentenceTransformer"

    @property
    def model(self) -> Any:
        """The model, loaded on the CPU and without a network.

        Raises:
            ModelError: It cannot be loaded.
        """
        import sentence_transformers  # noqa: PLC0415

        if not self.loaded:
            kind = getattr(sentence_transformers, self.class_name)
            with loading(self.path, self.class_name):
                self.loaded.append(kind(str(self.path), device="cpu", local_files_only=True))
        return self.loaded[0]


def is_folder(path: Path) -> bool:
    """Whether the folder is one of sentence-transformers."""
    if not path.is_dir():
        return False
    if (path / MODULES_FILE).is_file() or (path / SETTINGS_FILE).is_file():
        return True
    settings = path / "config.json"
    return settings.is_file() and '"sentence_transformers"' in settings.read_text(encoding="utf-8")


def module_types(folder: Path) -> list[str]:
    """Full names of the classes that the model is put together from.

    Raises:
        ModelError: The list cannot be read.
    """
    path = folder / MODULES_FILE
    if not path.is_file():
        return []
    try:
        return [str(item["type"]) for item in json.loads(path.read_text(encoding="utf-8"))]
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"{path} is no list of modules: {error}.", remedy="Save or download the model again."
        ) from None


def foreign_types(folder: Path) -> list[str]:
    """Those of :func:`module_types` that sentence-transformers does not bring."""
    return sorted({item for item in module_types(folder) if not item.startswith("sentence_transformers.")})


def open_folder(path: Path) -> EncoderFolder:
    """The model in the folder.

    Raises:
        ModelError: It asks for code that is not sentence-transformers', or has pickles for weights.
    """
    import transformers  # noqa: PLC0415

    settings = read_json(path / "config.json")
    named = [str(name) for name in settings.get("architectures") or []]
    own = foreign_types(path)
    if settings.get("auto_map") and not any(hasattr(transformers, name) for name in named):
        own += sorted(map(str, settings["auto_map"].values()))
    if own:
        raise ModelError(
            f"{path} runs code that its libraries do not bring: {own[0]}.",
            remedy="If you trust it, load the model and give the object as model=, or load it in an InferenceSpec.",
        )
    check_weights(path)
    return EncoderFolder(path)
