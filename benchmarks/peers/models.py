"""The two models that every server has: one that does nothing, and a small one of scikit-learn."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import numpy as np

from cdk_modelbuilder import InferenceSpec, ModelBuilder, ModelBundle, SchemaBuilder

ROWS = np.array([[5.1, 3.5, 1.4, 0.2]])
ANSWER = np.array([[1.0, 2.0, 3.0]])
MODELS = ("no-op", "scikit-learn")


class NoOp(InferenceSpec):
    """Answers the same whatever it is asked."""

    def load(self, model_dir):  # noqa: ARG002
        return ANSWER

    def invoke(self, input_object, model):  # noqa: ARG002
        return model


def classifier():
    """A logistic regression on iris: a class for four numbers."""
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    features, labels = load_iris(return_X_y=True)
    return LogisticRegression(max_iter=1000).fit(features, labels)


def predictions_per_second(seconds: float = 2.0) -> float:
    """How often one thread calls the classifier; for :func:`benchmarks.measure.fresh`."""
    model = classifier()
    model.predict(ROWS)
    count, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        model.predict(ROWS)
        count += 1
    return count / (time.perf_counter() - began)


def build(model: str, path: Path, model_server: str | None = None) -> ModelBundle:
    """A bundle of the model, for the server or for process mode."""
    logging.getLogger("cdk_modelbuilder").setLevel(logging.ERROR)
    if model == "no-op":
        what, sample = {"inference_spec": NoOp()}, ANSWER
    else:
        found = classifier()
        what, sample = {"model": found}, found.predict(ROWS)
    options = {"dependencies": {"auto": False, "custom": ["numpy"]} if model == "no-op" else {"auto": False}}
    if model_server is not None:
        options["dependencies"] |= {"packaging": "image"}
        options |= {"model_server": model_server, "image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1"}
    return ModelBuilder(**what, schema_builder=SchemaBuilder(ROWS, sample), model_path=path, **options).build()
