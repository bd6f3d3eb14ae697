"""An adapter in somebody else's package, found through its entry point."""

from __future__ import annotations

import os
import subprocess
import sys

PACKAGE = {
    "constant_models/__init__.py": "class Constant:\n    def __init__(self, value):\n        self.value = value\n",
    "constant_models/adapter.py": """
import json
from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import SavedModel

class ConstantAdapter:
    name = "constant"
    model_servers = ("sklearn",)
    imported_as = "constant_models"
    distribution = "constant-models"
    provided_by = ()

    def recognises(self, model):
        return type(model).__module__ == "constant_models"

    def opens(self, path):
        return False

    def open(self, path, *, trust):
        raise NotImplementedError

    def check(self, model):
        if model.value is None:
            raise ModelError("the Constant has no value.", remedy="Give it one.")

    def methods(self, model):
        return ["predict"]

    def predict(self, model, data, method):
        return [model.value for _ in data]

    def save(self, model, folder, *, model_format, trust, sample):
        (folder / "constant.json").write_text(json.dumps(model.value))
        return SavedModel(
            data_format="json",
            model_class="constant_models.Constant",
            template="constant_models:templates/constant.py.jinja",
            template_values={"file": "constant.json"},
            modules=["constant_models"],
        )

    def version(self):
        return "1.0"
""",
    "constant_models/templates/constant.py.jinja": """
def _load(model_dir):
    import json

    with open(os.path.join(model_dir, {{ file | python }})) as handle:
        return json.load(handle)


def _predict(data, model):
    return [model for _ in data]
""",
    "constant_models-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: constant-models\nVersion: 1.0\n",
    "constant_models-1.0.dist-info/entry_points.txt": (
        "[cdk_modelbuilder.frameworks]\nconstant = constant_models.adapter:ConstantAdapter\n"
    ),
}

USE = """
from constant_models import Constant
from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder

bundle = ModelBuilder(
    model=Constant(7), schema_builder=SchemaBuilder([1, 2], [0, 0]), name="seven",
    image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1", model_server="sklearn",
).build()
with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
    print(predictor.predict([1, 2, 3]))
"""


def test_an_adapter_and_its_template_live_in_a_package_of_their_own(tmp_path):
    for name, text in PACKAGE.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "site")}
    run = subprocess.run([sys.executable, "-c", USE], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout == "[7, 7, 7]\n"
    code = (tmp_path / "build" / "seven" / "model" / "code" / "inference.py").read_text()
    assert "'constant.json'" in code
