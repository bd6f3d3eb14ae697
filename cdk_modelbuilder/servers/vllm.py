"""vLLM in AWS's own image: it serves the model's folder under the bundle's name, and answers as OpenAI's API does.

Source: aws/deep-learning-containers, ``scripts/docker/vllm/sagemaker_entrypoint.sh`` and ``sagemaker_args.py``: every
``SM_VLLM_X_Y`` becomes ``--x-y``.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.servers.base import Layout, ModelServer
from cdk_modelbuilder.servers.native import NativeServer


class Vllm(NativeServer):
    """Language models; requests are those of OpenAI's API."""

    name: str = ModelServer.VLLM
    title: str = "vLLM"

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {**super().environment(layout), "SM_VLLM_SERVED_MODEL_NAME": layout.name}

    def model_environment(self, model: str, revision: str | None) -> Mapping[str, str]:
        return {"SM_VLLM_MODEL": model, **({} if revision is None else {"SM_VLLM_REVISION": revision})}
