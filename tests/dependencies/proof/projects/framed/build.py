"""Nothing in the pickle names pandas, and the pipeline makes DataFrames when it predicts."""

import sys

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

X = np.arange(24.0).reshape(8, 3)
model = make_pipeline(StandardScaler(), Ridge()).set_output(transform="pandas").fit(X, X.sum(axis=1))
schema = SchemaBuilder(X[:2], model.predict(X[:2]), keep_samples=True)
ModelBuilder(model=model, schema_builder=schema, name="proof", model_path=sys.argv[1]).build()
