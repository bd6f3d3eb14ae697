import sys

from spec import Optional

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

schema = SchemaBuilder({"items": [1, 2, 3]}, {"text": "[3,3]"}, keep_samples=True)
ModelBuilder(inference_spec=Optional(), schema_builder=schema, name="proof", model_path=sys.argv[1]).build()
