"""Where the weights of a LoRA adapter are that an inference component loads: in S3 already, or in a folder here."""

from __future__ import annotations

import tempfile
from pathlib import Path

from constructs import Construct

from cdk_modelbuilder.constructs.arguments import check_s3_uri
from cdk_modelbuilder.constructs.artifact import add_archive
from cdk_modelbuilder.constructs.container import BundleContainer, Container
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.language_models.lora import LoraAdapter, read_adapter, weights_in
from cdk_modelbuilder.language_models.lora_archive import write_lora_archive
from cdk_modelbuilder.language_models.lora_settings import check_room
from cdk_modelbuilder.language_models.server_rules import is_served_as_language_model

AdapterWeights = str | Path
"""An archive in S3, or the folder that PEFT wrote."""


def check_weights(name: str, weights: AdapterWeights) -> None:
    """Refuse what is neither.

    Raises:
        UsageError: That is so.
    """
    if isinstance(weights, Path):
        return
    check_s3_uri(f"the adapter {name}", weights)
    if weights.endswith("/"):
        raise UsageError(
            f"the adapter {name} is {weights!r}, a prefix; SageMaker fetches one archive.",
            remedy="Give the tar.gz of its files, or its folder here as a Path, which is packed.",
        )


def adapter_uri(scope: Construct, name: str, weights: AdapterWeights, base: Container | None) -> str:
    """The adapter's archive in S3; of a folder here it is made, an asset named by its digest.

    Args:
        scope: The endpoint.
        name: The adapter.
        weights: Where they are.
        base: The container of the base model, where it is known.

    Raises:
        UsageError: The base's server has no room for it.
        ModelError: The folder is no adapter that servers load, or one of another model.
        BundleError: The stack takes no assets.
    """
    check_weights(name, weights)
    adapter = read_adapter(name, weights) if isinstance(weights, Path) else None
    if isinstance(base, BundleContainer):
        _check_base(base, name, adapter)
    if adapter is None:
        assert isinstance(weights, str)
        return weights
    with tempfile.TemporaryDirectory(prefix="lora-") as folder:
        archive = Path(folder, f"{name}.tar.gz")
        digest = write_lora_archive(adapter, archive)
        otherwise = "Put the archive of its files into a bucket of yours, and give its S3 URI."
        return add_archive(scope, archive, digest, asset_id=f"Weights{name}", otherwise=otherwise)


def _check_base(base: BundleContainer, name: str, adapter: LoraAdapter | None) -> None:
    spec = base.bundle.container
    if not is_served_as_language_model(spec.model_server):
        return
    environment = {**spec.environment, **base.environment}
    check_room(spec.model_server, environment, name, None if adapter is None else adapter.rank)
    files = base.bundle.path / "model"
    weights = weights_in(files) if adapter is not None and files.is_dir() else {}
    if adapter is not None and weights:
        adapter.check_fits(weights)
