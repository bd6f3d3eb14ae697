"""Folders as the Hugging Face Hub has them: what in them is loaded, what is code, and what nobody should unpickle.

https://huggingface.co/docs/transformers/main_classes/model and .../custom_models (``auto_map``) describe them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.pickles import matches
from cdk_modelbuilder.staging import place_file

_LOADED = (".bpe", ".codes", ".jinja", ".json", ".model", ".safetensors", ".spm", ".tiktoken", ".txt", ".vocab")
"""Endings of weights, settings and vocabularies. None of them is executed when it is loaded."""

_PICKLES = (".bin", ".ckpt", ".pkl", ".pt", ".pth")
_OF_TRAINING = ("optimizer.pt", "rng_state.pth", "scaler.pt", "scheduler.pt", "training_args.bin")
_LEFT_OUT = ("checkpoint-", "runs", "logs", "onnx", "openvino", "coreml")
"""Folders of other formats, and of the training."""

_OF_THIS_MACHINE = ("_name_or_path", "is_local", "local_files_only", "name_or_path")
"""Settings that say where a model was loaded from; nothing reads them when it is loaded."""


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in the file; empty if there is no file.

    Raises:
        ModelError: It is no JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, OSError) as error:
        raise ModelError(f"{path} cannot be read: {error}.", remedy="Save or download the model again.") from None
    if not isinstance(found, dict):
        raise ModelError(f"{path} holds no JSON object.", remedy="Save or download the model again.")
    return found


def loaded_files(folder: Path) -> list[Path]:
    """Files that loading the model reads, sorted: neither other formats of it, nor code, nor what training left."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in _LOADED and path.is_file() and not _is_left_out(path.relative_to(folder))
    )


def _is_left_out(path: Path) -> bool:
    return any(part.startswith((".", *_LEFT_OUT)) for part in path.parts[:-1]) or path.name.startswith(".")


def check_weights(folder: Path) -> None:
    """Refuse a folder whose weights are pickles, missing, or incomplete.

    Raises:
        ModelError: With the file's name.
    """
    files = {path.relative_to(folder).as_posix() for path in loaded_files(folder)}
    weights = [name for name in files if name.endswith(".safetensors")]
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if path.suffix not in _PICKLES or not path.is_file() or _is_left_out(place) or path.name in _OF_TRAINING:
            continue
        if not any(path.parent.glob("*.safetensors")):
            raise ModelError(
                f"{folder} has weights in {place.as_posix()}, a pickle, which is executed to be read.",
                remedy="Load the model where you trust it, and write it again with save_pretrained(), which makes "
                "safetensors.",
            )
    if not weights:
        raise ModelError(
            f"{folder} has no weights (*.safetensors).",
            remedy="Is the download complete? A folder of adapters (LoRA) has to be merged into its model first.",
        )
    for name in sorted(files):
        if name.endswith(".safetensors.index.json"):
            inside = name.rpartition("/")[0]
            shards = set(read_json(folder / name).get("weight_map", {}).values())
            missing = sorted(shard for shard in shards if f"{inside}/{shard}".lstrip("/") not in files)
            if missing:
                raise ModelError(f"{folder} lacks {missing[0]}, which {name} names.", remedy="Download it again.")


def remote_code(folder: Path, trust: Sequence[str], known: bool) -> list[str]:
    """Names of the classes in the folder's own Python files that its settings ask for, each of which is trusted.

    Args:
        folder: The model's folder.
        trust: The user's patterns.
        known: Whether the library has the model's classes itself; then it does not look at the files.

    Raises:
        ModelError: One is not trusted, or lies in another repository.
    """
    if known:
        return []
    asked: set[str] = set()
    for name in ("config.json", "tokenizer_config.json", "processor_config.json", "preprocessor_config.json"):
        for value in read_json(folder / name).get("auto_map", {}).values():
            asked |= {item for item in (value if isinstance(value, list) else [value]) if item}
    for item in sorted(asked):
        if "--" in item:
            raise ModelError(
                f"{folder} runs code of another repository: {item}.",
                remedy="Download that code into the folder and take the repository's name out of auto_map.",
            )
        if not matches(item, trust):
            raise ModelError(
                f"{folder} runs its own Python code: {item}.",
                remedy=f"Read the file {item.partition('.')[0]}.py; if you trust it, say so: trust=[{item!r}].",
            )
    return sorted(asked)


def place_files(folder: Path, target: Path, *, code: bool = False) -> None:
    """Put what is loaded into ``target``, without a second copy on disk where the file system can.

    Args:
        folder: The model's folder.
        target: Where it goes.
        code: Whether its Python files go along.
    """
    for path in loaded_files(folder) + (sorted(folder.glob("*.py")) if code else []):
        place_file(path, target / path.relative_to(folder))


def forget_this_machine(folder: Path) -> None:
    """Take out of the settings that a library wrote where the model came from: a path, or another machine's cache."""
    for path in sorted(folder.rglob("*config.json")):
        values = read_json(path)
        kept = {key: value for key, value in values.items() if key not in _OF_THIS_MACHINE}
        if kept != values:
            path.write_text(json.dumps(kept, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def loading(folder: Path, class_name: str) -> Iterator[None]:
    """The block loads ``folder`` as a ``class_name``: it asks no hub and draws no progress bars.

    Raises:
        ModelError: Whatever the block raises; each part of a model may raise anything.
    """
    try:
        with quiet():
            yield
    except Exception as error:
        raise ModelError(
            f"{folder} cannot be loaded as {class_name}: {' '.join(str(error).split())[:300]}.",
            remedy="Is it complete? Write it again with save_pretrained().",
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """The block asks no hub and draws no progress bars."""
    from transformers.utils import logging  # noqa: PLC0415

    shown = logging.is_progress_bar_enabled()
    before = os.environ.get("HF_HUB_OFFLINE")
    os.environ["HF_HUB_OFFLINE"] = "1"
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
        os.environ.pop("HF_HUB_OFFLINE")
        if before is not None:
            os.environ["HF_HUB_OFFLINE"] = before
