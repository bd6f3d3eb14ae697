"""A spec with steps of its own around the model, which it loads when the endpoint starts."""

from sagemaker.serve.builder.model_builder import ModelBuilder
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.mode.function_pointers import Mode
from sagemaker.serve.spec.inference_spec import InferenceSpec


class Shouting(InferenceSpec):
    def preprocess(self, input_data):
        return input_data.strip()

    def load(self, model_dir: str):
        return str.upper

    def invoke(self, input_object, model):
        return model(input_object)

    def postprocess(self, predictions):
        return f"{predictions}!"


model = ModelBuilder(
    inference_spec=Shouting(), schema_builder=SchemaBuilder(" hello ", "HELLO!"), mode=Mode.IN_PROCESS
).build()
predictor = model.deploy()
answer, expected = predictor.predict(" good morning"), "GOOD MORNING!"
