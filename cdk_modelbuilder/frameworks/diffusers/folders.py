"""Folders of diffusers: ``model_index.json`` names the pipeline's class and its parts, each of which has a folder.

https://huggingface.co/docs/diffusers/using-diffusers/loading describes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.hub_folders import check_weights, loaded_files, loading, read_json

INDEX_FILE = "model_index.json"
_LIBRARIES = ("diffusers", "transformers", "onnxruntime")


@dataclass(frozen=True, slots=True)
class DiffusionFolder:
    """A folder that stands for the pipeline in it.

    Attributes:
        path: The folder.
        loaded: The pipeline, once it was loaded.
    """

    path: Path
    loaded: list[Any] = field(default_factory=list)

    @property
    def class_name(self) -> str:
        """Name of the pipeline's class in diffusers."""
        return str(read_json(self.path / INDEX_FILE).get("_class_name"))

    @property
    def variant(self) -> str | None:
        """``fp16`` and the like, where the folder has its weights in that form only."""
        return variant_of(self.path)

    @property
    def pipeline(self) -> Any:
        """The pipeline, loaded on the CPU and without a network.

        Raises:
            ModelError: It cannot be loaded.
        """
        import diffusers  # noqa: PLC0415

        if not self.loaded:
            kind = getattr(diffusers, self.class_name)
            with loading(self.path, self.class_name):
                found = kind.from_pretrained(
                    str(self.path), local_files_only=True, use_safetensors=True, variant=self.variant
                )
            found.set_progress_bar_config(disable=True)
            self.loaded.append(found)
        return self.loaded[0]


def variant_of(folder: Path) -> str | None:
    """The variant of the weights, if some part has no other."""
    for part in sorted({path.parent for path in loaded_files(folder) if path.suffix == ".safetensors"}):
        names = [path.name for path in part.glob("*.safetensors")]
        variants = [name.split(".")[1].partition("-")[0] for name in names if name.count(".") == 2]
        if variants and len(variants) == len(names):
            return variants[0]
    return None


def open_folder(path: Path) -> DiffusionFolder:
    """The pipeline in the folder.

    Raises:
        ModelError: It asks for code that its libraries do not bring, or has pickles for weights.
    """
    import diffusers  # noqa: PLC0415

    index = read_json(path / INDEX_FILE)
    folder = DiffusionFolder(path)
    if not isinstance(index.get("_class_name"), str) or not hasattr(diffusers, folder.class_name):
        raise ModelError(
            f"diffusers {diffusers.__version__} has no pipeline {index.get('_class_name')!r}, which {path} asks for.",
            remedy="Install the version that it was saved with, or load it in an InferenceSpec.",
        )
    for part, place in index.items():
        if part.startswith("_") or not isinstance(place, list) or place[0] is None:
            continue
        if place[0] not in _LIBRARIES and not hasattr(diffusers.pipelines, str(place[0])):
            raise ModelError(
                f"{path} runs code that its libraries do not bring: {part} is a {place[0]}.{place[1]}.",
                remedy="If you trust it, load the pipeline in an InferenceSpec.",
            )
    check_weights(path)
    return folder
