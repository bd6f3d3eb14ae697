"""Reads data that lies in the package, and imports modules by names that are computed."""

import importlib
import json
from importlib import resources
from pathlib import Path

from cdk_modelbuilder import InferenceSpec

from . import scaling

FACTORS = json.loads(Path(__file__).parent.joinpath("factors.json").read_text("utf-8"))


class Churn(InferenceSpec):
    def load(self, model_dir):
        names = resources.files("churn.tables").joinpath("names.txt").read_text("utf-8")
        return {"names": names.split(), "steps": importlib.import_module("churn." + "".join(["st", "eps"]))}

    def invoke(self, input_object, model):
        value = scaling.scale(input_object["value"], FACTORS)
        return {"value": model["steps"].finish(value), "names": len(model["names"])}
