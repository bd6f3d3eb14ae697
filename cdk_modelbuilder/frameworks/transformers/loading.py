"""Loads what a folder stands for, and makes the pipeline for a task; the generated code does the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.hub_folders import check_weights, loading, read_json, remote_code
from cdk_modelbuilder.frameworks.transformers.parts import ModelFolder, Parts

PREPARERS = {
    "tokenizer": "AutoTokenizer",
    "image_processor": "AutoImageProcessor",
    "feature_extractor": "AutoFeatureExtractor",
    "video_processor": "AutoVideoProcessor",
    "processor": "AutoProcessor",
}
"""What prepares input -> the class of transformers that loads it."""

_TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "vocab.json", "spiece.model")


def architecture(folder: Path) -> str:
    """Name of the model's class.

    Raises:
        ModelError: The settings do not say.
    """
    named = read_json(folder / "config.json").get("architectures") or []
    if not named:
        raise ModelError(
            f"{folder / 'config.json'} names no class under 'architectures'.",
            remedy="Load the model with its class, and write it again with save_pretrained().",
        )
    return str(named[0])


def preparers_in(folder: Path) -> list[str]:
    """What prepares input among the files."""
    found = []
    if any((folder / name).exists() for name in _TOKENIZER_FILES):
        found.append("tokenizer")
    processor = read_json(folder / "processor_config.json")
    settings = {**read_json(folder / "preprocessor_config.json"), **processor}
    if "image_processor_type" in settings or "image_processor" in processor:
        found.append("image_processor")
    if "feature_extractor_type" in settings or "feature_extractor" in processor:
        found.append("feature_extractor")
    return [*found, "processor"] if processor else found


def class_of(folder: ModelFolder) -> tuple[str, bool]:
    """Name of the class in transformers that loads the model, and whether it runs code in the folder.

    Raises:
        ModelError: The class is not known and no trusted code defines it, or the weights are not there as safetensors.
    """
    import transformers  # noqa: PLC0415

    name = architecture(folder.path)
    is_known = hasattr(transformers, name)
    code = remote_code(folder.path, folder.trust, known=is_known)
    check_weights(folder.path)
    if is_known:
        return name, False
    named = read_json(folder.path / "config.json").get("auto_map", {})
    if not code or not any(key.startswith("AutoModel") for key in named):
        raise ModelError(
            f"transformers {transformers.__version__} has no class {name}, which {folder.path} asks for.",
            remedy="Install the version that the model was saved with, or load it with an InferenceSpec.",
        )
    return next(key for key in sorted(named) if key.startswith("AutoModel")), True


def load_folder(folder: ModelFolder) -> Parts:
    """The model in the folder and what prepares its input; loaded once, without a network.

    Raises:
        ModelError: It cannot be loaded.
    """
    import transformers  # noqa: PLC0415

    if not folder.loaded:
        name, runs_code = class_of(folder)
        options: dict[str, Any] = {"local_files_only": True, **({"trust_remote_code": True} if runs_code else {})}
        with loading(folder.path, name):
            model, report = getattr(transformers, name).from_pretrained(
                folder.path, use_safetensors=True, output_loading_info=True, **{dtype_option(): "auto"}, **options
            )
            preparers = {
                kind: getattr(transformers, PREPARERS[kind]).from_pretrained(folder.path, **options)
                for kind in preparers_in(folder.path)
            }
        if report["missing_keys"]:  # the library only warns, and fills them with random numbers
            raise ModelError(
                f"{folder.path} has no weights for {min(report['missing_keys'])} of the {name}.",
                remedy="Is it the model before its fine-tuning? Name the class that it was saved with in config.json.",
            )
        folder.loaded["parts"] = Parts(model, preparers)
    found: Parts = folder.loaded["parts"]
    return found


def pipeline_of(parts: Parts, task: str) -> Any:
    """The user's pipeline, or one for the task on the device where the model is.

    Raises:
        ModelError: transformers does not make one of these parts.
    """
    if parts.pipeline is not None:
        return parts.pipeline
    import transformers  # noqa: PLC0415

    try:
        return transformers.pipeline(task, model=parts.model, device=parts.model.device, **parts.preparers)
    except (ImportError, KeyError, OSError, TypeError, ValueError) as error:
        raise ModelError(
            f"there is no pipeline for the task {task!r} of a {type(parts.model).__name__} with "
            f"{', '.join(parts.preparers) or 'nothing to prepare input'}: {' '.join(str(error).split())[:300]}.",
            remedy="Give the tokenizer, image processor or processor along: model=(model, tokenizer).",
        ) from None


def dtype_option() -> str:
    """What ``from_pretrained()`` calls the weights' type: version 5 knows the old name no more."""
    import transformers  # noqa: PLC0415

    return "dtype" if int(transformers.__version__.partition(".")[0]) >= 5 else "torch_dtype"
