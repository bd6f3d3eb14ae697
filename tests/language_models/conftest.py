from __future__ import annotations

import pytest

from cdk_modelbuilder.language_models import read_model
from tests.language_models.architectures import PUBLISHED, write_model


@pytest.fixture(scope="session")
def facts(tmp_path_factory):
    """What is read of each published model; 70B comes in four files, MiniLM and Gemma in 32 bits, as published."""
    folder = tmp_path_factory.mktemp("models")
    return {
        name: read_model(
            write_model(
                folder / name,
                published.config,
                dtype="F32" if name in ("minilm", "gemma-2-9b") else "BF16",
                files=4 if name == "llama-3-70b" else 1,
            )
        )
        for name, published in PUBLISHED.items()
    }
