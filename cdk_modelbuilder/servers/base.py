"""What a server adapter decides."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol


class ModelServer(StrEnum):
    """The model server inside a container; it decides the layout of the files."""

    SKLEARN = "sklearn"
    """SageMaker's scikit-learn container."""
    XGBOOST = "xgboost"
    """SageMaker's XGBoost container in script mode."""


class ServerAdapter(Protocol):
    """How one server family is fed.

    Attributes:
        template: The template of ``code/inference.py``, below ``templates/``.
        max_payload_bytes: Largest request body that the server takes.
        requirements_file: Where the server looks for packages to install when it starts, below the model's folder.
        takes_hashes: Whether it installs that file in a way that allows for hashes.
    """

    template: str
    max_payload_bytes: int
    requirements_file: str
    takes_hashes: bool

    def environment(self, mount_path: str) -> Mapping[str, str]:
        """Variables that the server needs, for a model mounted at ``mount_path``."""
        ...
