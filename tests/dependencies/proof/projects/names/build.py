import sys

from spec import Names

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

sample = {"page": "<p>hello</p>", "day": "2 May 2021"}
schema = SchemaBuilder(sample, {"text": "hello", "year": 4042, "value": 1.0}, keep_samples=True)
ModelBuilder(inference_spec=Names(), schema_builder=schema, name="proof", model_path=sys.argv[1]).build()
