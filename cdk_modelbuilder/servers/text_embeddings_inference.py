"""Hugging Face Text Embeddings Inference.

Source: aws/deep-learning-containers, ``docker/tei/1.9.3/cpu/entrypoint.sh``: ``HF_MODEL_ID`` must be set, and may be a
path.
"""

from __future__ import annotations

from collections.abc import Mapping

from cdk_modelbuilder.servers.base import Layout, ModelServer
from cdk_modelbuilder.servers.native import NativeServer


class TextEmbeddingsInference(NativeServer):
    """Embedding models; requests are ``{"inputs": "text"}`` or ``{"inputs": ["text", ...]}``."""

    name: str = ModelServer.TEI
    title: str = "Text Embeddings Inference"

    def environment(self, layout: Layout) -> Mapping[str, str]:
        return {**super().environment(layout), "PAYLOAD_LIMIT": str(layout.max_payload_bytes)}

    def model_environment(self, model: str, revision: str | None) -> Mapping[str, str]:
        return {"HF_MODEL_ID": model, **({} if revision is None else {"HF_MODEL_REVISION": revision})}
