"""How each server is told of LoRA adapters that lie in the model's folder.

Sources: vllm-project/vllm, ``vllm/entrypoints/launchers/cli_args.py`` (``--lora-modules``) and ``vllm/config/lora.py``;
sgl-project/sglang, ``python/sglang/srt/server_args.py`` (``--lora-paths``); aws/deep-learning-containers,
``scripts/docker/vllm/sagemaker_args.py`` (an array of JSON becomes several words) and
``scripts/docker/sglang/sagemaker_entrypoint.sh`` (a variable becomes one word); deepjavalibrary/djl-serving,
``serving/docs/adapters.md`` (the folder ``adapters``); huggingface/text-generation-inference,
``docs/source/conceptual/lora.md`` (``LORA_ADAPTERS``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.language_models.fitting import DEFAULT_ADAPTER_RANK
from cdk_modelbuilder.language_models.lora import CONFIG_FILE, WEIGHTS_FILE, LoraAdapter
from cdk_modelbuilder.language_models.overrides import ADAPTER_RANKS
from cdk_modelbuilder.language_models.server_rules import rules_of
from cdk_modelbuilder.language_models.server_settings import LOADS_ADAPTERS, variable_of

FOLDER = "adapters"
"""Below the model's folder: where LMI looks."""
FILES = (CONFIG_FILE, WEIGHTS_FILE)
"""Of an adapter's folder; servers read the base model's tokenizer."""
MOST_AT_A_TIME = 4
"""Room for so many in a batch, where nothing else is said: LMI's default. More adapters take turns."""
_ON_AMAZON_LINUX = re.compile(r"server-sagemaker-\w+-v(\d+)\.(\d+)(?:\.\d+)?")
_SERVERS = ("vllm", "sglang", "djl_serving", "tgi")


def check_server(server: str, adapters: Sequence[LoraAdapter]) -> None:
    """Refuse a server that cannot be given these adapters.

    Raises:
        UsageError: It takes none, or not so many.
    """
    if not adapters:
        return
    title = rules_of(server).title
    if server not in _SERVERS:
        raise UsageError(
            f"lora_adapters was given, and {title} takes none.", remedy=f"It is for {', '.join(_SERVERS)}."
        )
    if server == "sglang" and len(adapters) > 1:
        names = ", ".join(adapter.name for adapter in adapters)
        raise UsageError(
            f"{len(adapters)} adapters were given ({names}), and AWS's image of SGLang can be told of one: it makes "
            "one word of each variable.",
            remedy="Take model_server='vllm' or 'djl_serving', or deploy a bundle for each adapter.",
        )


def leads_to_adapters(repository: str, tag: str) -> bool:
    """Whether an image of vLLM of AWS's is told of several adapters by one variable, and has routes to them.

    Source: aws/deep-learning-containers: ``docker/vllm/Dockerfile.amzn2023`` has ``sagemaker_serve.py``, which
    ``docker/vllm/Dockerfile`` (Ubuntu) has not; ``sagemaker_args.py`` came on 2026-08-19, after v2.3.
    """
    found = _ON_AMAZON_LINUX.fullmatch(tag)
    return repository == "vllm" and found is not None and (int(found[1]), int(found[2])) >= (2, 4)


def room_for(server: str, adapters: Sequence[LoraAdapter]) -> dict[str, Any]:
    """How many adapters a batch is to mix and of which rank, by the names of :class:`Overrides`; empty for none."""
    if not adapters or "adapters" not in rules_of(server).options:
        return {}
    rank = max(adapter.rank for adapter in adapters)
    return {
        "adapters": min(len(adapters), MOST_AT_A_TIME),
        "adapter_rank": _least_for(rank),
    }


def lora_environment(server: str, adapters: Sequence[LoraAdapter], model_dir: str) -> dict[str, str]:
    """The variables that name the adapters, beside those for their room; empty for none.

    Args:
        server: As ``model_server=`` has it.
        adapters: The adapters.
        model_dir: Where the container sees the model's folder.
    """
    paths = {adapter.name: f"{model_dir}/{FOLDER}/{adapter.name}" for adapter in adapters}
    if not paths:
        return {}
    if server == "vllm":
        modules = [{"name": name, "path": path} for name, path in paths.items()]
        found = {"SM_VLLM_LORA_MODULES": json.dumps(modules, separators=(",", ":"))}
        if len(paths) > MOST_AT_A_TIME:  # else those that are not in the batch would be read anew each time
            found["SM_VLLM_MAX_CPU_LORAS"] = str(len(paths))
        return found
    listed = ",".join(f"{name}={path}" for name, path in paths.items())
    if server == "sglang":
        return {"SM_SGLANG_LORA_PATHS": listed}
    if server == "tgi":
        return {"LORA_ADAPTERS": listed}
    return {"OPTION_MAX_CPU_LORAS": str(len(paths))} if len(paths) > MOST_AT_A_TIME else {}


def check_room(server: str, environment: Mapping[str, str], adapter: str, rank: int | None) -> None:
    """Refuse an adapter, to be loaded when the server runs, that it has no room for.

    Args:
        server: As ``model_server=`` has it.
        environment: The variables of the base model's container.
        adapter: The adapter's name.
        rank: Its rank, where it is known.

    Raises:
        UsageError: Adapters are not turned on, or only for smaller ranks.
    """
    rules = rules_of(server)
    if rules.adapter_switch is None:
        raise UsageError(
            f"the adapter {adapter!r} is for a component of {rules.title}, which loads none while it runs.",
            remedy="Package it with the model, with lora_adapters=; or take model_server='vllm' or 'djl_serving'.",
        )
    needed = [variable_of(server, rules.adapter_switch), *([LOADS_ADAPTERS] if server == "vllm" else [])]
    missing = [name for name in needed if environment.get(name, "").lower() not in ("true", "1")]
    wanted = {"adapters": MOST_AT_A_TIME, "adapter_rank": _least_for(rank or DEFAULT_ADAPTER_RANK)}
    remedy = f"Build the bundle with serving={wanted}."
    if missing:
        raise UsageError(
            f"the adapter {adapter!r} is for a component whose container has no room for adapters: {missing[0]} is "
            f"{environment.get(missing[0])!r}.",
            remedy=remedy,
        )
    room = environment.get(variable_of(server, rules.options["adapter_rank"]), str(DEFAULT_ADAPTER_RANK))
    if rank is not None and room.isdecimal() and int(room) < rank:
        raise UsageError(f"the adapter {adapter!r} has rank {rank}, and there is room for {room}.", remedy=remedy)


def _least_for(rank: int) -> int:
    """The least rank that a server can be told and that this one fits in."""
    return next(allowed for allowed in ADAPTER_RANKS if allowed >= max(8, rank))


def lora_record(adapters: Sequence[LoraAdapter]) -> list[dict[str, Any]]:
    """What ``serving.json`` says of them."""
    return [
        {
            "base": adapter.base,
            "bytes": adapter.size,
            "folder": f"{FOLDER}/{adapter.name}",
            "name": adapter.name,
            "rank": adapter.rank,
            "targets": list(adapter.targets),
        }
        for adapter in adapters
    ]
