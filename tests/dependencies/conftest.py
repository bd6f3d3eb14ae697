"""Distributions that are found like installed ones."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest


@pytest.fixture
def site(tmp_path, monkeypatch) -> Path:
    """A folder of installed packages on the path."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def install(site) -> Callable[..., Path]:
    """Puts a distribution into the folder: its modules, its metadata, and where it came from."""

    def put(
        name: str,
        version: str = "1.0",
        *requires: str,
        files: Mapping[str, str] | None = None,
        extra_fields: Sequence[str] = (),
        direct_url: Mapping[str, object] | None = None,
        record: bool = True,
    ) -> Path:
        folder = site / f"{name.replace('-', '_')}-{version}.dist-info"
        folder.mkdir()
        fields = [
            f"Name: {name}",
            f"Version: {version}",
            *extra_fields,
            *(f"Requires-Dist: {line}" for line in requires),
        ]
        (folder / "METADATA").write_text("\n".join(["Metadata-Version: 2.1", *fields, "", "Name: not-this", ""]))
        for path, text in (files or {}).items():
            (site / path).parent.mkdir(parents=True, exist_ok=True)
            (site / path).write_text(text)
        if record:
            (folder / "RECORD").write_text("".join(f"{path},sha256=x,1\n" for path in files or {}))
        if direct_url is not None:
            (folder / "direct_url.json").write_text(json.dumps(direct_url))
        importlib.invalidate_caches()
        return folder

    return put
