"""New builds take over from those before; what cannot take over is named, and nothing happens."""

from __future__ import annotations

import sys

import pytest

from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.errors import LocalEndpointError, UsageError
from cdk_modelbuilder.local.reload import Reloader
from tests.local.gateway.scripted import eventually
from tests.local.lines import build_line

BUILD = """
import sys
from sklearn.linear_model import LinearRegression
from cdk_modelbuilder import ModelBuilder, SchemaBuilder
import settings

X = [[0.0], [1.0]]
model = LinearRegression().fit(X, [0.0, settings.SLOPE])
schema = SchemaBuilder(X, [0.0, 1.0])
ModelBuilder(model=model, schema_builder=schema, model_path=sys.argv[1], dependencies={"auto": False}).build()
"""


@pytest.fixture
def said() -> list[str]:
    return []


def test_each_new_build_takes_over_and_an_edited_file_does_not(tmp_path, said):
    bundle = build_line(tmp_path / "line", 1.0)
    taken: list[str] = []
    with Reloader([bundle], lambda new: taken.append(new.root_sha256), say=said.append):
        second = build_line(tmp_path / "line", 2.0)
        assert eventually(lambda: taken == [second.root_sha256]), said
        code = second.model_dir / "code" / "inference.py"
        code.write_text(code.read_text() + "# edited\n")
        assert eventually(lambda: any("line is not reloaded" in line and "inference.py" in line for line in said)), said
    assert taken == [second.root_sha256]


def test_what_cannot_take_over_is_named(tmp_path, said):
    bundle = build_line(tmp_path / "line", 1.0)

    def refuse(new: ModelBundle) -> None:
        raise LocalEndpointError("it does not start.", remedy="Mend it.")

    with Reloader([bundle], refuse, say=said.append):
        build_line(tmp_path / "line", 2.0)
        assert eventually(lambda: said != [])
    assert said == ["the new build of line does not take over: it does not start. Mend it."]


def test_a_source_that_changes_is_built_and_a_build_that_fails_is_told(tmp_path, said):
    bundle = build_line(tmp_path / "build" / "line", 1.0)
    sources = tmp_path / "src"
    sources.mkdir()
    (sources / "train.py").write_text(BUILD)
    (sources / "settings.py").write_text("SLOPE = 1.0\n")
    taken: list[str] = []
    command = f"{sys.executable} {sources / 'train.py'} {bundle.path}"
    with Reloader(
        [bundle], lambda new: taken.append(new.root_sha256), rebuild=command, sources=[tmp_path], say=said.append
    ):
        (sources / "settings.py").write_text("SLOPE = 3.0\n")
        assert eventually(lambda: len(taken) == 1), said
        assert said[0].startswith("settings.py changed: ")
        (sources / "settings.py").write_text("SLOPE = 1 / 0\n")
        assert eventually(lambda: any("the build failed with status 1" in line for line in said)), said
        assert any("ZeroDivisionError" in line for line in said)
    assert len(taken) == 1
    assert sum("changed" in line for line in said) == 2, said  # what a build writes does not start another


@pytest.mark.parametrize(("command", "message"), [("'", "cannot be read"), ("  ", "names no command")])
def test_no_command_is_refused(tumour_bundle, command, message):
    with pytest.raises(UsageError, match=message):
        Reloader([tumour_bundle], lambda new: None, rebuild=command, say=print)
