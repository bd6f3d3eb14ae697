"""A LoRA adapter in a folder, as PEFT writes it: read, and held against the model that it is for.

    adapter_config.json ......... rank, target modules, what it was trained on
    adapter_model.safetensors ... two matrices a module: lora_A (rank x in), lora_B (out x rank)

Sources: huggingface/peft, ``src/peft/tuners/lora/config.py`` and ``src/peft/utils/save_and_load.py``; what servers take
of it: vllm-project/vllm, ``vllm/lora/peft_helper.py`` and ``vllm/lora/utils.py`` (LMI runs the same), and
huggingface/text-generation-inference, ``server/text_generation_server/adapters/lora.py``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError, UsageError
from cdk_modelbuilder.language_models.safetensors_headers import Tensor, read_header

CONFIG_FILE = "adapter_config.json"
WEIGHTS_FILE = "adapter_model.safetensors"
MOST_RANK = 512
"""The largest that vLLM has room for."""
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
_MATRIX = re.compile(r"(?:base_model\.model\.)?(?P<module>.+)\.lora_(?P<kind>[AB])(?:\.default)?\.weight")
_PICKLES = ("adapter_model.bin", "adapter_model.pt", "adapter_model.pth")
_LARGEST_CONFIG = 1 << 20
_UNSERVED = {
    "use_dora": "DoRA",
    "lora_bias": "biases",
    "alora_invocation_tokens": "activated LoRA",
    "layer_replication": "replicated layers",
    "use_bdlora": "block-diagonal LoRA",
    "use_qalora": "QALoRA",
    "modules_to_save": "whole modules beside it (modules_to_save)",
    "trainable_token_indices": "tokens of its own",
}
"""What PEFT writes and no server of these adds to a model."""
_CHANGES_BASE = ("pissa", "olora", "corda", "loftq")


@dataclass(frozen=True, slots=True)
class LoraAdapter:
    """One adapter.

    Attributes:
        name: What requests call it.
        folder: Where it is.
        base: The model that it was trained on, as its configuration names it; empty where it does not.
        rank: The largest of its modules.
        targets: Last parts of its modules' names, sorted.
        size: Of its weights, in bytes.
        modules: Each module: width of its input, of its output, and rank.
    """

    name: str
    folder: Path
    base: str
    rank: int
    targets: tuple[str, ...]
    size: int
    modules: Mapping[str, tuple[int, int, int]] = field(repr=False)

    def check_fits(self, weights: Mapping[str, tuple[int, ...]]) -> None:
        """Refuse a base model that lacks a module of it, or has it in another width.

        Args:
            weights: Name and shape of the base model's tensors, as :func:`weights_in` reads them.

        Raises:
            ModelError: That is so.
        """
        for module, (inside, outside, _) in sorted(self.modules.items()):
            if ".experts" in module:  # saved in several ways, which servers tell apart by their own classes
                continue
            shapes = [weights.get(f"{module}{ending}") for ending in (".weight", ".qweight", ".weight_packed")]
            found = next((shape for shape in shapes if shape is not None), None)
            if found is None:
                raise ModelError(
                    f"the adapter {self.name!r} is for the module {module}, which the model does not have.",
                    remedy=f"It was trained on {self.base or 'another model'}: give it that model, or another adapter.",
                )
            if shapes[0] is not None and found != (outside, inside):
                raise ModelError(
                    f"the adapter {self.name!r} takes {module} from {inside} to {outside}, and the model's is "
                    f"{' x '.join(map(str, reversed(found)))}.",
                    remedy=f"It was trained on {self.base or 'another model'}: give it that model, or another adapter.",
                )


def read_adapters(given: Mapping[str, str | Path]) -> tuple[LoraAdapter, ...]:
    """Read several, sorted by name.

    Raises:
        UsageError: It is no mapping of names to folders, or a name cannot be one.
        ModelError: A folder is no adapter that servers load; see :func:`read_adapter`.
    """
    if not isinstance(given, Mapping):
        raise UsageError(
            f"lora_adapters is a {type(given).__name__}.", remedy='Give names and folders: {"sql": Path("sql-lora")}.'
        )
    for name in given:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} cannot name an adapter.",
                remedy="Take at most 63 letters, digits, and inner dots, hyphens and underscores.",
            )
    lower = [name.lower() for name in given]
    twice = sorted(name for name in given if lower.count(name.lower()) > 1)
    if twice:
        raise UsageError(
            f"the adapters {' and '.join(twice)} differ in case alone, and their folders would be one on some systems.",
            remedy="Give one of them another name.",
        )
    return tuple(read_adapter(name, given[name]) for name in sorted(given))


def read_adapter(name: str, folder: str | Path) -> LoraAdapter:
    """Read one; no weight is loaded.

    Raises:
        ModelError: There is no such folder or no configuration; the weights are pickles, broken, or not those that
            the configuration describes; or it is of a kind that servers do not add to a model.
    """
    place = Path(folder).expanduser()
    if not place.is_dir():
        raise ModelError(
            f"the adapter {name!r} is to be in {place}, and there is no such folder.",
            remedy="Give the folder that save_pretrained() of the PEFT model wrote.",
        )
    config = _config(name, place)
    _check_kind(name, config)
    modules = _modules(name, place / WEIGHTS_FILE, _tensors(name, place))
    rank = max(rank for _, _, rank in modules.values())
    said = config.get("r")
    patterns = config.get("rank_pattern")
    ranks = {said, *(patterns.values() if isinstance(patterns, Mapping) else ())}
    if any(module_rank not in ranks for _, _, module_rank in modules.values()):
        raise ModelError(
            f"{CONFIG_FILE} of the adapter {name!r} says rank {said}, and its weights have rank {rank}.",
            remedy="Take configuration and weights of the same adapter.",
        )
    if rank > MOST_RANK:
        raise ModelError(f"the adapter {name!r} has rank {rank}.", remedy=f"Servers take up to {MOST_RANK}.")
    base = config.get("base_model_name_or_path")
    return LoraAdapter(
        name=name,
        folder=place,
        base=base if isinstance(base, str) else "",
        rank=rank,
        targets=tuple(sorted({module.rpartition(".")[2] for module in modules})),
        size=(place / WEIGHTS_FILE).stat().st_size,
        modules=modules,
    )


def weights_in(folder: Path) -> dict[str, tuple[int, ...]]:
    """Name and shape of each tensor of a model's folder, from the files' headers."""
    files = sorted(path for path in folder.glob("*.safetensors") if path.name != WEIGHTS_FILE)
    return {tensor.name: tensor.shape for path in files for tensor in read_header(path)}


def _config(name: str, folder: Path) -> Mapping[str, Any]:
    path = folder / CONFIG_FILE
    remedy = "Give the folder that save_pretrained() of the PEFT model wrote."
    if not path.is_file():
        raise ModelError(f"the adapter {name!r} has no {CONFIG_FILE} in {folder}.", remedy=remedy)
    try:
        found = json.loads(path.read_bytes()[:_LARGEST_CONFIG])
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path} is no JSON: {error}.", remedy=remedy) from error
    if not isinstance(found, dict):
        raise ModelError(f"{path} is no JSON object.", remedy=remedy)
    return found


def _check_kind(name: str, config: Mapping[str, Any]) -> None:
    kind = config.get("peft_type")
    if kind != "LORA":
        raise ModelError(f"the adapter {name!r} is of the kind {kind!r}.", remedy="Servers take those of LORA.")
    rank = config.get("r")
    if isinstance(rank, bool) or not isinstance(rank, int) or rank < 1:
        raise ModelError(f"{CONFIG_FILE} of the adapter {name!r} has the rank {rank!r}.", remedy="Save it again.")
    found = [words for key, words in _UNSERVED.items() if config.get(key)]
    if config.get("bias", "none") != "none":
        found.append("biases")
    init = config.get("init_lora_weights")
    if isinstance(init, str) and init.lower().startswith(_CHANGES_BASE):
        found.append(f"{init}, which changes the base model's weights too")
    if found:
        raise ModelError(
            f"the adapter {name!r} has {', '.join(dict.fromkeys(found))}, which servers do not add to a model.",
            remedy="Merge it into the model with merge_and_unload() and serve that, or train a plain LoRA.",
        )


def _tensors(name: str, folder: Path) -> tuple[Tensor, ...]:
    path = folder / WEIGHTS_FILE
    if path.is_file():
        return read_header(path)
    pickles = [pickled for pickled in _PICKLES if (folder / pickled).is_file()]
    raise ModelError(
        f"the adapter {name!r} has no {WEIGHTS_FILE} in {folder}"
        + (f"; {pickles[0]} is a pickle, which runs code where it is loaded." if pickles else "."),
        remedy="Save it with save_pretrained(folder, safe_serialization=True).",
    )


def _modules(name: str, path: Path, tensors: tuple[Tensor, ...]) -> dict[str, tuple[int, int, int]]:
    sides: dict[str, dict[str, Tensor]] = {}
    for tensor in tensors:
        match = _MATRIX.fullmatch(tensor.name)
        if match is None or len(tensor.shape) != 2:
            raise ModelError(
                f"the adapter {name!r} has the tensor {tensor.name}, which is no matrix of a LoRA on a linear layer.",
                remedy="Train it without modules_to_save, embeddings, biases and convolutions.",
            )
        sides.setdefault(match["module"], {})[match["kind"]] = tensor
    if not sides:
        raise ModelError(f"{path} has no tensors.", remedy="Save the adapter again.")
    found = {}
    for module, pair in sorted(sides.items()):
        if len(pair) != 2 or pair["A"].shape[0] != pair["B"].shape[1]:
            raise ModelError(
                f"the adapter {name!r} has no pair of matrices of one rank for {module}.",
                remedy="Save the adapter again; a file that was put together of several leaves some out.",
            )
        found[module] = (pair["A"].shape[1], pair["B"].shape[0], pair["A"].shape[0])
    return found
