"""Stands in for ``sagemaker_sklearn_container.serving`` and ``sagemaker_xgboost_container.serving`` in script mode.

Neither is on PyPI. Both hand the user's four hooks to the toolkit on the first request, ``/ping`` included, so a model
that cannot be loaded is an endpoint that never becomes healthy. Runs in the toolkit's environment, under gunicorn.
"""

import functools
import importlib

from sagemaker_containers.beta.framework import env, transformer, worker


@functools.cache  # what raised is not kept, so every request tries again to load a model that failed
def _app():
    serving = env.ServingEnv()
    hooks = importlib.import_module(serving.module_name)
    calls = transformer.Transformer(
        model_fn=hooks.model_fn, input_fn=hooks.input_fn, predict_fn=hooks.predict_fn, output_fn=hooks.output_fn
    )
    calls.initialize()
    return worker.Worker(transform_fn=calls.transform, module_name=serving.module_name)


def main(environ, start_response):
    """The WSGI application that gunicorn is told to serve."""
    return _app()(environ, start_response)
