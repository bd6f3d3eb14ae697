"""A choice as plain data for ``serving.json``, which a reviewer reads: values, reasons, and the arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from cdk_modelbuilder.instances import instance_type
from cdk_modelbuilder.language_models.accelerators import devices_of
from cdk_modelbuilder.language_models.model_facts import ModelFacts
from cdk_modelbuilder.language_models.overrides import Overrides
from cdk_modelbuilder.language_models.server_rules import rules_of
from cdk_modelbuilder.language_models.server_settings import values_of, variables
from cdk_modelbuilder.language_models.serving_choice import ServingChoice

FORMAT_VERSION = 1
ASKED = "as asked for"


def record_of(choice: ServingChoice, facts: ModelFacts, overrides: Overrides) -> dict[str, Any]:
    """What was chosen for a model, why, and what it was reckoned from."""
    values = {
        name: _value(choice.server, name, value, reason=choice.reasons[name], asked=name in overrides.given)
        for name, value in values_of(choice).items()
    }
    return {
        "arithmetic": _arithmetic(choice),
        "format_version": FORMAT_VERSION,
        "instance_type": choice.instance_type,
        "model": model_record(facts),
        "not_reckoned": None,
        "notes": list(choice.notes),
        "server": _server(choice.server),
        "values": values,
    }


def record_without_choice(
    server: str, values: Mapping[str, Any], *, instance_type_name: str | None, why: str
) -> dict[str, Any]:
    """The same where nothing could be reckoned: what was asked for, and why there is no more."""
    return {
        "arithmetic": None,
        "format_version": FORMAT_VERSION,
        "instance_type": instance_type_name,
        "model": None,
        "not_reckoned": why,
        "notes": [],
        "server": _server(server),
        "values": {
            name: _value(server, name, value, reason=f"{ASKED}, not reckoned", asked=True)
            for name, value in values.items()
        },
    }


def set_by(record: dict[str, Any], given: Mapping[str, str], what: str) -> tuple[str, ...]:
    """Write down variables that something else sets, which wins, and say so.

    Args:
        record: Changed in place.
        given: The variables that are set there.
        what: Where: ``env_vars``, or a file's name.
    """
    notes = []
    for name, entry in sorted(record["values"].items()):
        for variable, chosen in entry["variables"].items():
            if variable not in given or given[variable] == chosen:
                continue
            reason = f"{what} says {given[variable]}, which is not reckoned; chosen was {chosen}: {entry['reason']}"
            entry["variables"] = {**entry["variables"], variable: given[variable]}
            entry |= {"from": what, "reason": reason}
            notes.append(
                f"{what} sets {variable} to {given[variable]} instead of {chosen}; the arithmetic of {name} is without "
                f"it. serving={{{name!r}: ...}} has it reckoned."
            )
    return tuple(notes)


def variables_in(record: Mapping[str, Any]) -> dict[str, str]:
    """All variables that a record sets."""
    return {name: text for entry in record["values"].values() for name, text in entry["variables"].items()}


def model_record(facts: ModelFacts) -> dict[str, Any]:
    """What was read of the model."""
    shape, weights = facts.architecture, facts.weights
    return {
        "architecture": shape.name,
        "chat_template": facts.has_chat_template,
        "context": shape.context,
        "dtype": shape.dtype,
        "experts": None if shape.experts is None else asdict(shape.experts),
        "head_dim": shape.head_dim,
        "heads": shape.heads,
        "kv_heads": shape.kv_heads,
        "layers": shape.layers,
        "parameters": weights.parameters,
        "quantization": None if shape.quantization is None else asdict(shape.quantization),
        "sampling": dict(sorted(facts.sampling.items())),
        "tokenizer": facts.tokenizer,
        "type": shape.model_type,
        "weight_bytes": weights.size,
        "weight_files": len(weights.files),
    }


def _value(server: str, name: str, value: Any, *, reason: str, asked: bool) -> dict[str, Any]:
    return {
        "from": "serving" if asked else "choice",
        "reason": reason,
        "value": value,
        "variables": variables(server, {name: value}),
    }


def _server(server: str) -> dict[str, Any]:
    rules = rules_of(server)
    return {"name": rules.name, "options_of": f"{rules.title} {rules.read_in}"}


def _arithmetic(choice: ServingChoice) -> dict[str, Any]:
    kind, sum_of_all = instance_type(choice.instance_type), choice.footprint
    devices = None if kind is None else devices_of(kind)
    return {
        "accelerator": None if devices is None else {"count": devices.count, "name": devices.name},
        "bytes": {
            "activations": sum_of_all.activations,
            **({"adapters": sum_of_all.adapters} if sum_of_all.adapters else {}),
            "available": sum_of_all.available,
            "cache_of_one_sequence": sum_of_all.cache,
            "needed": sum_of_all.needed,
            "overhead": sum_of_all.overhead,
            "weights": sum_of_all.weights,
        },
        "in_words": sum_of_all.words,
        "split_over": choice.tensor_parallel,
    }
