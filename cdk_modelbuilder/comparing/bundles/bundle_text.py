"""The text files of a bundle, read for a review: also those of one that contradicts itself, which is then said."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cdk_modelbuilder.bundle import (
    BUNDLE_FILE,
    CONTAINER_FILE,
    FORMAT,
    GOLDEN_FILE,
    LOCK_FILE,
    MODEL_FOLDER,
    SCHEMA_FILE,
    SERVING_FILE,
    TUNING_FILE,
    ModelBundle,
)
from cdk_modelbuilder.comparing.json_data import parse_json
from cdk_modelbuilder.comparing.trees import Tree
from cdk_modelbuilder.errors import BundleError, ModelBuilderError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.manifest import SHARD_SIZE

_TEXT_FILES: Final = (
    BUNDLE_FILE,
    CONTAINER_FILE,
    SCHEMA_FILE,
    LOCK_FILE,
    GOLDEN_FILE,
    SERVING_FILE,
    TUNING_FILE,
    verifier.MANIFEST_NAME,
    verifier.SIGNATURE_NAME,
    verifier.PUBLIC_SIGNATURE_NAME,
)


@dataclass(frozen=True, slots=True)
class ListedFile:
    """A file as the manifest lists it.

    Attributes:
        digests: SHA-256 of the file in hex, or of each of its shards.
        size: Bytes, where the manifest says it: it does if there are shards.
    """

    digests: tuple[str, ...]
    size: int | None


@dataclass(frozen=True)
class BundleText:
    """A bundle without its model.

    Attributes:
        tree: Where it is.
        info: ``bundle.json``.
        container: ``container.json``.
        schema: ``schema.json``.
        lock: ``requirements.lock``.
        golden: ``golden.json``; empty without one.
        serving: ``serving.json``; empty without one.
        tuning: ``tuning.json``; empty without one.
        signature: ``signature.json``.
        files: Path below ``model/`` -> what the manifest says of the file.
        root_sha256: The manifest's root digest.
        manifest_sha256: SHA-256 of the manifest's bytes.
        public_key_id: Id of the public key that verifies it; empty without one.
        defect: Why the package refuses to open it; empty if it does not.
    """

    tree: Tree
    info: Mapping[str, Any]
    container: Mapping[str, Any] = field(default_factory=dict)
    schema: Mapping[str, Any] = field(default_factory=dict)
    lock: str = ""
    golden: Mapping[str, Any] = field(default_factory=dict)
    serving: Mapping[str, Any] = field(default_factory=dict)
    tuning: Mapping[str, Any] = field(default_factory=dict)
    signature: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, ListedFile] = field(default_factory=dict)
    root_sha256: str = ""
    manifest_sha256: str = ""
    public_key_id: str = ""
    defect: str = ""

    @property
    def name(self) -> str:
        """The bundle's name."""
        return str(self.info.get("name", ""))

    def model_file(self, path: str) -> bytes | None:
        """A file below ``model/``; None if it is not here, as a model's weights may well be."""
        return self.tree.read(f"{MODEL_FOLDER}/{path}")

    def sizes(self) -> dict[str, int]:
        """Bytes of the files below ``model/``, of which the manifest or the folder says it."""
        start = len(MODEL_FOLDER) + 1
        found = {path[start:]: size for path, size in self.tree.files(MODEL_FOLDER).items()}
        return found | {path: listed.size for path, listed in self.files.items() if listed.size is not None}

    def is_as_listed(self, path: str, data: bytes) -> bool:
        """Whether ``data`` is what the manifest says of the file."""
        listed = self.files.get(path)
        if listed is None:
            return False
        size = len(data) if listed.size is None else SHARD_SIZE
        starts = range(0, max(len(data), 1), max(size, 1))
        digests = tuple(hashlib.sha256(data[start : start + size]).hexdigest() for start in starts)
        return listed.size in (None, len(data)) and digests == listed.digests


def is_bundle_tree(tree: Tree) -> bool:
    """Whether ``tree`` says that it is a bundle."""
    data = tree.read(BUNDLE_FILE)
    if data is None:
        return False
    try:
        found = parse_json(data, BUNDLE_FILE)
    except BundleError:
        return True  # who reads it is told what is wrong
    return isinstance(found, dict) and found.get("format") == FORMAT


def read_bundle(tree: Tree) -> BundleText:
    """The bundle in ``tree``.

    Raises:
        BundleError: ``bundle.json`` cannot be read at all.
    """
    data = {name: tree.read(name) for name in _TEXT_FILES}
    info = parse_json(data[BUNDLE_FILE] or b"", f"{tree.name}/{BUNDLE_FILE}")
    if not isinstance(info, dict):
        raise BundleError(f"{tree.name}/{BUNDLE_FILE} is no JSON object.", remedy="Restore it, or build again.")
    defect = _defect(tree, data)
    manifest = data[verifier.MANIFEST_NAME] or b""
    files, root = _listed(manifest)
    return BundleText(
        tree,
        info,
        container=_object(data[CONTAINER_FILE]),
        schema=_object(data[SCHEMA_FILE]),
        lock=(data[LOCK_FILE] or b"").decode(errors="replace"),
        golden=_object(data[GOLDEN_FILE]),
        serving=_object(data[SERVING_FILE]),
        tuning=_object(data[TUNING_FILE]),
        signature=_object(data[verifier.SIGNATURE_NAME]),
        files=files,
        root_sha256=root,
        manifest_sha256=hashlib.sha256(manifest).hexdigest() if manifest else "",
        public_key_id=_hint(data[verifier.PUBLIC_SIGNATURE_NAME]),
        defect=defect,
    )


def _defect(tree: Tree, data: Mapping[str, bytes | None]) -> str:
    """What the package itself says when it opens these files."""
    with tempfile.TemporaryDirectory(prefix="cdk-modelbuilder-") as folder:
        for name, content in data.items():
            if content is not None:
                (Path(folder) / name).write_bytes(content)
        try:
            ModelBundle.read(folder)
        except ModelBuilderError as error:
            return str(error).replace(folder, tree.name)
        except Exception as error:  # noqa: BLE001 - whatever the files hold, the review goes on
            return f"it cannot be opened: {type(error).__name__}: {error}".replace(folder, tree.name)
    return ""


def _listed(manifest: bytes) -> tuple[dict[str, ListedFile], str]:
    try:
        resources = verifier.read_resources(manifest)
    except verifier.IntegrityError:
        return {}, ""
    files: dict[str, ListedFile] = {}
    for path, _, end, digest in resources:
        before = files.get(path, ListedFile((), None))
        files[path] = ListedFile((*before.digests, digest.hex()), end)
    return files, verifier.root_digest(resources)


def _object(data: bytes | None) -> dict[str, Any]:
    if data is None:
        return {}
    try:
        found = parse_json(data, "it")
    except BundleError:
        return {}
    return found if isinstance(found, dict) else {}


def _hint(data: bytes | None) -> str:
    found = _object(data).get("verificationMaterial")
    key = found.get("publicKey") if isinstance(found, Mapping) else None
    return str(key.get("hint", "")) if isinstance(key, Mapping) else ""
