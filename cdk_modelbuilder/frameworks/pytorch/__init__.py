"""PyTorch: modules of any depth, TorchScript and exported programs."""

from __future__ import annotations

from cdk_modelbuilder.frameworks.pytorch.adapter import PyTorchAdapter

__all__ = ["PyTorchAdapter"]
