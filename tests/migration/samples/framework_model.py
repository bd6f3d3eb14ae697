"""The minimum: a model, samples, a role; then build() and deploy()."""

import xgboost as xgb
from sagemaker.serve.builder.model_builder import ModelBuilder
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.mode.function_pointers import Mode
from sklearn.datasets import load_iris

features, labels = load_iris(return_X_y=True)
clf = xgb.XGBClassifier(n_estimators=5).fit(features, labels)

model_builder = ModelBuilder(
    model=clf,
    schema_builder=SchemaBuilder(sample_input=features[:5], sample_output=clf.predict(features[:5])),
    role_arn="arn:aws:iam::111122223333:role/endpoint",
)
model = model_builder.build()
predictor = model.deploy(mode=Mode.IN_PROCESS, initial_instance_count=1, instance_type="ml.c6i.xlarge")
answer = predictor.predict(features[50:53])
expected = clf.predict(features[50:53])
