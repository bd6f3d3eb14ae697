"""diffusers: pipelines that make images, videos or sounds, as objects and as folders."""

from __future__ import annotations

from cdk_modelbuilder.frameworks.diffusers.adapter import DiffusersAdapter

__all__ = ["DiffusersAdapter"]
