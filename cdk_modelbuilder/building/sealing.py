"""Hashes the model folder and writes its archive at the same time, then adds manifest and signatures to both."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from cdk_modelbuilder.archive import ArchiveWriter
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.manifest import Manifest, make_manifest, signable_files


@dataclass(frozen=True, slots=True)
class Sealed:
    """A hashed model folder that waits for its signature."""

    manifest: Manifest
    model_dir: Path
    writer: ArchiveWriter | None

    def finish(self, signature: bytes, public_signature: bytes | None) -> None:
        """Add manifest and signatures to the folder and, as its last members, to the archive."""
        metadata = self.model_dir / verifier.METADATA_FOLDER
        metadata.mkdir()
        for name, data in (
            (verifier.MANIFEST_NAME, self.manifest.data),
            (verifier.SIGNATURE_NAME, signature),
            (verifier.PUBLIC_SIGNATURE_NAME, public_signature),
        ):
            if data is None:
                continue
            (metadata / name).write_bytes(data)
            if self.writer is not None:
                self.writer.add_bytes(f"{verifier.METADATA_FOLDER}/{name}", data)


@contextmanager
def seal(
    model_dir: Path, *, name: str, archive: Path | None, progress: Callable[[str, int, int], object]
) -> Iterator[Sealed]:
    """Yield the sealed folder; the archive is complete when the block ends.

    Args:
        model_dir: The bundle's ``model/`` folder, complete but for the metadata.
        name: The bundle's name.
        archive: Where ``model.tar.gz`` goes, or None for none.
        progress: Told the bytes done and in all.

    Raises:
        IntegrityError: The folder holds a symlink, a special file, or a name that cannot be signed.
    """
    files = signable_files(model_dir)
    total = sum(files.values()) * (1 if archive is None else 2)
    done, lock = 0, Lock()

    def on_bytes(count: int) -> None:
        nonlocal done
        with lock:
            done += count
            progress("hashing and packing" if archive else "hashing", done, total)

    with ExitStack() as stack:
        writer = None if archive is None else stack.enter_context(ArchiveWriter(archive))
        pool = stack.enter_context(ThreadPoolExecutor(1))
        packed = None if writer is None else pool.submit(_pack, writer, model_dir, files, on_bytes)
        manifest = make_manifest(model_dir, name=name, on_bytes=on_bytes)
        if packed is not None:
            packed.result()
        yield Sealed(manifest, model_dir, writer)


def _pack(writer: ArchiveWriter, model_dir: Path, files: Iterable[str], on_bytes: Callable[[int], None]) -> None:
    for path in files:
        writer.add_file(path, model_dir / path, on_bytes)
