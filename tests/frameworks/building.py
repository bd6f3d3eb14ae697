"""Builds a bundle of a model in an image of one's own, and asks it as it would be asked in a container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cdk_modelbuilder import Mode, ModelBuilder, SchemaBuilder
from cdk_modelbuilder.bundle import ModelBundle

OWN_IMAGE: dict[str, Any] = {
    "image_uri": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1",
    "model_server": "sklearn",
    "archive": False,
}
"""With it no catalogue of images is asked."""
NO_PACKAGES: dict[str, Any] = {"auto": False}
"""For tests that are not about packages."""


def build(
    model: Any,
    sample: Any,
    answer: Any,
    folder: Path,
    *,
    method: str | None = None,
    dependencies: dict[str, Any] | None = None,
    **options: Any,
) -> ModelBundle:
    """The bundle; build() has compared the packaged prediction with the one in memory."""
    return ModelBuilder(
        model=model,
        schema_builder=SchemaBuilder(sample, answer),
        name="tried",
        model_path=folder / "tried",
        predict_method=method,
        dependencies=NO_PACKAGES if dependencies is None else dependencies,
        **{**OWN_IMAGE, **options},
    ).build()


def answers(model: Any, sample: Any, answer: Any, folder: Path, **options: Any) -> Any:
    """What the bundle's endpoint, a process of its own, answers to the sample."""
    with build(model, sample, answer, folder, **options).deploy(mode=Mode.LOCAL_PROCESS) as predictor:
        return predictor.predict(sample)
