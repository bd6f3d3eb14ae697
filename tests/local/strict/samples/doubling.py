"""Doubles numbers, refuses thirteen, and thinks about fourteen for a while."""

import os
import time

import numpy as np

from cdk_modelbuilder import InferenceSpec


class Doubler(InferenceSpec):
    def load(self, model_dir):
        time.sleep(float(os.environ.get("DOUBLER_LOADS_FOR", "0")))
        if "DOUBLER_FAILS" in os.environ:
            raise RuntimeError("there is no two")
        return 2.0

    def invoke(self, input_object, model):
        if float(np.ravel(input_object)[0]) == 13.0:
            raise ValueError("thirteen is not for doubling")
        if float(np.ravel(input_object)[0]) == 14.0:
            time.sleep(5)
        return input_object * model
