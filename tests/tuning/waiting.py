"""A model whose speed depends on nothing but how many requests it is given at a time."""

from cdk_modelbuilder import InferenceSpec


class Waiting(InferenceSpec):
    """Waits as for a database: threads make it faster on any machine. Seven threads of a library are too many."""

    def load(self, model_dir):
        import os

        if os.environ.get("OMP_NUM_THREADS") == "7":
            raise MemoryError("a planted setting")
        return 0.03

    def invoke(self, input_object, model):
        import time

        time.sleep(model)
        return input_object
