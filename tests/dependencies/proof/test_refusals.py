"""What cannot be packaged ends in an error that names its place, never in a shorter list; the last bundle stays."""

from __future__ import annotations

import shutil
import sys

import pytest

from cdk_modelbuilder.images import images_for

from .environments import Built, Environment, write_project
from .packages import spec_of, write_wheel

pytestmark = [pytest.mark.slow, pytest.mark.heavy, pytest.mark.extra_install]

BUILD = (
    "import sys\n\nfrom spec import Spec\n\nfrom cdk_modelbuilder import ModelBuilder, SchemaBuilder\n\n"
    "schema = SchemaBuilder([1, 2], [2], keep_samples=True)\n"
    "ModelBuilder(inference_spec=Spec(), schema_builder=schema, model_path=sys.argv[1]).build()\n"
)
GOOD = (
    "from cdk_modelbuilder import InferenceSpec\n\n\nclass Spec(InferenceSpec):\n"
    "    def load(self, model_dir):\n        return None\n\n"
    "    def invoke(self, input_object, model):\n        return [len(input_object)]\n"
)
THIS = f"{sys.version_info.major}.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def workshop(own_wheel, tmp_path_factory) -> Environment:
    """An environment with packages that no container can have."""
    root = tmp_path_factory.mktemp("workshop")
    write_wheel(root / "labelled", "labelled", root / "links", version="1.2+cu121")
    write_wheel(root / "bound", "bound", root / "links", fields=f'requires-python = "=={THIS}.*"\n')
    environment = Environment.create(root / "venv", own_wheel)
    environment.install("--find-links", root / "links", "labelled", "bound")
    return environment


@pytest.fixture
def last(workshop, tmp_path):
    """The last good bundle, which must be the same after the test."""
    built = workshop.build(
        write_project(tmp_path / "project", {"spec.py": GOOD, "build.py": BUILD}), tmp_path / "bundle"
    )
    before = built.texts()
    yield built.bundle.path
    assert Built.read(built.bundle.path).texts() == before
    assert {entry.name for entry in tmp_path.iterdir()} == {"project", "bundle"}


def refused(workshop, last, files: dict[str, str]) -> str:
    return workshop.refusal(write_project(last.parent / "project", {"build.py": BUILD, **files}), last)


def test_a_load_that_fails(workshop, last):
    text = GOOD.replace("return None", "raise OSError('no weights here')")
    said = refused(workshop, last, {"spec.py": text})
    assert "no weights here" in said
    assert 'code/spec.py", line 6' in said


def test_an_interpreter_that_dies(workshop, last):
    text = GOOD.replace("return None", "import os; os._exit(3)")
    assert "it ended with status 3" in refused(workshop, last, {"spec.py": text})


def test_an_import_that_nothing_brings(workshop, last):
    text = GOOD.replace("return None", "import no_such_thing; return no_such_thing")
    said = refused(workshop, last, {"spec.py": text})
    assert f"{last.parent / 'project' / 'spec.py'}, line 6 imports no_such_thing, which no installed" in said


def test_an_import_that_nothing_brings_and_nobody_can_read(workshop, last):
    text = GOOD.replace("return None", "return __import__('no_such' + '_thing')")
    said = refused(workshop, last, {"spec.py": text})
    assert "No module named 'no_such_thing'" in said
    assert 'code/spec.py", line 6' in said


def test_a_compiled_module_of_ones_own(workshop, last):
    compiled = next(workshop.folder.glob("lib/*/site-packages/markupsafe/_speedups.*.so"))
    shutil.copyfile(compiled, last.parent / "project" / compiled.name)
    said = refused(workshop, last, {"spec.py": f"import _speedups\n{GOOD}"})
    assert f"spec.py, line 1 imports _speedups, which is compiled code of your own ({compiled.name})" in said


def test_a_local_version_that_no_index_has(workshop, last):
    said = refused(workshop, last, spec_of("labelled", version="1.2+cu121"))
    assert "labelled 1.2+cu121 is installed here (imported by code/spec.py): a local version" in said
    assert "--extra-index-url" in said


@pytest.mark.skipif(images_for("sklearn")[0].python == THIS, reason="the image has this very Python")
def test_a_package_that_the_containers_python_cannot_run(workshop, last):
    said = refused(workshop, last, spec_of("bound"))
    assert f"bound==1.2 (imported by code/spec.py) needs Python =={THIS}.*" in said


def test_a_package_that_was_removed_behind_ones_back(workshop, last):
    """Its metadata say that it is there, and its files are gone."""
    module = next(workshop.folder.glob("lib/*/site-packages/labelled/__init__.py"))
    kept = module.rename(module.with_suffix(".kept"))
    try:
        said = refused(workshop, last, {"spec.py": GOOD.replace("return None", "import labelled; return labelled")})
    finally:
        kept.rename(module)
    assert "labelled" in said
