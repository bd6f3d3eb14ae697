"""A pipeline with a function of a local module, and with a class that this script defines."""

import sys

import more_itertools
import numpy as np
from features.counting import with_counts
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from cdk_modelbuilder import ModelBuilder, SchemaBuilder


class Doubled(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.asarray([list(more_itertools.repeat_each(row, 2)) for row in X])


if __name__ == "__main__":
    X = np.arange(24.0).reshape(8, 3)
    model = make_pipeline(FunctionTransformer(with_counts), Doubled(), LinearRegression()).fit(X, X.sum(axis=1))
    schema = SchemaBuilder(X[:2], model.predict(X[:2]), keep_samples=True)
    ModelBuilder(model=model, schema_builder=schema, name="proof", model_path=sys.argv[1]).build()
