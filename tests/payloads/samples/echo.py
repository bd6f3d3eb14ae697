"""A model that gives back what it gets, and one that gives back a translator's payload."""

from cdk_modelbuilder import InferenceSpec


class Echo(InferenceSpec):
    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        return input_object


class EchoStream(InferenceSpec):
    """Gives back a list's items one by one."""

    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        yield from input_object
