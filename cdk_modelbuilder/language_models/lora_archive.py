"""The archive of a LoRA adapter that an inference component loads: its files, and nothing else, at the root.

Source: the SageMaker AI guide, "Fine-tune models with adapter inference components" (a tar.gz of what PEFT saved).
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from cdk_modelbuilder.archive import ArchiveWriter
from cdk_modelbuilder.language_models.lora import LoraAdapter
from cdk_modelbuilder.language_models.lora_settings import FILES


def write_lora_archive(adapter: LoraAdapter, target: Path) -> str:
    """Write it, the same bytes for the same adapter, and return the SHA-256 of the archive."""
    with ArchiveWriter(target) as archive:
        for name in FILES:
            archive.add_file(name, adapter.folder / name)
    with target.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
