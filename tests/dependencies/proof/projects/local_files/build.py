import sys

from churn.spec import Churn

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

schema = SchemaBuilder({"value": 2}, {"value": "six", "names": 3}, keep_samples=True)
ModelBuilder(inference_spec=Churn(), schema_builder=schema, name="proof", model_path=sys.argv[1]).build()
