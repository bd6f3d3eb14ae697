"""Values that somebody wants otherwise than chosen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches

from cdk_modelbuilder.errors import UsageError

ADAPTER_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM can be told (``vllm/config/lora.py``)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """What to take instead of a choice; None leaves it to the choice.

    Attributes:
        tensor_parallel: Accelerators that one copy is split over.
        dtype: ``bfloat16``, ``float16`` or ``float32``.
        max_length: Longest sequence, prompt and answer together.
        memory_share: Of an accelerator's memory that the server may use, above 0 and at most 1.
        sequences: Sequences served at a time.
        batched_tokens: Tokens that one step computes.
        quantization: ``fp8`` or ``nf4``, made of unquantized files when the server loads them.
        cache_dtype: ``fp8`` halves the cache.
        adapters: LoRA adapters that a batch may mix, for which room is kept.
        adapter_rank: The largest rank of theirs; 16 by default.
        request_tokens: Average tokens of a request, for the number of sequences; 1024 by default.

    Raises:
        UsageError: A number is below 1, the share is none, or a name is no text.
    """

    tensor_parallel: int | None = None
    dtype: str | None = None
    max_length: int | None = None
    memory_share: float | None = None
    sequences: int | None = None
    batched_tokens: int | None = None
    quantization: str | None = None
    cache_dtype: str | None = None
    adapters: int | None = None
    adapter_rank: int | None = None
    request_tokens: int | None = None

    def __post_init__(self) -> None:
        counts = ("tensor_parallel", "max_length", "sequences", "batched_tokens", "adapters", "adapter_rank")
        for name in (*counts, "request_tokens"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise UsageError(f"{name} is {value!r}.", remedy="Give a whole number of at least 1.")
        for name in ("dtype", "quantization", "cache_dtype"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                raise UsageError(f"{name} is {value!r}.", remedy="Give its name as text, such as 'bfloat16' or 'fp8'.")
        if self.adapter_rank is not None and (self.adapters is None or self.adapter_rank not in ADAPTER_RANKS):
            raise UsageError(
                f"adapter_rank is {self.adapter_rank} and adapters {self.adapters}.",
                remedy=f"Give both; the rank as one of {', '.join(map(str, ADAPTER_RANKS))}.",
            )
        share = self.memory_share
        if share is not None and (type(share) not in (int, float) or not 0 < share <= 1):
            raise UsageError(f"memory_share is {share!r}.", remedy="Give a number above 0 and at most 1.")

    @classmethod
    def of(cls, given: Overrides | Mapping[str, object]) -> Overrides:
        """``given`` itself, or the values of a mapping with the same names.

        Raises:
            UsageError: It is neither, a name is unknown, or a value cannot be.
        """
        if isinstance(given, Overrides):
            return given
        known = [field.name for field in fields(cls)]
        if not isinstance(given, Mapping):
            raise UsageError(
                f"serving is {given!r}.",
                remedy=f"Give Overrides(...) or a dict with any of {', '.join(known)}; or False, to choose nothing.",
            )
        unknown = sorted(str(name) for name in given if name not in known)
        if unknown:
            near = get_close_matches(unknown[0], known, 1)
            meant = f"Did you mean {near[0]}? " if near else ""
            raise UsageError(
                f"serving has {', '.join(unknown)}, which is no value that is chosen.",
                remedy=f"{meant}There are {', '.join(known)}; other options of the server go into env_vars=.",
            )
        return cls(**given)  # type: ignore[arg-type]  # checked there, and named if wrong

    @property
    def given(self) -> frozenset[str]:
        """Names of the values that were asked for."""
        return frozenset(field.name for field in fields(self) if getattr(self, field.name) is not None)
