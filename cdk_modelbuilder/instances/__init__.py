"""SageMaker's hosting instance types: what each one is, and which regions have it.

    types.json  ─┐
                 ├─▶ instance_type("ml.g5.xlarge") ─▶ InstanceType(vcpus, memory_mib, accelerator, has_local_nvme, ...)
    offers.json ─┘        nearest("ml.g5.xlrge")   ─▶ ["ml.g5.xlarge", ...]

The tables are made by ``scripts/make_instance_table.py`` and read when first needed. Nothing here asks a network.
"""

from __future__ import annotations

from cdk_modelbuilder.instances.types import (
    Accelerator,
    InstanceType,
    instance_type,
    known_regions,
    known_types,
    nearest,
    table_date,
)

__all__ = [
    "Accelerator",
    "InstanceType",
    "instance_type",
    "known_regions",
    "known_types",
    "nearest",
    "table_date",
]
