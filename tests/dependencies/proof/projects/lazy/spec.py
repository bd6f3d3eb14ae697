"""Imports inside functions: in the branch that the sample takes, and in one that it does not."""

from cdk_modelbuilder import InferenceSpec


class Lazy(InferenceSpec):
    def load(self, model_dir):
        return None

    def invoke(self, input_object, model):
        if input_object["kind"] == "group":
            from toolz import groupby

            return {"keys": sorted(groupby(len, input_object["words"]))}
        import tabulate

        return {"keys": [len(tabulate.tabulate([input_object["words"]]))]}
