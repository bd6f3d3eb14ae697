"""Values that somebody wants otherwise than chosen."""

from __future__ import annotations

from dataclasses import dataclass, fields

from cdk_modelbuilder.errors import UsageError


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
        request_tokens: Average tokens of a request, for the number of sequences; 1024 by default.

    Raises:
        UsageError: A number is below 1, or the share is none.
    """

    tensor_parallel: int | None = None
    dtype: str | None = None
    max_length: int | None = None
    memory_share: float | None = None
    sequences: int | None = None
    batched_tokens: int | None = None
    quantization: str | None = None
    cache_dtype: str | None = None
    request_tokens: int | None = None

    def __post_init__(self) -> None:
        for name in ("tensor_parallel", "max_length", "sequences", "batched_tokens", "request_tokens"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
                raise UsageError(f"{name} is {value!r}.", remedy="Give a whole number of at least 1.")
        share = self.memory_share
        if share is not None and (type(share) not in (int, float) or not 0 < share <= 1):
            raise UsageError(f"memory_share is {share!r}.", remedy="Give a number above 0 and at most 1.")

    @property
    def given(self) -> frozenset[str]:
        """Names of the values that were asked for."""
        return frozenset(field.name for field in fields(self) if getattr(self, field.name) is not None)
