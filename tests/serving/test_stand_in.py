"""In a process here, user code finds of this package what it finds of it in a container."""

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from tests.conftest import MASTER_KEY

MODULE = '''
"""Trains, packages and serves, as such a module does."""
import sys

from cdk_modelbuilder import CustomPayloadTranslator, InferenceSpec, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.errors import UsageError


class Names(InferenceSpec):
    def load(self, model_dir):
        return "cdk_modelbuilder.builder" in sys.modules

    def invoke(self, input_object, model):
        try:
            ModelBuilder(model=model)
        except RuntimeError as error:
            said = str(error)
        return {"builder": model, "said": said, "translators": CustomPayloadTranslator.__module__}
'''


def test_a_module_that_also_builds_imports_no_builder_where_it_serves(tmp_path, monkeypatch):
    (tmp_path / "names_beside_builder.py").write_text(MODULE)
    monkeypatch.syspath_prepend(tmp_path)
    import names_beside_builder

    sample = {"builder": False, "said": "", "translators": ""}
    bundle = ModelBuilder(
        inference_spec=names_beside_builder.Names(),
        schema_builder=SchemaBuilder({"a": 1}, sample),
        model_path=tmp_path / "names",
        dependencies={"auto": False},
        signing_key=MASTER_KEY,
    ).build()
    with bundle.deploy(mode=Mode.LOCAL_PROCESS, signing_key=MASTER_KEY, workers=2) as predictor:
        assert predictor.predict({"a": 1}) == {
            "builder": False,
            "said": "cdk_modelbuilder.ModelBuilder is for building; it is not part of a deployed model",
            "translators": "modelbuilder_runtime.codecs.translators",
        }
