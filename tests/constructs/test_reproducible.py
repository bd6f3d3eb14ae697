"""Synthesis gives the same bytes in every process, in every folder, whatever Python's hash seed is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]


def files_in(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffixes[-2:] != [".tar", ".gz"]
    }


@pytest.fixture(scope="module")
def assemblies(bundles, tmp_path_factory):
    """Two cloud assemblies of every stack, by two processes at once, from copies of the bundles in other folders."""
    running = []
    for seed in ("1", "2"):
        folder = tmp_path_factory.mktemp(f"seed{seed}")
        given = [
            shutil.copytree(one.path, folder / name) for name, one in (("a", bundles.first), ("b", bundles.second))
        ]
        command = [sys.executable, "-m", "tests.constructs.all_stacks", folder / "out", *given, bundles.public_key]
        variables = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(REPOSITORY)}
        process = subprocess.Popen(command, cwd=folder, env=variables, stderr=subprocess.PIPE, text=True)
        running.append((process, folder / "out"))
    for process, _ in running:
        assert process.wait(120) == 0, process.stderr.read()[-3000:]
        process.stderr.close()
    return [out for _, out in running]


def test_two_processes_write_the_same_assembly(assemblies):
    one, other = map(files_in, assemblies)
    assert one.keys() == other.keys()
    assert len([name for name in one if name.endswith(".template.json")]) > 10
    assert not [name for name in one if one[name] != other[name]]


def test_this_process_writes_the_same_templates(assemblies, assembly):
    """Whatever was made before in it, as tests and long-running tools do."""
    there = {name: text for name, text in files_in(assemblies[0]).items() if name.endswith(".template.json")}
    here = files_in(assembly)
    assert not [name for name, text in there.items() if here[name] != text]


def test_no_path_of_this_machine_is_in_it(assemblies, tmp_path_factory):
    base = str(tmp_path_factory.getbasetemp())
    for name, content in files_in(assemblies[0]).items():
        assert base.encode() not in content, name
        assert str(Path.home()).encode() + b"/" not in content, name


def test_every_asset_is_where_its_manifest_says(assembly):
    manifests = list(assembly.rglob("*.assets.json"))
    assert any(manifest.parent != assembly for manifest in manifests), "the Stage has a folder of its own"
    for manifest in manifests:
        files = json.loads(manifest.read_text())["files"]
        missing = [
            file["source"]["path"] for file in files.values() if not (manifest.parent / file["source"]["path"]).exists()
        ]
        assert not missing, manifest


def test_an_artifact_is_staged_once_for_all_stacks(assembly, bundles):
    archives = sorted(path.name for path in assembly.rglob("*.tar.gz"))
    assert archives == sorted(f"asset.{one.artifact_digest}.tar.gz" for one in (bundles.first, bundles.second))
