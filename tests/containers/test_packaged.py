"""Packages that the container gets from the bundle alone: wheels, and source of what no index has."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from cdk_modelbuilder import ModelBuilder, Predictor, SchemaBuilder
from cdk_modelbuilder.dependencies.record import read_record
from tests.conftest import MASTER_KEY
from tests.containers.serving import secrets_of
from tests.containers.toolkit import ENVIRONMENT, Container

pytestmark = [pytest.mark.slow, pytest.mark.extra_install]

SAMPLES = Path(__file__).with_name("samples")


def project(folder: Path, name: str, code: str) -> Path:
    """A project as setuptools builds it."""
    (folder / name).mkdir(parents=True)
    (folder / name / f"{name}.py").write_text(textwrap.dedent(code))
    (folder / name / "pyproject.toml").write_text(
        f"[build-system]\nrequires = ['setuptools']\nbuild-backend = 'setuptools.build_meta'\n"
        f"[project]\nname = '{name.replace('_', '-')}'\nversion = '2.5'\n[tool.setuptools]\npy-modules = ['{name}']\n"
    )
    return folder / name


@pytest.fixture
def bundle(tmp_path, monkeypatch):
    words = project(tmp_path, "tiny_words", "def count(text):\n    return len(text.split())\n")
    unpublished = project(
        tmp_path, "unpublished", "from importlib.metadata import version\n\n__version__ = version('unpublished')\n"
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", tmp_path / "dist", words], check=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", tmp_path / "site", wheel, unpublished], check=True)
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.syspath_prepend(SAMPLES)
    import word_counter

    sample = {"text": "one two"}
    answer = word_counter.WordCounter().invoke(sample, {"origin": "where", "version": "2.5"})
    built = ModelBuilder(
        inference_spec=word_counter.WordCounter(),
        schema_builder=SchemaBuilder(sample, answer),
        model_path=tmp_path / "bundle",
        signing_key=MASTER_KEY,
        dependencies={"packaging": "wheels", "custom": ["--no-index", str(wheel)]},
    ).build()
    for module in ("word_counter", "tiny_words", "unpublished"):
        sys.modules.pop(module)
    return built


def test_a_container_without_a_network_installs_them_from_the_bundle(bundle, tmp_path):
    record = read_record(bundle)
    assert [(package.name, package.origin) for package in record.packages] == [("tiny-words", "wheel")]
    assert record.checked
    assert list(record.vendored) == ["unpublished"]
    assert bundle.container.installs == "bundle"
    assert "code/wheels/tiny_words-2.5-py3-none-any.whl" in bundle.manifest.files
    base = tmp_path / "container"
    base.mkdir()
    with Container(ENVIRONMENT.python(), bundle, secrets_of(bundle), base) as container:
        assert container.ping() == 200, container.log
        predictor = Predictor(container.url, schema=bundle.schema, container=bundle.container)
        answer = predictor.predict({"text": "one two three"})
    assert answer["count"] == 3
    assert answer["version"] == "2.5"
    assert str(tmp_path / "site") not in answer["origin"]
