"""Which dimensions a bundle's server has, and the values that are tried where nobody names others.

What changes only the speed is tried by itself: processes, batches, how a language model is split and how much it
computes at a time. What may change answers too (several threads in one model, data types, quantization, the longest
sequence, drafts of another method) is tried where it is asked for by name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.language_models.server_rules import rules_of
from cdk_modelbuilder.language_models.server_settings import variable_of, variables
from cdk_modelbuilder.tuning.hardware import Hardware
from cdk_modelbuilder.tuning.server_variables import variables_known
from cdk_modelbuilder.tuning.space import Dimension, Option, Space, Value, by_variable

LANGUAGE_SERVERS = ("vllm", "sglang", "djl_serving", "tgi", "tei")
CODEC = "codec"
_INFERENCE_CODE = "code/inference.py"
_BATCHED = b"predict_batch_fn"
_MOST_SEQUENCES = 256
_DRAFTS = "ngram:"


@dataclass(frozen=True, slots=True)
class Offer:
    """A dimension that a server has.

    Attributes:
        meaning: In a few words.
        variable: What carries it; empty for one that is written otherwise.
        values: Tried by itself; empty for one that is tried only when it is named.
    """

    meaning: str
    variable: str
    values: tuple[Value | None, ...] = ()


_ONE_BY_ITSELF = {("builtin", "workers"), ("builtin", "threads"), ("tensorflow_serving", "workers")}
_MEANINGS = {
    "workers": "processes of the server",
    "threads": "requests that a process answers at a time",
    "batch_size": "requests that the model answers with one call",
    "batch_delay_ms": "how long the server waits for more requests of a batch",
    "library_threads": "threads that numeric libraries use in each process (OMP_NUM_THREADS)",
    "tensor_parallel": "accelerators that one copy is split over",
    "sequences": "sequences served at a time",
    "batched_tokens": "tokens that one step computes",
    "max_length": "longest sequence",
    "memory_share": "share of the accelerators' memory",
    "dtype": "data type that is computed in",
    "quantization": "what is made of the weights when they are loaded",
    "cache_dtype": "data type of the key-value cache",
    "chunked_prefill": "whether long prompts are computed in pieces",
    "prefix_caching": "whether what prompts begin with alike is kept",
    "speculative": "drafts that the model checks; ngram:N drafts N tokens from the prompt",
    CODEC: "what requests and answers are encoded as",
}


def space_of(
    bundle: ModelBundle, hardware: Hardware, wished: Mapping[str, Sequence[Value | None]] | None = None
) -> Space:
    """The space of a bundle on a machine.

    Args:
        bundle: What is tuned.
        hardware: Where.
        wished: Dimension -> values to try: these dimensions alone. Default: those that change only the speed.

    Raises:
        UsageError: The server has no such dimension, or a value that cannot be on this machine.
    """
    offers = offers_of(bundle, hardware)
    if wished is None:
        chosen: Mapping[str, Sequence[Value | None]] = {name: one.values for name, one in offers.items() if one.values}
        if not chosen:
            raise UsageError(
                f"{bundle.container.model_server} has no dimension that is tried by itself here.",
                remedy=f"Name some in dimensions= (--set): {', '.join(offers)}."
                if offers
                else "Run it in a container.",
            )
    else:
        chosen = wished
    found = []
    for name, values in chosen.items():
        if name not in offers:
            raise UsageError(
                f"{bundle.container.model_server} has no {name} to tune"
                + (": the model is asked one request at a time." if name.startswith("batch_") else "."),
                remedy=f"It has {', '.join(offers)}.",
            )
        _check_values(name, values, hardware, bundle)
        found.append(_dimension(name, offers[name], values, bundle))
    return Space(tuple(found))


def offers_of(bundle: ModelBundle, hardware: Hardware) -> dict[str, Offer]:
    """All dimensions of a bundle's server, by name, with the values that are tried by themselves."""
    server = bundle.container.model_server
    made = _for_language_models(server, hardware) if _serves_language(bundle) else _for_code(bundle, hardware)
    types = _content_types(bundle)
    if len(types) > 1:
        made[CODEC] = Offer(_MEANINGS[CODEC], "")
    return made


def variables_of(server: str) -> frozenset[str]:
    """Every variable that a tuning of this server may set."""
    found = {variable for _, variable in variables_known(server)} | {"OMP_NUM_THREADS"}
    if server in LANGUAGE_SERVERS:
        found |= {variable_of(server, own) for own in rules_of(server).options.values()}
        found |= {"MAX_INPUT_TOKENS"} if server == "tgi" else set()
    if server == "vllm":
        for name in ("chunked_prefill", "prefix_caching"):
            found |= {f"SM_VLLM_ENABLE_{name.upper()}", f"SM_VLLM_NO_ENABLE_{name.upper()}"}
        found.add("SM_VLLM_SPECULATIVE_CONFIG")
    return frozenset(found)


def _serves_language(bundle: ModelBundle) -> bool:
    return bundle.container.model_server in LANGUAGE_SERVERS and _INFERENCE_CODE not in bundle.manifest.files


def _for_code(bundle: ModelBundle, hardware: Hardware) -> dict[str, Offer]:
    server = bundle.container.model_server
    known = dict(variables_known(server))
    powers = [count for count in (1, 2, 4, 8, 16, 32, 64) if count < hardware.vcpus]
    counts = (*powers, hardware.vcpus)
    values: dict[str, tuple[Value | None, ...]] = {"workers": counts}
    if _is_batched(bundle):
        values |= {"batch_size": (1, 8, 32, 128), "batch_delay_ms": (0, 2, 10)}
    else:
        known = {name: variable for name, variable in known.items() if not name.startswith("batch_")}
    found = {name: Offer(_MEANINGS[name], known[name], values.get(name, ())) for name in known if name in _MEANINGS}
    found["library_threads"] = Offer(_MEANINGS["library_threads"], "OMP_NUM_THREADS", (None, 1))
    return found


def _for_language_models(server: str, hardware: Hardware) -> dict[str, Offer]:
    split = [count for count in (1, 2, 4, 8) if count <= max(1, hardware.accelerators)]
    values: dict[str, tuple[Value | None, ...]] = {
        "sequences": (8, 32, 128, _MOST_SEQUENCES),
        "batched_tokens": (512, 2048, 8192),
    }
    if len(split) > 1:
        values["tensor_parallel"] = tuple(split)
    found = {
        name: Offer(_MEANINGS[name], variable_of(server, own), values.get(name, ()))
        for name, own in rules_of(server).options.items()
        if name in _MEANINGS
    }
    if server == "vllm":
        found["chunked_prefill"] = Offer(_MEANINGS["chunked_prefill"], "")
        found["prefix_caching"] = Offer(_MEANINGS["prefix_caching"], "")
        found["speculative"] = Offer(_MEANINGS["speculative"], "")
    return found


def _dimension(name: str, offer: Offer, values: Sequence[Value | None], bundle: ModelBundle) -> Dimension:
    environment = bundle.container.environment
    if name == CODEC:
        return _codecs(offer, values, bundle)
    if name in ("chunked_prefill", "prefix_caching"):
        return _switch(name, offer, values, environment)
    if name == "speculative":
        return _speculative(offer, values, environment)
    idle = ("batch_size", 1) if name == "batch_delay_ms" else None
    now = environment.get(offer.variable)
    if now is None and (bundle.container.model_server, name) in _ONE_BY_ITSELF:
        return _counted_from_one(name, offer, values)
    tell = partial(_told, bundle.container.model_server, name) if _serves_language(bundle) else None
    return by_variable(name, offer.variable, values, offer.meaning, now=now, idle_at=idle, tell=tell)


def _told(server: str, name: str, value: Value) -> Mapping[str, str]:
    """A value as the server of a language model words it, with whatever has to be said beside it."""
    return variables(server, {name: value})


def _counted_from_one(name: str, offer: Offer, values: Sequence[Value | None]) -> Dimension:
    """The bundle says nothing, which means one."""
    ordered = sorted({1, *(value for value in values if isinstance(value, int))})
    options = (Option(value, {offer.variable: None if value == 1 else str(value)}) for value in ordered)
    return Dimension(name, tuple(options), 1, offer.meaning)


def _switch(name: str, offer: Offer, values: Sequence[Value | None], environment: Mapping[str, str]) -> Dimension:
    on, off = f"SM_VLLM_ENABLE_{name.upper()}", f"SM_VLLM_NO_ENABLE_{name.upper()}"
    states: dict[Value | None, dict[str, str | None]] = {
        None: {on: None, off: None},
        True: {on: "true", off: None},
        False: {on: None, off: "true"},
    }
    now = next((state for state in (True, False) if environment.get(on if state else off) == "true"), None)
    ordered = list(dict.fromkeys([now, *values]))
    return Dimension(name, tuple(Option(value, states[value]) for value in ordered), now, offer.meaning)


def _speculative(offer: Offer, values: Sequence[Value | None], environment: Mapping[str, str]) -> Dimension:
    variable = "SM_VLLM_SPECULATIVE_CONFIG"
    now = environment.get(variable)
    ordered = list(dict.fromkeys([now, *values]))
    options = tuple(Option(value, {variable: _drafts(value) if value != now else now}) for value in ordered)
    return Dimension("speculative", options, now, offer.meaning)


def _drafts(value: Value | None) -> str | None:
    """``ngram:3`` as vLLM's ``--speculative-config`` has it; any other text is that JSON itself."""
    if value is None or not str(value).startswith(_DRAFTS):
        return None if value is None else str(value)
    count = int(str(value).removeprefix(_DRAFTS))
    return json.dumps(
        {"method": "ngram", "num_speculative_tokens": count, "prompt_lookup_max": count}, separators=(",", ":")
    )


def _codecs(offer: Offer, values: Sequence[Value | None], bundle: ModelBundle) -> Dimension:
    types = _content_types(bundle)
    ordered = list(dict.fromkeys([types[0], *map(str, values)]))
    return Dimension(CODEC, tuple(Option(one, {}, one) for one in ordered), types[0], offer.meaning)


def _content_types(bundle: ModelBundle) -> tuple[str, ...]:
    from cdk_modelbuilder.schema.codecs import CodecError, open_schema_data  # noqa: PLC0415 - only here

    try:
        codec = open_schema_data(bundle.schema).input
        return tuple(one for one in codec.content_types if codec.can_write(one))
    except CodecError:
        return ()


def _is_batched(bundle: ModelBundle) -> bool:
    try:
        return _BATCHED in (bundle.model_dir / _INFERENCE_CODE).read_bytes()
    except OSError:
        return False


def _check_values(name: str, values: Sequence[Value | None], hardware: Hardware, bundle: ModelBundle) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence) or not values:
        raise UsageError(f"the values of {name} are {values!r}.", remedy="Give a list with at least one value.")
    for value in values:
        _check_value(name, value, hardware, bundle)


def _check_value(name: str, value: Any, hardware: Hardware, bundle: ModelBundle) -> None:
    counts = (*("workers", "threads", "batch_size", "tensor_parallel", "sequences"), *("batched_tokens", "max_length"))
    if name in (*counts, "library_threads") and value is not None and (type(value) is not int or value < 1):
        raise UsageError(f"{name}={value!r} is no count.", remedy="Give whole numbers of at least 1.")
    if name == "tensor_parallel" and value is not None and value > max(1, hardware.accelerators):
        raise UsageError(
            f"tensor_parallel={value}, and this machine has {hardware.accelerators or 'no'} accelerators.",
            remedy="Leave it out, or tune on a machine that has so many.",
        )
    if name in ("chunked_prefill", "prefix_caching") and not (value is None or isinstance(value, bool)):
        raise UsageError(f"{name}={value!r} is no switch.", remedy="Give true and false.")
    if name == CODEC and value not in _content_types(bundle):
        raise UsageError(
            f"codec={value!r} is nothing that {bundle.name} takes.",
            remedy=f"It takes {', '.join(_content_types(bundle))}.",
        )
    if name == "speculative" and isinstance(value, str) and value.startswith(_DRAFTS):
        count = value.removeprefix(_DRAFTS)
        if not count.isdigit() or int(count) < 1:
            raise UsageError(f"speculative={value!r}.", remedy="Give ngram:N with a number of tokens, such as ngram:3.")
