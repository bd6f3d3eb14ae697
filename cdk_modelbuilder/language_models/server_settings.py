"""Writes a choice as each server reads it: environment variables, and ``serving.properties`` for LMI.

Sources of the names: those of the rules' module. AWS's images make ``--x-y`` of ``SM_VLLM_X_Y`` and ``SM_SGLANG_X_Y``
(aws/deep-learning-containers, ``scripts/docker/vllm`` and ``scripts/docker/sglang``); LMI's ``option.x_y`` is
``OPTION_X_Y`` in the environment (deepjavalibrary/djl-serving,
``serving/docs/lmi/deployment_guide/configurations.md``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.language_models.server_rules import ServerRules, rules_of
from cdk_modelbuilder.language_models.serving_choice import ServingChoice

_LMI_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}
_OF_INPUT = "MAX_INPUT_TOKENS"
LOADS_ADAPTERS = "VLLM_ALLOW_RUNTIME_LORA_UPDATING"
"""Lets vLLM load adapters that come when it runs, as SageMaker's adapter components do."""


def options(choice: ServingChoice) -> dict[str, str]:
    """The server's own options, under its own names: ``--x``'s without dashes, properties or variables."""
    rules = rules_of(choice.server)
    return _options(rules, values_of(choice))


def environment(choice: ServingChoice) -> dict[str, str]:
    """The variables that tell the server's container, sorted."""
    return variables(choice.server, values_of(choice))


def variables(server: str, values: Mapping[str, Any]) -> dict[str, str]:
    """The variables for values under our names, sorted; what the server has no option for is left out.

    Raises:
        UsageError: It serves no language models, or is not known.
    """
    rules = rules_of(server)
    found = {variable_of(server, own): text for own, text in _options(rules, values).items()}
    if server == "vllm" and "adapters" in values:
        found[LOADS_ADAPTERS] = "true"
    return dict(sorted(found.items()))


def variable_of(server: str, option: str) -> str:
    """The variable that an option of the server is set with.

    >>> variable_of("vllm", "max-model-len"), variable_of("djl_serving", "option.dtype"), variable_of("tgi", "DTYPE")
    ('SM_VLLM_MAX_MODEL_LEN', 'OPTION_DTYPE', 'DTYPE')
    """
    if server in ("vllm", "sglang"):
        return f"SM_{server}_{option.replace('-', '_')}".upper()
    return option.replace(".", "_").upper()


def serving_properties(choice: ServingChoice) -> str:
    """LMI's ``serving.properties``, with each reason as a comment above its line.

    Raises:
        UsageError: Another server was chosen for.
    """
    if choice.server != "djl_serving":
        raise UsageError(
            f"{rules_of(choice.server).title} reads no serving.properties.", remedy="Use environment(choice)."
        )
    values, lines = _worded(rules_of(choice.server), values_of(choice)), ["engine=Python"]
    for name, own in rules_of(choice.server).options.items():
        if name in values:
            lines += [f"# {choice.reasons[name]}", f"{own}={values[name]}"]
    return "\n".join(lines) + "\n"


def values_of(choice: ServingChoice) -> dict[str, Any]:
    """What was chosen, by our names; what is None is left out. SGLang is told of weights and cache alone."""
    share = choice.static_share if choice.server == "sglang" else choice.memory_share
    found = {name: getattr(choice, name) for name in rules_of(choice.server).options}
    if "memory_share" in found:
        found["memory_share"] = share
    return {name: value for name, value in found.items() if value is not None}


def _options(rules: ServerRules, values: Mapping[str, Any]) -> dict[str, str]:
    worded = _worded(rules, values)
    found = {own: worded[name] for name, own in rules.options.items() if name in worded}
    if rules.prefills_whole and "max_length" in values:  # the answer needs at least one token
        found[_OF_INPUT] = str(values["max_length"] - 1)
    if rules.adapter_switch is not None and "adapters" in values:
        found[rules.adapter_switch] = "true"
    return found


def _worded(rules: ServerRules, values: Mapping[str, Any]) -> dict[str, str]:
    """By our names, worded as the server has them."""
    words: dict[str, Mapping[str, str]] = {"quantization": rules.quantizations, "cache_dtype": rules.cache_dtypes}
    if rules.name == "djl_serving":
        words["dtype"] = _LMI_DTYPES
    return {
        name: f"{value:.4g}" if isinstance(value, float) else words.get(name, {}).get(str(value), str(value))
        for name, value in values.items()
    }
