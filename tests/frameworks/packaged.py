"""Packages a model and serves the bundle in a process of its own, without looking for packages."""

from __future__ import annotations

from contextlib import contextmanager
from importlib.metadata import version

OWN_IMAGE = {"image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1", "model_server": "sklearn"}


def public_version(name):
    """A line for the lock: builds for the CPU have a local version, which no index has."""
    return f"{name}=={version(name).partition('+')[0]}"


def build(model, sample_input, sample_output, folder, *, free_axes=(0,), **options):
    """The bundle."""
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    dependencies = {"auto": False, "custom": [public_version("torch")]}
    schema = SchemaBuilder(sample_input, sample_output, free_axes=free_axes)
    options = {**OWN_IMAGE, "dependencies": dependencies, "archive": False, **options}
    return ModelBuilder(model=model, schema_builder=schema, name="deep", model_path=folder / "deep", **options).build()


@contextmanager
def served(bundle):
    """A predictor for the bundle."""
    from cdk_modelbuilder import Mode

    with bundle.deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        yield predictor
