"""Which kinds of models, data types and quantizations a server and an accelerator take.

Sources: vllm-project/vllm, ``vllm/config/model.py`` (models that ``float16`` makes numerically unstable;
``float32`` files become 16 bits) and the quantization docs (hardware); the accelerators' module.
"""

from __future__ import annotations

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.language_models.accelerators import BFLOAT16, FLOAT8, FLOAT8_CACHE, Devices
from cdk_modelbuilder.language_models.architecture import Architecture
from cdk_modelbuilder.language_models.model_facts import ModelFacts
from cdk_modelbuilder.language_models.overrides import Overrides
from cdk_modelbuilder.language_models.server_rules import ServerRules

_NOT_FLOAT16 = frozenset(("gemma2", "gemma3", "gemma3_text", "plamo2", "glm4"))
_LARGER = "Take an instance type with newer GPUs, such as ml.g5 or ml.g6."


def check_kind(facts: ModelFacts, rules: ServerRules) -> None:
    """Refuse a model that the server does not serve.

    Raises:
        UsageError: It generates and the server embeds, or the other way round.
    """
    shape = facts.architecture
    what = shape.name or shape.model_type
    if rules.generates and shape.kind == "encoder":
        raise UsageError(
            f"{what} embeds or classifies text, and {rules.title} is set up here to write it.",
            remedy="Take 'tei'; or serving=False, to set the server's options yourself.",
        )
    if shape.latent is not None and not rules.keeps_latent:
        raise UsageError(
            f"{what} has latent attention, which {rules.title} keeps uncompressed; that is not reckoned here.",
            remedy="Take 'vllm'.",
        )
    writes = shape.kind == "decoder" and not facts.embeds
    if not rules.generates and writes and shape.name.endswith(("ForCausalLM", "LMHeadModel")):
        raise UsageError(f"{what} writes text, and {rules.title} embeds it.", remedy="Take 'vllm'.")


def check_options(rules: ServerRules, overrides: Overrides) -> None:
    """Refuse a value that the server has no option for, and would so not hear of.

    Raises:
        UsageError: That is so.
    """
    unheard = sorted(overrides.given - set(rules.options) - {"request_tokens"})
    if unheard:
        raise UsageError(
            f"{rules.title} has no option for {', '.join(unheard)}.",
            remedy=f"Leave it out; what can be asked for is {', '.join(sorted(rules.options))}.",
        )


def check_quantization(shape: Architecture, devices: Devices | None, rules: ServerRules, overrides: Overrides) -> None:
    """Refuse a quantization, asked for or in the files, that the server or the accelerator does not have.

    Raises:
        UsageError: That is so.
    """
    asked, capability = overrides.quantization, devices.capability if devices else 0.0
    for name, value, known in (
        ("quantization", asked, rules.quantizations),
        ("cache_dtype", overrides.cache_dtype, rules.cache_dtypes),
    ):
        if value is not None and value not in known:
            raise UsageError(
                f"{name}={value!r} is nothing that {rules.title} is asked for here.",
                remedy=f"Take one of {', '.join(known)}." if known else "Leave it out.",
            )
    if asked and shape.quantization:
        raise UsageError(
            f"quantization={asked!r} was asked for, and the files are quantized already ({shape.quantization.method}).",
            remedy="Leave it out: the server reads it from the files.",
        )
    in_files = shape.quantization is not None and "fp8" in shape.quantization.method
    if (asked == "fp8" or in_files) and capability < FLOAT8:
        raise UsageError(f"fp8 weights need GPUs of compute capability {FLOAT8}, and {_name(devices)}.", remedy=_LARGER)
    if overrides.cache_dtype and capability < FLOAT8_CACHE:
        raise UsageError(
            f"an fp8 cache needs GPUs of compute capability {FLOAT8_CACHE}, and {_name(devices)}.",
            remedy="Take ml.g6 or newer, or leave it out.",
        )


def check_step(rules: ServerRules, step: int, length: int, sequences: int) -> None:
    """Refuse a step of so few tokens that the server would not start, or would cut what it is given.

    Raises:
        UsageError: That is so.
    """
    whole = rules.prefills_whole or not rules.generates
    least = max(sequences if rules.generates else 0, length if whole else 0)
    if step < least:
        why = "the longest sequence, which is one step" if whole and length >= sequences else "the sequences at a time"
        raise UsageError(
            f"batched_tokens={step} is less than {why} ({least}).", remedy=f"Give at least {least}, or leave it out."
        )


def choose_dtype(
    shape: Architecture, devices: Devices | None, rules: ServerRules, overrides: Overrides
) -> tuple[str, str]:
    """What to compute in, and why.

    Raises:
        UsageError: What was asked for is not to be had, or the model needs what the accelerator lacks.
    """
    asked, has_bfloat16 = overrides.dtype, devices is not None and devices.capability >= BFLOAT16
    if asked is not None:
        if asked not in rules.dtypes:
            raise UsageError(
                f"dtype={asked!r} is nothing that {rules.title} computes in.",
                remedy=f"Take one of {', '.join(rules.dtypes)}.",
            )
        if asked == "bfloat16" and not has_bfloat16:
            raise UsageError(
                f"bfloat16 needs GPUs of compute capability {BFLOAT16}, and {_name(devices)}.", remedy=_LARGER
            )
        return asked, "as asked for"
    if devices is None:
        return "float32", "processors compute in it"
    if "bfloat16" not in rules.dtypes:
        return "float16", f"{rules.title} has it and float32, of which it is half the size"
    if shape.model_type in _NOT_FLOAT16 and not has_bfloat16:
        raise UsageError(
            f"{shape.model_type} overflows in float16, and {_name(devices)}, which has no bfloat16.", remedy=_LARGER
        )
    if shape.dtype == "float16" and shape.model_type not in _NOT_FLOAT16:
        return "float16", "the files have it"
    if not has_bfloat16:
        return "float16", f"{devices.name} has no bfloat16"
    if shape.dtype == "bfloat16":
        return "bfloat16", "the files have it"
    return "bfloat16", f"half the size of the files' {shape.dtype or 'numbers'}, with the same range"


def _name(devices: Devices | None) -> str:
    return "this instance has none" if devices is None else f"{devices.name} has {devices.capability}"
