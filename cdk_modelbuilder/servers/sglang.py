"""SGLang in AWS's image.

Source: aws/deep-learning-containers, ``scripts/docker/sglang/sagemaker_entrypoint.sh``: every ``SM_SGLANG_X_Y`` becomes
``--x-y``.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.servers.base import Layout, ModelServer
from cdk_modelbuilder.servers.native import NativeServer


class Sglang(NativeServer):
    """Language models; requests are those of OpenAI's API."""

    name: str = ModelServer.SGLANG
    title: str = "SGLang"

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {**super().environment(layout), "SM_SGLANG_SERVED_MODEL_NAME": layout.name}

    def model_environment(self, model: str, revision: str | None) -> Mapping[str, str]:
        return {"SM_SGLANG_MODEL_PATH": model, **({} if revision is None else {"SM_SGLANG_REVISION": revision})}
