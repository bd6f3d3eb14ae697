import sys

from spec import Events

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

schema = SchemaBuilder({"day": "2021-05-02T10:00:00Z"}, {"schemas": 1}, keep_samples=True)
ModelBuilder(inference_spec=Events(), schema_builder=schema, name="proof", model_path=sys.argv[1]).build()
