"""The mode at the builder, another one at build(): moving is one argument."""

import xgboost as xgb
from sagemaker.serve.builder.model_builder import ModelBuilder
from sagemaker.serve.builder.schema_builder import SchemaBuilder
from sagemaker.serve.mode.function_pointers import Mode
from sklearn.datasets import load_breast_cancer

X, y = load_breast_cancer(return_X_y=True)
booster = xgb.XGBClassifier(n_estimators=5).fit(X, y)

builder_local = ModelBuilder(
    model=booster,
    schema_builder=SchemaBuilder(X[:3], booster.predict(X[:3])),
    role_arn="arn:aws:iam::111122223333:role/endpoint",
    mode=Mode.LOCAL_CONTAINER,
)
predictor = builder_local.build(mode=Mode.IN_PROCESS).deploy()
answer, expected = predictor.predict(X[:2]), booster.predict(X[:2])
