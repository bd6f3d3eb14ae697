"""A bundle's archive after someone who can write to the bucket has changed one file in it."""

from __future__ import annotations

import io
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path

from cdk_modelbuilder import ModelBundle


def with_changed_file(bundle: ModelBundle, name: str, folder: Path) -> ModelBundle:
    """``bundle`` below ``folder``, with one more byte at the end of the file ``name`` of its archive."""
    changed = replace(bundle, path=folder / "changed")
    changed.path.mkdir()
    for text in bundle.path.glob("*.json"):
        shutil.copy(text, changed.path)
    found = False
    with tarfile.open(bundle.archive_path) as old, tarfile.open(changed.archive_path, "w:gz") as new:
        for member in old:
            data = b"" if not member.isfile() else old.extractfile(member).read()
            if member.name.removeprefix("./") == name:
                found, data = True, data + b"\n"
            member.size = len(data)
            new.addfile(member, io.BytesIO(data) if member.isfile() else None)
    assert found, f"there is no {name} in the archive"
    return changed
