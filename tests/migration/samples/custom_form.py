"""The customised form: the folder of the model's files is the model_path, and the spec loads them from it."""

import json
from pathlib import Path

from sagemaker.serve.builder.model_builder import ModelBuilder
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.mode.function_pointers import Mode
from sagemaker.serve.spec.inference_spec import InferenceSpec

folder = Path(__file__).with_name("phrases")
folder.mkdir(exist_ok=True)
(folder / "english_french.json").write_text(json.dumps({"How is the demo going?": "Comment la démo va-t-elle?"}))
(folder / "wishes.txt").write_text("packaging\n")


class Translation(InferenceSpec):
    def load(self, model_dir: str):
        return json.loads(Path(model_dir, "english_french.json").read_text())

    def invoke(self, input, model):  # noqa: A002
        return model.get(input, "?")


model_builder = ModelBuilder(
    mode=Mode.IN_PROCESS,
    model_path=str(folder),
    inference_spec=Translation(),
    schema_builder=SchemaBuilder("How is the demo going?", "Comment la démo va-t-elle?"),
    role_arn="arn:aws:iam::111122223333:role/endpoint",
    dependencies={"auto": False, "requirements": str(folder / "wishes.txt"), "custom": ["packaging>=24"]},
)
predictor = model_builder.build().deploy(initial_instance_count=1, instance_type="ml.c6i.xlarge")
answer, expected = predictor.predict("How is the demo going?"), "Comment la démo va-t-elle?"
