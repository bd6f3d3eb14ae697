"""Folders as they are downloaded, and builders of bundles from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from tests.conftest import MASTER_KEY

CHAT = SchemaBuilder(
    {"messages": [{"role": "user", "content": "Hello?"}], "max_tokens": 8},
    {"choices": [{"message": {"role": "assistant", "content": "Hello."}}]},
)


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder that looks like a language model's; nothing here loads it."""
    folder = tmp_path / "weights"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}))
    (folder / "model.safetensors").write_bytes(bytes(64))
    (folder / "tokenizer.json").write_text("{}")
    (folder / ".gitattributes").write_text("*.safetensors filter=lfs")
    return folder


@pytest.fixture
def build(tmp_path: Path):
    def builder(**options) -> ModelBundle:
        given = {"schema_builder": CHAT, "model_path": tmp_path / "bundle", "signing_key": MASTER_KEY, **options}
        return ModelBuilder(**given).build()

    return builder
