"""The same code in the same environment gives the same bundle, wherever it is built; a notebook's too."""

from __future__ import annotations

from dataclasses import replace

import pytest

from .environments import Built, project, write_project

pytestmark = [pytest.mark.slow, pytest.mark.heavy, pytest.mark.extra_install]

CELLS = [
    "import inflect\nimport toolz\n\nfrom cdk_modelbuilder import InferenceSpec, ModelBuilder, SchemaBuilder",
    "import flask\n\napp = flask.Flask('not needed')",
    "ENGINE = 'plain'\n\n\ndef in_words(number):\n    return inflect.engine().number_to_words(number)",
    (
        "class Words(InferenceSpec):\n    def load(self, model_dir):\n        return ENGINE\n\n"
        "    def invoke(self, input_object, model):\n        return {model: in_words(toolz.count(input_object))}\n"
    ),
    "%time schema = SchemaBuilder([1, 2, 3], {'plain': 'three'}, keep_samples=True)",
    "ModelBuilder(inference_spec=Words(), schema_builder=schema, name='proof', model_path=BUNDLE).build()",
]
NOTEBOOK = """
import sys
from IPython.core.interactiveshell import InteractiveShell

shell = InteractiveShell.instance()
shell.push({{"BUNDLE": sys.argv[1]}})
for cell in {cells!r}:
    shell.run_cell(cell, store_history=True).raise_error()
"""


def _same(first: Built, second: Built) -> None:
    assert first.bundle.root_sha256 == second.bundle.root_sha256
    assert first.texts() == second.texts()


@pytest.mark.parametrize("name", ["extras", "local_files", "pipeline"])
def test_twice_and_in_another_folder(crowd, tmp_path, name):
    first = crowd.build(project(name, tmp_path), tmp_path / "bundle")
    (tmp_path / "else where").mkdir()
    elsewhere = replace(crowd, variables={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C"})
    second = elsewhere.build(project(name, tmp_path / "else where"), tmp_path / "else where" / "bundle")
    _same(first, second)


def test_a_spec_of_a_notebook(crowd, tmp_path):
    at_home = replace(crowd, variables={"IPYTHONDIR": str(tmp_path / "ipython")})
    notebook = write_project(tmp_path / "project", {"build.py": NOTEBOOK.format(cells=CELLS)})
    built = at_home.build(notebook, tmp_path / "bundle")
    assert built.names - {"typing-extensions"} == {
        "inflect",
        "jaraco-functools",
        "more-itertools",
        "toolz",
        "typeguard",
    }
    assert built.code() == {"modelbuilder_script.py"}
    source = (built.bundle.model_dir / "code" / "modelbuilder_script.py").read_text("utf-8")
    assert "class Words" in source
    assert "ENGINE = 'plain'" in source
    assert "flask" not in source
    built.try_it()
    again = at_home.build(notebook, tmp_path / "again" / "bundle")
    _same(built, again)
