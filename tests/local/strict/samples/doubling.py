"""Doubles numbers, and refuses thirteen."""

from cdk_modelbuilder import InferenceSpec


class Doubler(InferenceSpec):
    def load(self, model_dir):
        return 2.0

    def invoke(self, input_object, model):
        if float(input_object.ravel()[0]) == 13.0:
            raise ValueError("thirteen is not for doubling")
        return input_object * model
