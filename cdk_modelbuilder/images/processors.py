"""Which kind of image an instance type needs."""

from __future__ import annotations

import re

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.instances import instance_type as find_type
from cdk_modelbuilder.instances import known_types, nearest

_NAME = re.compile(r"ml\.(?P<family>[a-z]+\d+[a-z]*(?:-[a-z0-9]+)?)\.(?P<size>[a-z0-9-]+)", flags=re.ASCII)
_MANUFACTURERS = {"NVIDIA": "gpu", "AWS": "neuron"}


def processor_of(instance_type: str) -> tuple[str, str]:
    """``("gpu", "x86_64")`` for ``"ml.g5.xlarge"``: the processor and the architecture that an image must be for.

    A type that the instance table lacks (it may be too new) is judged by its family's name, where that says enough:
    ``g`` and ``p`` have NVIDIA GPUs, ``inf`` and ``trn`` AWS's own chips, and ``c``, ``m`` and ``r`` with a ``g``
    after the generation have Graviton processors.

    Source: https://docs.aws.amazon.com/ec2/latest/instancetypes/instance-type-names.html

    Raises:
        UsageError: It is no instance type, or one with an accelerator that AWS has no images for.
    """
    known = find_type(instance_type)
    if known is not None:
        accelerator = "AWS" if known.accelerator is None else known.accelerator.manufacturer
        processor = "cpu" if known.accelerator is None else _MANUFACTURERS.get(accelerator)
        if processor is None:
            raise UsageError(
                f"{instance_type} has accelerators by {accelerator}, for which AWS has no inference images.",
                remedy="Choose an instance type with NVIDIA GPUs, with Inferentia or Trainium, or without an "
                "accelerator; or name an image of your own by its URI.",
            )
        return processor, known.architecture
    guessed = _by_name(instance_type)
    if guessed is None:
        near = nearest(instance_type)
        raise UsageError(
            f"{instance_type!r} is no instance type for SageMaker hosting that is known here.",
            remedy=f"Did you mean {' or '.join(near)}?"
            if near
            else "Give one such as 'ml.m5.large' or 'ml.g5.xlarge'.",
        )
    return guessed


def _by_name(name: str) -> tuple[str, str] | None:
    """A judgement by the family's name; None if the name says too little, or is a slip of a known one."""
    parts = _NAME.fullmatch(name)
    if parts is None or parts["size"] not in {known.rpartition(".")[2] for known in known_types()}:
        return None
    letters = re.match(r"([a-z]+)(\d+)([a-z]*)", parts["family"])
    assert letters is not None  # by the pattern above
    series, options = letters[1], letters[3]
    if series in ("inf", "trn"):
        return "neuron", "x86_64"
    if series in ("g", "p"):
        return ("gpu", "arm64") if "-gb" in parts["family"] or options.startswith("g") else ("gpu", "x86_64")
    if series in ("c", "m", "r", "t", "x"):
        return "cpu", "arm64" if options.startswith("g") else "x86_64"
    return None
