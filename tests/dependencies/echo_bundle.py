"""A bundle that needs no package, and whose model does what variables of the environment say."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from cdk_modelbuilder import ModelBuilder, SchemaBuilder
from cdk_modelbuilder.bundle import ModelBundle
from tests.conftest import MASTER_KEY

SOURCE = """
import importlib
import os
import signal
import time

from cdk_modelbuilder import InferenceSpec


class Echo(InferenceSpec):
    def load(self, model_dir):
        print("the model prints")
        for name in os.environ.get("ECHO_IMPORTS", "").split():
            importlib.import_module(name)
        if "ECHO_FAILS" in os.environ:
            raise RuntimeError(os.environ["ECHO_FAILS"])
        if "ECHO_CRASHES" in os.environ:
            os.kill(os.getpid(), signal.SIGSEGV)
        time.sleep(float(os.environ.get("ECHO_SLEEPS", "0")))
        return os.environ.get("ECHO_ANSWERS")

    def invoke(self, input_object, model):
        return model or input_object.upper()
"""


def build_echo(folder: Path, *, keep_samples: bool = True) -> ModelBundle:
    """Build it in ``folder``."""
    folder.mkdir(parents=True)
    name = f"echo_spec_of_{folder.name}"
    path = folder / f"{name}.py"
    path.write_text(SOURCE)
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    sys.path.insert(0, str(folder))
    try:
        return ModelBuilder(
            inference_spec=module.Echo(),
            schema_builder=SchemaBuilder("hello", "HELLO", keep_samples=keep_samples),
            name="echo",
            model_path=folder / "echo",
            signing_key=MASTER_KEY,
            dependencies={"lock": False},
        ).build()
    finally:
        sys.path.remove(str(folder))
        del sys.modules[name]
