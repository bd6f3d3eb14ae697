"""Writes a choice as each server reads it: environment variables, and ``serving.properties`` for LMI.

Sources of the names: those of the rules' module. AWS's images make ``--x-y`` of ``SM_VLLM_X_Y`` and ``SM_SGLANG_X_Y``
(aws/deep-learning-containers, ``scripts/docker/vllm`` and ``scripts/docker/sglang``); LMI's ``option.x_y`` is
``OPTION_X_Y`` in the environment (deepjavalibrary/djl-serving,
``serving/docs/lmi/deployment_guide/configurations.md``).
"""

from __future__ import annotations

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.language_models.server_rules import rules_of
from cdk_modelbuilder.language_models.serving_choice import ServingChoice

_LMI_DTYPES = {"bfloat16": "bf16", "float16": "fp16", "float32": "fp32"}


def options(choice: ServingChoice) -> dict[str, str]:
    """The server's own options, under its own names: ``--x``'s without dashes, properties or variables."""
    rules, values = rules_of(choice.server), _values(choice)
    found = {own: values[name] for name, own in rules.options.items() if name in values}
    if rules.prefills_whole:  # the answer needs at least one token
        found["MAX_INPUT_TOKENS"] = str(choice.max_length - 1)
    return found


def environment(choice: ServingChoice) -> dict[str, str]:
    """The variables that tell the server's container, sorted."""
    found = options(choice)
    if choice.server in ("vllm", "sglang"):
        prefix = f"SM_{choice.server.upper()}_"
        found = {prefix + name.replace("-", "_").upper(): value for name, value in found.items()}
    elif choice.server == "djl_serving":
        found = {name.replace(".", "_").upper(): value for name, value in found.items()}
    return dict(sorted(found.items()))


def serving_properties(choice: ServingChoice) -> str:
    """LMI's ``serving.properties``, with each reason as a comment above its line.

    Raises:
        UsageError: Another server was chosen for.
    """
    if choice.server != "djl_serving":
        raise UsageError(
            f"{rules_of(choice.server).title} reads no serving.properties.", remedy="Use environment(choice)."
        )
    values, lines = _values(choice), ["engine=Python"]
    for name, own in rules_of(choice.server).options.items():
        if name in values:
            lines += [f"# {choice.reasons[name]}", f"{own}={values[name]}"]
    return "\n".join(lines) + "\n"


def _values(choice: ServingChoice) -> dict[str, str]:
    """By our names, worded as the server has them."""
    rules = rules_of(choice.server)
    share = choice.static_share if choice.server == "sglang" else choice.memory_share
    values = {
        "tensor_parallel": str(choice.tensor_parallel),
        "dtype": _LMI_DTYPES[choice.dtype] if choice.server == "djl_serving" else choice.dtype,
        "max_length": str(choice.max_length),
        "memory_share": f"{share:.4g}",
        "sequences": str(choice.sequences),
        "batched_tokens": str(choice.batched_tokens),
    }
    if choice.quantization is not None:
        values["quantization"] = rules.quantizations[choice.quantization]
    if choice.cache_dtype is not None:
        values["cache_dtype"] = rules.cache_dtypes[choice.cache_dtype]
    return values
