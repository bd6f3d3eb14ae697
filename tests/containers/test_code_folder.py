"""Names that the toolkit gives a meaning of its own."""

from __future__ import annotations

import sys

import pytest

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.errors import ModelError


def test_a_local_module_called_setup_is_refused_because_the_toolkit_would_run_it(tmp_path, monkeypatch):
    (tmp_path / "setup.py").write_text("FACTOR = 2\n")
    (tmp_path / "doubling.py").write_text(
        "from setup import FACTOR\n"
        "from cdk_modelbuilder import InferenceSpec\n"
        "class Doubling(InferenceSpec):\n"
        "    def load(self, model_dir):\n"
        "        return FACTOR\n"
        "    def invoke(self, input_object, model):\n"
        "        return [model * value for value in input_object]\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    for module in ("setup", "doubling"):
        monkeypatch.setitem(sys.modules, module, None)  # so that it is gone with the test
        del sys.modules[module]
    import doubling

    builder = ModelBuilder(
        inference_spec=doubling.Doubling(), schema_builder=SchemaBuilder([1], [2]), model_path=tmp_path / "made"
    )
    with pytest.raises(ModelError, match=r"setup\.py"):
        builder.build()
    assert not (tmp_path / "made").exists()
