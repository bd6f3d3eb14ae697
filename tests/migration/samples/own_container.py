"""A container of one's own: the image and the server in it, because the files' layout depends on the server."""

import xgboost as xgb
from sagemaker.serve import ModelBuilder, ModelServer
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.mode.function_pointers import Mode
from sklearn.datasets import load_iris

features, labels = load_iris(return_X_y=True)
clf = xgb.XGBClassifier(n_estimators=5).fit(features, labels)

model_builder = ModelBuilder(
    model=clf,
    model_server=ModelServer.TORCHSERVE,
    schema_builder=SchemaBuilder(features[:5], clf.predict(features[:5])),
    image_uri="111122223333.dkr.ecr.us-west-2.amazonaws.com/byoc-image:xgb-3.2",
    mode=Mode.SAGEMAKER_ENDPOINT,
    role_arn="arn:aws:iam::111122223333:role/endpoint",
)
model = model_builder.build()
predictor = model.deploy(mode=Mode.IN_PROCESS)
answer, expected = predictor.predict(features[:2]), clf.predict(features[:2])
