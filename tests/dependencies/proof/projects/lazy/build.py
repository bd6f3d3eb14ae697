import sys

from spec import Lazy

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

schema = SchemaBuilder({"kind": "group", "words": ["a", "b", "cc"]}, {"keys": [1, 2]}, keep_samples=True)
ModelBuilder(inference_spec=Lazy(), schema_builder=schema, name="proof", model_path=sys.argv[1]).build()
