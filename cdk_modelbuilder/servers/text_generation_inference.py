"""Hugging Face Text Generation Inference, which is archived: for endpoints that have it already.

Source: huggingface/text-generation-inference, ``sagemaker-entrypoint.sh`` and ``docs/source/reference/launcher.md``.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.servers.base import ModelServer
from cdk_modelbuilder.servers.native import NativeServer


class TextGenerationInference(NativeServer):
    """Language models; requests are ``{"inputs": ..., "parameters": {...}}``."""

    name: str = ModelServer.TGI
    title: str = "Text Generation Inference"

    def model_environment(self, model: str, revision: str | None) -> Mapping[str, str]:
        return {"HF_MODEL_ID": model, **({} if revision is None else {"HF_MODEL_REVISION": revision})}
