import sys

from spec import Client

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

schema = SchemaBuilder({"method": "get"}, {"method": "GET"}, keep_samples=True)
custom = {"custom": ["httpx[http2]"]} if sys.argv[2] == "listed" else None
ModelBuilder(
    inference_spec=Client(), schema_builder=schema, name="proof", model_path=sys.argv[1], dependencies=custom
).build()
