"""What one copy takes, for an endpoint of inference components; here until the endpoint itself."""

import xgboost as xgb
from sagemaker.compute_resource_requirements.resource_requirements import ResourceRequirements
from sagemaker.enums import EndpointType
from sagemaker.serve.builder.model_builder import ModelBuilder
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.mode.function_pointers import Mode
from sklearn.datasets import load_iris

features, labels = load_iris(return_X_y=True)
clf = xgb.XGBClassifier(n_estimators=5).fit(features, labels)
model = ModelBuilder(model=clf, schema_builder=SchemaBuilder(features[:5], clf.predict(features[:5]))).build()
predictor = model.deploy(
    mode=Mode.IN_PROCESS,  # where it would say SAGEMAKER_ENDPOINT
    initial_instance_count=1,
    instance_type="ml.g5.24xlarge",
    role="arn:aws:iam::111122223333:role/endpoint",
    endpoint_type=EndpointType.INFERENCE_COMPONENT_BASED,
    resources=ResourceRequirements(requests={"num_accelerators": 4, "memory": 1024, "copies": 1}, limits={}),
)
answer, expected = predictor.predict(features[:2]), clf.predict(features[:2])
