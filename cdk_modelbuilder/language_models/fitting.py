"""Finds the longest sequence, the most sequences and the best split that fit into given memory."""

from __future__ import annotations

from dataclasses import dataclass

from cdk_modelbuilder.instances import InstanceType
from cdk_modelbuilder.language_models.accelerators import Devices
from cdk_modelbuilder.language_models.memory import BLOCK, Footprint, Load, cache_bytes, footprint
from cdk_modelbuilder.language_models.model_facts import ModelFacts
from cdk_modelbuilder.language_models.overrides import Overrides
from cdk_modelbuilder.language_models.server_rules import ServerRules, why_not

REQUEST_TOKENS = 1024
"""What a request is taken to have on average, prompt and answer together, to say how many are served at a time."""
MOST_SEQUENCES = 256
"""The default of vLLM and LMI; more waits in the queue."""
SMALL_STEP, LARGE_STEP = 2048, 8192
"""Tokens a step: the defaults of vLLM's API server below and from 70 GiB on (an A100 stays with the small one)."""
EMBEDDING_STEP = 16384
"""Tokens a batch: the default of Text Embeddings Inference."""
DEFAULT_ADAPTER_RANK = 16
"""vLLM's and LMI's."""
_HOST_SHARE = 0.8


@dataclass(frozen=True, slots=True)
class Case:
    """A model, a place and a server.

    Attributes:
        facts: The model.
        kind: The instance type.
        devices: Its GPUs; None to run on the processors.
        rules: The server.
        overrides: What was asked for.
        dtype: What is computed in.
    """

    facts: ModelFacts
    kind: InstanceType
    devices: Devices | None
    rules: ServerRules
    overrides: Overrides
    dtype: str

    @property
    def share(self) -> float:
        """Of the memory that the server may use."""
        return self.overrides.memory_share or self.rules.share

    @property
    def memory(self) -> int:
        """Of one accelerator as a process sees it; without one, what of the instance's memory is counted on."""
        return int((self.kind.memory_mib << 20) * _HOST_SHARE) if self.devices is None else self.devices.memory

    @property
    def available(self) -> int:
        """What the server may use of one accelerator."""
        return int(self.memory * self.share)

    def step(self, length: int) -> int:
        """Tokens that one step computes, with sequences of up to ``length``."""
        if self.overrides.batched_tokens is not None:
            return self.overrides.batched_tokens
        if not self.rules.generates:
            return max(length, EMBEDDING_STEP if self.devices is not None else SMALL_STEP)
        large = self.devices is not None and self.devices.is_large and self.devices.name != "A100"
        return max(LARGE_STEP if large else SMALL_STEP, length if self.rules.prefills_whole else 0)

    def load(self, degree: int, length: int, sequences: int) -> Load:
        """How the model is loaded with these values."""
        return Load(
            degree=degree,
            dtype=self.dtype,
            quantization=self.overrides.quantization,
            cache_bytes=1 if self.overrides.cache_dtype else (4 if self.dtype == "float32" else 2),
            batched_tokens=self.step(length),
            sequences=sequences,
            windows_save=self.rules.windows_save,
            caches=self.rules.generates,
            writes_scores=self.devices is None,
            large=self.devices is not None and self.devices.is_large,
            on_cpu=self.devices is None,
            adapters=self.overrides.adapters or 0,
            adapter_rank=self.overrides.adapter_rank or DEFAULT_ADAPTER_RANK,
        )

    def footprint(self, degree: int, length: int, sequences: int = 1) -> Footprint:
        """What one accelerator holds."""
        load = self.load(degree, length, sequences)
        return footprint(self.facts.weights, self.facts.architecture, length, load, self.available)

    def degrees(self) -> list[int]:
        """The numbers of accelerators that the model can be split over, 1 first."""
        count = 1 if self.devices is None else self.devices.count
        return [n for n in range(1, count + 1) if why_not(self.facts.architecture, n, self.rules) is None]

    def longest(self, degree: int, most: int) -> int:
        """The longest sequence up to ``most`` that fits, in whole pages of the cache if shorter; 0 for none."""
        sequences = self.overrides.sequences or 1
        if self.footprint(degree, most, sequences).fits:
            return most
        low, high = 0, (most - 1) // BLOCK
        while low < high:
            middle = (low + high + 1) // 2
            if self.footprint(degree, middle * BLOCK, sequences).fits:
                low = middle
            else:
                high = middle - 1
        return low * BLOCK

    def requests(self, degree: int, length: int, sequences: int) -> int:
        """How many requests of average length the cache holds, with a sampler for so many sequences."""
        tokens = min(length, self.overrides.request_tokens or REQUEST_TOKENS)
        load = self.load(degree, length, sequences)
        left = self.footprint(degree, length, sequences).left_for_cache
        each = cache_bytes(self.facts.architecture, tokens, load)
        return max(0, left // each) if each else MOST_SEQUENCES

    def most_sequences(self, degree: int, length: int) -> int:
        """The most sequences that are worth having at a time, without making the longest one shorter."""
        # vLLM refuses to start with fewer tokens a step than sequences: each takes one.
        for sequences in range(min(MOST_SEQUENCES, self.step(length)), 1, -1):
            if self.footprint(degree, length, sequences).fits and self.requests(degree, length, sequences) >= sequences:
                return sequences
        return 1

    def best_degree(self, most: int) -> int:
        """The split that holds the longest sequence, of several the one with the most requests, then the smallest."""

        def worth(degree: int) -> tuple[int, int, int]:
            length = self.longest(degree, most)
            lacking = self.footprint(degree, BLOCK).left_for_cache  # below zero: which split lacks the least
            return length, self.requests(degree, length, 1) if length else min(0, lacking), -degree

        return max(self.degrees(), key=worth)
