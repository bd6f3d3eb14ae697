"""A plain pipeline; the environment holds much else."""

import sys

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cdk_modelbuilder import ModelBuilder, SchemaBuilder

X = np.arange(24.0).reshape(8, 3)
y = np.array([0, 0, 0, 1, 0, 1, 1, 1])
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
schema = SchemaBuilder(X[:2], model.predict(X[:2]), keep_samples=True)
ModelBuilder(model=model, schema_builder=schema, name="proof", model_path=sys.argv[1]).build()
