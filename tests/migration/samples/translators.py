"""Both translators: an image goes in, and a label with its brightness comes out."""

import io
import json

from PIL import Image
from sagemaker.serve.builder.model_builder import ModelBuilder
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.marshalling.custom_payload_translator import CustomPayloadTranslator
from sagemaker.serve.mode.function_pointers import Mode
from sagemaker.serve.spec.inference_spec import InferenceSpec


class ImageTranslator(CustomPayloadTranslator):
    def serialize_payload_to_bytes(self, payload: object) -> bytes:
        buffer = io.BytesIO()
        payload.save(buffer, "PNG")
        return buffer.getvalue()

    def deserialize_payload_from_stream(self, stream) -> object:
        return Image.open(io.BytesIO(stream.read())).convert("L")


class LabelTranslator(CustomPayloadTranslator):
    def serialize_payload_to_bytes(self, payload: object) -> bytes:
        return json.dumps(payload).encode()

    def deserialize_payload_from_stream(self, stream) -> object:
        return json.loads(stream.read())


class Brightness(InferenceSpec):
    def load(self, model_dir: str):
        return 127

    def invoke(self, input_object, model):
        mean = sum(input_object.get_flattened_data() if hasattr(input_object, "get_flattened_data") else
                   input_object.getdata()) / (input_object.width * input_object.height)  # fmt: skip
        return {"label": "light" if mean > model else "dark", "mean": mean}


image = Image.new("L", (4, 4), 200)
schema = SchemaBuilder(
    sample_input=image,
    sample_output={"label": "light", "mean": 200.0},
    input_translator=ImageTranslator(),
    output_translator=LabelTranslator(),
)
model = ModelBuilder(mode=Mode.IN_PROCESS, inference_spec=Brightness(), schema_builder=schema).build()
predictor = model.deploy()
answer, expected = predictor.predict(Image.new("L", (4, 4), 10)), {"label": "dark", "mean": 10.0}
