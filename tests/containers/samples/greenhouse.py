"""A user's InferenceSpec whose module imports a module of its own; neither is installed anywhere."""

import sys
import time
from pathlib import Path

import greenhouse_units

from cdk_modelbuilder import InferenceSpec


class Greenhouse(InferenceSpec):
    """Adds the offset in its artifact to temperatures in Fahrenheit, given in Celsius."""

    def __init__(self, digits):
        self.digits = digits

    def load(self, model_dir):
        sys.stderr.write("the greenhouse is loading\n")
        time.sleep(0.3)  # gives way to other requests, as network calls would
        return float(Path(model_dir, "offset.txt").read_text("utf-8"))

    def invoke(self, input_object, model):
        return [round(greenhouse_units.fahrenheit(value) + model, self.digits) for value in input_object]
