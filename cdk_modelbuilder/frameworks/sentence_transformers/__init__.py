"""sentence-transformers: models that make vectors of texts, and models that score pairs of texts."""

from __future__ import annotations

from cdk_modelbuilder.frameworks.sentence_transformers.adapter import SentenceTransformersAdapter

__all__ = ["SentenceTransformersAdapter"]
