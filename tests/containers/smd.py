"""The SageMaker Distribution's inference server, without an image: tornado as it is published, by the same rules.

aws/sagemaker-distribution's ``sagemaker-inference-server`` calls what SAGEMAKER_INFERENCE_CODE names in a thread and
writes what it returns; whatever is raised is a 500.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cdk_modelbuilder import ModelBundle
from tests.containers.environments import KeptEnvironment
from tests.containers.serving import ServingContainer
from tests.containers.toolkit import read_only_for

ENVIRONMENT = KeptEnvironment(
    name="cdk-modelbuilder-smd-venv",
    folder_variable="CDK_MODELBUILDER_SMD_VENV",
    requirements=Path(__file__).with_name("smd-requirements.txt"),
    model_packages=("numpy",),
)

_SERVER = """\
import asyncio
import importlib
import os
import sys

import tornado.web

sys.path.insert(0, os.environ["SAGEMAKER_INFERENCE_CODE_DIRECTORY"])
module, name = os.environ["SAGEMAKER_INFERENCE_CODE"].split(".")
handler = getattr(importlib.import_module(module), name)


class Invocations(tornado.web.RequestHandler):
    async def post(self):
        self.write(await asyncio.get_running_loop().run_in_executor(None, handler, self.request))


class Ping(tornado.web.RequestHandler):
    def get(self):
        self.write("")


async def main():
    app = tornado.web.Application([("/invocations", Invocations), ("/ping", Ping)])
    app.listen(int(os.environ["SAGEMAKER_BIND_TO_PORT"]), "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main())
"""


class SmdContainer(ServingContainer):
    """Tornado with the bundle's handler."""

    def __init__(self, python: Path, bundle: ModelBundle, secrets: Mapping[str, str], base: Path) -> None:
        super().__init__(python, bundle, secrets, base)
        server = base / "server.py"
        server.write_text(_SERVER)
        self.start([*read_only_for(self.model_dir), self.layer / "bin" / "python", server])
