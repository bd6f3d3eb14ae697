"""Writes what a model server wants beside the inference code."""

from __future__ import annotations

from pathlib import Path

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.servers import Layout, ServerAdapter


def write(server: ServerAdapter, layout: Layout, model_dir: Path) -> None:
    """Write the server's files below ``model_dir``.

    Raises:
        ModelError: The model has a file of that name itself.
    """
    for path, text in sorted(server.files(layout).items()):
        place = model_dir / path
        if place.exists():
            raise ModelError(
                f"the model has a file {path}, which {server.title} needs to be its own.", remedy="Rename the model's."
            )
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
