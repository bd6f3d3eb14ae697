"""Writes the text files of a bundle, which are what a reviewer reads."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdk_modelbuilder.building.packing import Packed
from cdk_modelbuilder.building.plan import Plan
from cdk_modelbuilder.bundle import (
    BUNDLE_FILE,
    CONTAINER_FILE,
    FORMAT,
    FORMAT_VERSION,
    LOCK_FILE,
    PYLOCK_FILE,
    SCHEMA_FILE,
    SERVING_FILE,
    ModelBundle,
    json_bytes,
)
from cdk_modelbuilder.container_spec import ContainerSpec
from cdk_modelbuilder.dependencies.record import RECORD_FILE
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.manifest import Manifest


def write_texts(
    folder: Path,
    plan: Plan,
    *,
    packed: Packed,
    manifest: Manifest,
    spec: ContainerSpec,
    signatures: tuple[bytes, bytes | None],
    facts: Mapping[str, Any],
) -> ModelBundle:
    """Write them into ``folder`` and read the bundle back.

    Args:
        folder: The bundle's folder.
        plan: Its plan.
        packed: Its packages.
        manifest: Its sealed content.
        spec: Its container.
        signatures: The HMAC's, and that of a private key or None.
        facts: The builder's part of ``bundle.json``.
    """
    signature, public_signature = signatures
    files = {
        "container_spec": CONTAINER_FILE,
        "dependencies": RECORD_FILE,
        "lock": LOCK_FILE,
        "manifest": verifier.MANIFEST_NAME,
        "schema": SCHEMA_FILE,
        "signature": verifier.SIGNATURE_NAME,
    }
    (folder / CONTAINER_FILE).write_bytes(json_bytes(spec.to_json()))
    (folder / SCHEMA_FILE).write_bytes(json_bytes(plan.schema_json))
    (folder / LOCK_FILE).write_text(packed.lock_text, encoding="utf-8")
    (folder / RECORD_FILE).write_bytes(json_bytes(packed.record.to_json()))
    if packed.pylock is not None:
        files["pylock"] = PYLOCK_FILE
        (folder / PYLOCK_FILE).write_text(packed.pylock, encoding="utf-8")
    if plan.serving is not None and plan.serving.record is not None:
        files["serving"] = SERVING_FILE
        (folder / SERVING_FILE).write_bytes(json_bytes(_with_image(plan.serving.record, spec)))
    (folder / verifier.MANIFEST_NAME).write_bytes(manifest.data)
    (folder / verifier.SIGNATURE_NAME).write_bytes(signature)
    if public_signature is not None:
        files["public_signature"] = verifier.PUBLIC_SIGNATURE_NAME
        (folder / verifier.PUBLIC_SIGNATURE_NAME).write_bytes(public_signature)
    info: dict[str, Any] = {
        **facts,
        "files": files,
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "framework": plan.framework,
        "manifest_sha256": manifest.sha256,
        "model": plan.description,
        "notes": [*plan.notes, *packed.notes],
        "python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "root_sha256": manifest.root_sha256,
    }
    (folder / BUNDLE_FILE).write_bytes(json_bytes(info))
    return ModelBundle.read(folder)


def _with_image(record: Mapping[str, Any], spec: ContainerSpec) -> dict[str, Any]:
    """The options' names were read in one release of the server, and the image may hold another."""
    image = spec.image
    named = image.uri or f"{image.repository}:{image.tag}"
    return {**record, "server": {**record["server"], "image": named}}
