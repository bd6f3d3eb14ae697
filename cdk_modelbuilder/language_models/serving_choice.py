"""Chooses how a language model is served on an instance type: each value with its reason, or a refusal with the sum."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.instances import InstanceType, instance_type, known_types, nearest
from cdk_modelbuilder.language_models.accelerators import devices_of
from cdk_modelbuilder.language_models.compatibility import (
    check_kind,
    check_options,
    check_quantization,
    check_step,
    choose_dtype,
)
from cdk_modelbuilder.language_models.fitting import DEFAULT_ADAPTER_RANK, REQUEST_TOKENS, Case
from cdk_modelbuilder.language_models.memory import Footprint, gibi
from cdk_modelbuilder.language_models.model_facts import ModelFacts
from cdk_modelbuilder.language_models.overrides import Overrides
from cdk_modelbuilder.language_models.reasons import notes_on, why_sequences, why_step
from cdk_modelbuilder.language_models.server_rules import ServerRules, rules_of, why_not

SHORTEST = 2048
"""A server that takes fewer tokens than this, or than the model's own context, is of little use: rather refuse."""

PROCESSORS = "c6i"
"""The family proposed for embedding models: current, and offered in most regions."""


@dataclass(frozen=True, slots=True)
class ServingChoice:
    """How a model is served.

    Attributes:
        server: As ``model_server=`` has it.
        instance_type: Such as ``ml.g5.xlarge``.
        accelerators: How many the instance has.
        tensor_parallel: Accelerators that one copy is split over; 1 on processors.
        dtype: What is computed in.
        max_length: Longest sequence, prompt and answer together.
        memory_share: Of an accelerator's memory that the server may use, everything counted.
        static_share: The part of the memory for weights and cache alone, as SGLang is told.
        sequences: Sequences at a time.
        batched_tokens: Tokens that one step computes.
        quantization: What is made of unquantized files; None for nothing.
        cache_dtype: Of keys and values; None for ``dtype``.
        adapters: LoRA adapters that a batch may mix; None where none are served.
        adapter_rank: The largest rank of theirs.
        reasons: A sentence for each value, by name.
        footprint: The arithmetic, for one accelerator.
        notes: What else is worth knowing.
    """

    server: str
    instance_type: str
    accelerators: int
    tensor_parallel: int
    dtype: str
    max_length: int
    memory_share: float
    static_share: float
    sequences: int
    batched_tokens: int
    quantization: str | None
    cache_dtype: str | None
    adapters: int | None
    adapter_rank: int | None
    reasons: Mapping[str, str]
    footprint: Footprint
    notes: tuple[str, ...]


class _TooLarge(Exception):  # noqa: N818 - it is no error: the caller asks larger instances before it words one
    def __init__(self, case: Case, footprint: Footprint, length: int, degree: int) -> None:
        super().__init__(footprint.words)
        self.case, self.footprint, self.length, self.degree = case, footprint, length, degree


def choose(
    facts: ModelFacts, instance_type_name: str, server: str, overrides: Overrides | None = None
) -> ServingChoice:
    """Choose how ``server`` serves a model on an instance type.

    Args:
        facts: The model.
        instance_type_name: Such as ``ml.g5.xlarge``.
        server: ``vllm``, ``sglang``, ``djl_serving``, ``tgi`` or ``tei``.
        overrides: What to take instead of a choice.

    Raises:
        UsageError: The model does not fit (with the arithmetic and the smallest type that it fits on), the server does
            not serve such models, or a name or an override cannot be.
    """
    wanted, rules = overrides or Overrides(), rules_of(server)
    kind = instance_type(instance_type_name)
    if kind is None:
        near = nearest(instance_type_name)
        raise UsageError(
            f"{instance_type_name!r} is no known instance type.",
            remedy=f"Did you mean {', '.join(near)}?" if near else "docs/instances.md has all of them.",
        )
    check_kind(facts, rules)
    check_options(rules, wanted)
    try:
        return _arrange(facts, kind, rules, wanted)
    except _TooLarge as no:
        smallest = _smallest(facts, rules, wanted)
        raise UsageError(
            f"{_name(facts)} does not fit on {kind.name} with {no.length} tokens, split over {no.degree}: "
            f"{no.footprint.words}, which is {no.case.share:.0%} of {gibi(no.case.memory)}.",
            remedy=f"{smallest} is the smallest instance type that it fits on."
            if smallest
            else "No instance type of the table holds it: take a quantized or smaller model, or a shorter max_length.",
        ) from None


def smallest_instance_type(facts: ModelFacts, server: str, overrides: Overrides | None = None) -> str | None:
    """The type with the least accelerator memory (then accelerators, then memory) that a model fits on; None for none.

    Embedding models run on processors too, and get those first.

    Raises:
        UsageError: The server does not serve such models.
    """
    rules = rules_of(server)
    check_kind(facts, rules)
    return _smallest(facts, rules, overrides or Overrides())


def _smallest(facts: ModelFacts, rules: ServerRules, overrides: Overrides) -> str | None:
    kinds = [kind for name in known_types() if (kind := instance_type(name)) is not None]
    candidates = [kind for kind in kinds if kind.in_api and kind.architecture == "x86_64" and _is_proposed(kind, rules)]
    for kind in sorted(candidates, key=_size):
        try:
            return _arrange(facts, kind, rules, overrides).instance_type
        except (_TooLarge, UsageError):
            continue
    return None


def _is_proposed(kind: InstanceType, rules: ServerRules) -> bool:
    return devices_of(kind) is not None or (not rules.generates and kind.family == PROCESSORS)


def _size(kind: InstanceType) -> tuple[int, int, int, str]:
    accelerator = kind.accelerator
    held = 0 if accelerator is None else accelerator.count * accelerator.memory_mib
    return held, kind.accelerator_count, kind.memory_mib, kind.name


def _arrange(facts: ModelFacts, kind: InstanceType, rules: ServerRules, overrides: Overrides) -> ServingChoice:
    shape, devices = facts.architecture, devices_of(kind)
    if devices is None and (rules.generates or kind.accelerator is not None):
        what = f"{kind.accelerator.name} accelerators" if kind.accelerator else "no accelerators"
        raise UsageError(
            f"{kind.name} has {what}, and {rules.title} runs on NVIDIA's GPUs from the T4 on.",
            remedy=f"Take {_smallest_or(facts, rules, overrides, 'a type with GPUs')}.",
        )
    check_quantization(shape, devices, rules, overrides)
    dtype, why_dtype = choose_dtype(shape, devices, rules, overrides)
    case = Case(facts, kind, devices, rules, overrides, dtype)
    most, why_length = _most_length(case)
    degree, why_degree = _degree(case, most)
    length = case.longest(degree, most)
    least = overrides.max_length or min(most, SHORTEST)
    if length < least:
        raise _TooLarge(case, case.footprint(degree, least, overrides.sequences or 1), least, degree)
    if length < most:
        why_length = f"what fits beside the weights; the model takes up to {most}"
    sequences = overrides.sequences or case.most_sequences(degree, length)
    check_step(rules, case.step(length), length, sequences)
    sum_of_all = case.footprint(degree, length, sequences)
    static = (sum_of_all.available - sum_of_all.activations - sum_of_all.overhead) / case.memory
    asked, held = "as asked for", case.requests(degree, length, sequences)
    tokens = min(length, overrides.request_tokens or REQUEST_TOKENS)
    reasons = {
        "tensor_parallel": why_degree,
        "dtype": why_dtype,
        "max_length": why_length,
        "memory_share": asked
        if overrides.memory_share
        else f"{case.share:.0%} of {gibi(case.memory)}; the rest is for CUDA graphs and fragments",
        "sequences": asked if overrides.sequences else why_sequences(case, sequences, held, tokens),
        "batched_tokens": asked if overrides.batched_tokens else why_step(case),
    }
    if overrides.quantization:
        reasons["quantization"] = asked
    if overrides.cache_dtype:
        reasons["cache_dtype"] = asked
    if overrides.adapters:
        reasons["adapters"] = asked
        reasons["adapter_rank"] = asked if overrides.adapter_rank else "the server's default"
    return ServingChoice(
        server=rules.name,
        instance_type=kind.name,
        accelerators=kind.accelerator_count,
        tensor_parallel=degree,
        dtype=dtype,
        max_length=length,
        memory_share=case.share,
        static_share=math.floor(10_000 * static) / 10_000,
        sequences=sequences,
        batched_tokens=case.step(length),
        quantization=overrides.quantization,
        cache_dtype=overrides.cache_dtype,
        adapters=overrides.adapters,
        adapter_rank=overrides.adapter_rank or (DEFAULT_ADAPTER_RANK if overrides.adapters else None),
        reasons=reasons,
        footprint=sum_of_all,
        notes=notes_on(case, degree),
    )


def _most_length(case: Case) -> tuple[int, str]:
    asked, context = case.overrides.max_length, case.facts.architecture.context
    if asked is None:
        return context, "the model's context length"
    if asked > context:
        raise UsageError(
            f"max_length={asked} is more than the model's context of {context} tokens.",
            remedy=f"Take at most {context}; longer ones need rope scaling in config.json, from the model's makers.",
        )
    return asked, "as asked for"


def _degree(case: Case, most: int) -> tuple[int, str]:
    asked, count = case.overrides.tensor_parallel, 0 if case.devices is None else case.devices.count
    if asked is None:
        possible = case.degrees()
        if len(possible) == 1:
            only = "one accelerator" if count == 1 else f"of {count} accelerators no more can share this model"
            return 1, only if count else "on processors nothing is split"
        best = case.best_degree(most)
        return best, f"of the possible {', '.join(map(str, possible))} it leaves the most room for the cache"
    if asked > count and not (asked == 1 and case.devices is None):
        raise UsageError(
            f"tensor_parallel={asked} was asked for, and {case.kind.name} has {count} GPU{'' if count == 1 else 's'}.",
            remedy=f"Take at most {count}, or a larger instance type." if count else "Take an instance type with GPUs.",
        )
    refusal = why_not(case.facts.architecture, asked, case.rules)
    if refusal is not None:
        raise UsageError(
            f"tensor_parallel={asked} cannot be: {refusal}.",
            remedy=f"On {case.kind.name} take one of {', '.join(map(str, case.degrees()))}.",
        )
    return asked, "as asked for"


def _smallest_or(facts: ModelFacts, rules: ServerRules, overrides: Overrides, otherwise: str) -> str:
    return _smallest(facts, rules, overrides) or otherwise


def _name(facts: ModelFacts) -> str:
    shape = facts.architecture
    return (
        f"{shape.name or shape.model_type or 'the model'} with {facts.weights.parameters / 1e9:.2f} billion parameters"
    )
