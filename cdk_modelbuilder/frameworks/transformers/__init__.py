"""Hugging Face transformers: pipelines, models with their tokenizer or processor, and folders of them."""

from __future__ import annotations

from cdk_modelbuilder.frameworks.transformers.adapter import TransformersAdapter

__all__ = ["TransformersAdapter"]
