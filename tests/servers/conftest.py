"""Folders as they are downloaded, and builders of bundles from them."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from tests.conftest import MASTER_KEY
from tests.language_models.architectures import PUBLISHED, llama, write_model

CHAT = SchemaBuilder(
    {"messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 8},
    {"choices": [{"message": {"role": "assistant", "content": "Hello."}}]},
)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder of a small language model; nothing here loads it."""
    folder = write_model(tmp_path / "weights", llama(2, 64, 128, 4, 4, 100, 512))
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs")
    return folder


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    """A folder of a small model that embeds text."""
    small = PUBLISHED["minilm"].config | {"num_hidden_layers": 1, "vocab_size": 100}
    return write_model(tmp_path / "encoder", small, dtype="F32")


@pytest.fixture
def build(tmp_path: Path):
    def builder(**options) -> ModelBundle:
        given = {"schema_builder": CHAT, "model_path": tmp_path / "bundle", "signing_key": MASTER_KEY, **options}
        return ModelBuilder(**given).build()

    return builder
