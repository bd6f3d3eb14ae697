"""Packages that lie elsewhere than pip puts them, or that other tools than pip have put there."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from .environments import Environment, uv, write_project
from .packages import spec_of, write_wheel

pytestmark = [pytest.mark.slow, pytest.mark.heavy, pytest.mark.extra_install]

SPEC = {
    "spec.py": (
        "import toolz\n\nfrom cdk_modelbuilder import InferenceSpec\n\n\nclass Spec(InferenceSpec):\n"
        "    def load(self, model_dir):\n        return toolz\n\n"
        "    def invoke(self, input_object, model):\n        return [model.count(input_object)]\n"
    ),
    "build.py": (
        "import sys\n\nfrom spec import Spec\n\nfrom cdk_modelbuilder import ModelBuilder, SchemaBuilder\n\n"
        "schema = SchemaBuilder([1, 2], [2], keep_samples=True)\n"
        "ModelBuilder(inference_spec=Spec(), schema_builder=schema, model_path=sys.argv[1]).build()\n"
    ),
}


@pytest.fixture(scope="module")
def bare(own_wheel, tmp_path_factory) -> Environment:
    """An environment with this package alone."""
    return Environment.create(tmp_path_factory.mktemp("bare") / "venv", own_wheel)


def test_a_folder_on_the_path(bare, tmp_path):
    uv("pip", "install", "--python", bare.python, "--target", tmp_path / "lib", "toolz==1.0.0")
    environment = replace(bare, variables={"PYTHONPATH": str(tmp_path / "lib")})
    built = environment.build(write_project(tmp_path / "project", SPEC), tmp_path / "bundle")
    assert built.requirements == {"toolz": "toolz==1.0.0"}
    assert built.code() == {"spec.py"}
    built.try_it()


def test_the_users_own_folder(own_wheel, tmp_path):
    uv("venv", "--no-project", "--system-site-packages", "--python", sys.executable, tmp_path / "venv")
    base = Environment(tmp_path / "venv")
    base.install(own_wheel)
    environment = replace(base, variables={"PYTHONUSERBASE": str(tmp_path / "home"), "PYTHONNOUSERSITE": ""})
    asked = environment.run("-c", "import site; print(site.getusersitepackages())", cwd=tmp_path)
    uv("pip", "install", "--python", base.python, "--target", asked.stdout.strip(), "toolz==1.0.0")
    built = environment.build(write_project(tmp_path / "project", SPEC), tmp_path / "bundle")
    assert built.requirements == {"toolz": "toolz==1.0.0"}
    assert built.code() == {"spec.py"}
    built.try_it()


def test_what_conda_installed_is_pinned_though_it_says_that_it_is_from_a_folder(own_wheel, tmp_path):
    """conda-build runs pip in a folder of its own, and direct_url.json still names that on every other machine."""
    environment = Environment.create(tmp_path / "venv", own_wheel, "toolz==1.0.0")
    found = next(environment.folder.glob("lib/*/site-packages/toolz-*.dist-info"))
    (found / "INSTALLER").write_text("conda\n", "utf-8")
    (found / "direct_url.json").write_text('{"dir_info": {}, "url": "file:///croot/toolz_1667464077321/work"}', "utf-8")
    built = environment.build(write_project(tmp_path / "project", SPEC), tmp_path / "bundle")
    assert built.requirements == {"toolz": "toolz==1.0.0"}
    assert not built.record.vendored
    built.try_it()


def test_a_licence_of_many_lines_is_one_in_the_record(own_wheel, tmp_path):
    licence = 'license = {text = """Own licence\nof many lines\n\nName: not-a-field\nVersion: 9"""}\n'
    write_wheel(tmp_path / "licensed", "licensed", tmp_path / "links", fields=licence)
    environment = Environment.create(tmp_path / "venv", own_wheel)
    environment.install("--find-links", tmp_path / "links", "licensed")
    built = environment.build(write_project(tmp_path / "project", spec_of("licensed")), tmp_path / "bundle")
    assert built.requirements["licensed"] == "licensed==1.2"
    assert {package.name: package.license for package in built.record.packages}["licensed"] == "Own licence"
    wheel = str(next((tmp_path / "links").glob("*.whl")))
    files = spec_of("licensed", options=f"{{'custom': [{wheel!r}]}}")
    built = environment.build(write_project(tmp_path / "project", files), tmp_path / "bundle")
    assert built.names == {"licensed", "toolz"}
    assert str(tmp_path).encode() not in b"".join(built.texts().values())
    built.try_it()


GUESSING = """
import importlib


def found(name):
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


one, two, helper, three = map(found, ("inflect", "tabulate", "toolz", "xmltodict"))


def count(values):
    return helper.count(values)
"""


def test_of_what_a_failure_does_not_name_only_the_needed_one_stays(crowd, tmp_path):
    """Without toolz the package fails with "'NoneType' object has no attribute 'count'", as careless ones do."""
    fields = {
        "pyproject.toml": '[project]\nname = "guessing"\nversion = "1"\n[build-system]\nrequires = ["hatchling"]\n'
        'build-backend = "hatchling.build"\n',
        "guessing.py": GUESSING,
    }
    uv("build", "--wheel", "--out-dir", tmp_path, write_project(tmp_path / "guessing", fields))
    wheel = next(tmp_path.glob("*.whl"))
    uv("pip", "install", "--python", crowd.python, "--target", tmp_path / "lib", wheel)
    environment = replace(crowd, variables={"PYTHONPATH": str(tmp_path / "lib")})
    project = {
        "spec.py": SPEC["spec.py"].replace("toolz", "guessing"),
        "build.py": SPEC["build.py"].replace("argv[1])", f"argv[1], dependencies={{'custom': [{str(wheel)!r}]}})"),
    }
    built = environment.build(write_project(tmp_path / "project", project), tmp_path / "bundle")
    assert built.names == {"guessing", "toolz"}
    assert {"inflect", "tabulate", "xmltodict"} <= built.record.left_out.keys()
    built.try_it()
