"""Ray Serve in AWS's Ray containers: a deployment that calls the hooks, behind the container's own front.

Source: aws/deep-learning-containers, ``scripts/docker/ray/sagemaker_entrypoint.sh`` and ``sagemaker_serve.py``: the
model's folder and ``code/`` are on the path, ``code/requirements.txt`` is installed, ``config.yaml`` is run, and the
front passes on body, content type, Accept and status.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.rendering import render
from cdk_modelbuilder.servers.base import Layout, ModelServer, PythonServer


class RayServe(PythonServer):
    """One replica for each GPU, or one."""

    name: str = ModelServer.RAY
    title: str = "Ray Serve"

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {
            "PYTHONDONTWRITEBYTECODE": "1",
            "RAYSERVE_BACKEND_TIMEOUT": str(layout.invocation_seconds),
        }

    def files(self, layout: Layout) -> Mapping[str, str]:
        return {
            "config.yaml": render("servers/ray.yaml.jinja"),
            "code/modelbuilder_ray.py": render(
                "servers/ray.py.jinja",
                gpus=int(layout.accelerated),
                startup_seconds=layout.startup_seconds,
            ),
        }
