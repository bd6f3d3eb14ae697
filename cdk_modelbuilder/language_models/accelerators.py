"""What an accelerator can compute in, and how much of its memory a process sees.

Sources: developer.nvidia.com/cuda-gpus (compute capabilities); the totals that PyTorch reports: 39.39 GiB of an A100
with 40, 79.22 GiB of an H100 with 80, 22.19 GiB of an A10G and 14.58 GiB of a T4, whose error correction takes a
sixteenth; the release notes of CUDA 13 (Volta and older are gone), which AWS's current images of vLLM, SGLang and LMI
are built with.
"""

from __future__ import annotations

from dataclasses import dataclass

from cdk_modelbuilder.instances import InstanceType

OLDEST = 7.5
"""CUDA 13 has no code for older ones."""
BFLOAT16 = 8.0
FLOAT8 = 8.0
"""From 8.9 on in hardware; 8.0 and 8.6 unpack the weights (vLLM's and SGLang's Marlin kernels)."""
FLOAT8_CACHE = 8.9

_CAPABILITIES = {
    "K80": 3.7,
    "V100": 7.0,
    "T4": 7.5,
    "A100": 8.0,
    "A10G": 8.6,
    "L4": 8.9,
    "L40S": 8.9,
    "H100": 9.0,
    "H200": 9.0,
    "B200": 10.0,
    "GB200": 10.0,
    "B300": 10.3,
    "RTX PRO 4500": 12.0,
    "RTX PRO Server 6000": 12.0,
}
_SEEN = 0.97
_SEEN_OF_T4 = 0.91


@dataclass(frozen=True, slots=True)
class Devices:
    """The GPUs of an instance type.

    Attributes:
        name: Such as ``A10G``.
        count: How many.
        memory: What a process sees of the memory of one, in bytes.
        capability: The compute capability.
    """

    name: str
    count: int
    memory: int
    capability: float

    @property
    def is_large(self) -> bool:
        """At least 70 GiB: vLLM takes larger batches on them."""
        return self.memory >= 70 << 30


def devices_of(kind: InstanceType) -> Devices | None:
    """The GPUs of an instance type; None if it has none that a current language model server runs on."""
    accelerator = kind.accelerator
    if accelerator is None or accelerator.manufacturer != "NVIDIA":
        return None
    capability = _CAPABILITIES.get(accelerator.name, 0.0)
    if capability < OLDEST:
        return None
    seen = _SEEN_OF_T4 if accelerator.name == "T4" else _SEEN
    return Devices(accelerator.name, accelerator.count, int((accelerator.memory_mib << 20) * seen), capability)
