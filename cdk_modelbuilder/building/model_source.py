"""What ``model=`` means where it is text: a file or folder here, a prefix in S3, a hub's model, an MLflow URI."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError, UsageError

_HUB_ID = re.compile(r"(?P<name>[\w.-]{1,96}(?:/[\w.-]{1,96})?)(?:@(?P<revision>[\w./-]{1,200}))?", flags=re.ASCII)
_S3 = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/\S*", flags=re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model of the Hugging Face hub, which the container downloads when it starts.

    Attributes:
        name: Such as ``org/model``.
        revision: Branch, tag or commit; None for the default branch, whatever it holds then.
    """

    name: str
    revision: str | None = None

    @property
    def is_pinned(self) -> bool:
        """Whether the revision names one content for ever."""
        return self.revision is not None and _COMMIT.fullmatch(self.revision) is not None


@dataclass(frozen=True, slots=True)
class S3Model:
    """Files in S3 that the endpoint reads where they are.

    Attributes:
        uri: A prefix that ends in a slash, or an archive ``.../model.tar.gz``.
    """

    uri: str


def read_source(model: Any) -> Any:
    """``model`` itself if it is an object; else what its text or path names.

    Returns:
        The object, an existing :class:`~pathlib.Path`, a :class:`HubModel`, an :class:`S3Model`, or an MLflow URI as it
        is.

    Raises:
        ModelError: A path that does not exist, or text that is none of these.
        UsageError: A malformed S3 URI.
    """
    if isinstance(model, Path):
        return _existing(model)
    if not isinstance(model, str):
        return model
    if model.startswith("s3:"):
        return _s3(model)
    if model.startswith(("models:/", "runs:/", "mlflow-artifacts:/")):
        return model
    path = Path(model).expanduser()
    if path.exists():
        return path
    found = _HUB_ID.fullmatch(model.removeprefix("hf://"))
    if found is None or model.startswith((".", "/", "~")) or path.suffix in _FILE_ENDINGS:
        raise ModelError(
            f"model is {model!r}, and there is no such file or folder.",
            remedy="Give an existing path, 's3://bucket/prefix/', a hub id such as 'org/model@revision', or an MLflow "
            "URI such as 'models:/name/1'.",
        )
    return HubModel(found["name"], found["revision"])


_FILE_ENDINGS = frozenset(
    {".bin", ".cbm", ".joblib", ".json", ".keras", ".model", ".onnx", ".pickle", ".pkl", ".pt", ".pt2", ".pth"}
    | {".safetensors", ".skops", ".txt", ".ubj"}
)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise ModelError(f"model is the path {path}, which does not exist.", remedy="Give an existing file or folder.")
    return path


def _s3(uri: str) -> S3Model:
    if not _S3.fullmatch(uri) or not uri.endswith(("/", ".tar.gz")):
        raise UsageError(
            f"model is {uri!r}, which names neither a prefix nor an archive in S3.",
            remedy="Write 's3://bucket/prefix/' with a slash at its end for files as they are, or "
            "'s3://bucket/.../model.tar.gz'.",
        )
    return S3Model(uri)


def check_downloads(source: Any, secrets: Mapping[str, str], *, download: bool) -> None:
    """Refuse a hub's token for a container that downloads nothing: what it does not need it should not have.

    Raises:
        UsageError: That is so.
    """
    if secrets and (download or not isinstance(source, HubModel | None)):
        raise UsageError(
            "hub_token_secret is for a container that downloads its model, and this one's model is brought to it.",
            remedy="Leave it out. download=True takes the HF_TOKEN of whoever builds.",
        )


def download(hub: HubModel) -> Path:
    """The folder of a hub's model on this machine, downloaded unless it is in the hub's cache.

    Raises:
        ModelError: ``huggingface_hub`` is not installed, or the hub does not give it.
    """
    try:
        from huggingface_hub import snapshot_download  # noqa: PLC0415 - an optional library
    except ImportError:
        raise ModelError(
            "downloading from the hub needs the package huggingface_hub.", remedy="Run: pip install huggingface_hub"
        ) from None
    try:
        return Path(snapshot_download(hub.name, revision=hub.revision))
    except Exception as error:  # whatever its HTTP client raises
        if type(error).__name__ == "GatedRepoError":
            raise ModelError(
                f"{hub.name} is gated: the hub gives it to those who have accepted its terms.",
                remedy=f"Accept them at https://huggingface.co/{hub.name}, and set HF_TOKEN to a token of yours that "
                "may read it.",
            ) from error
        raise ModelError(
            f"the hub does not give {hub.name}: {type(error).__name__}: {str(error).splitlines()[0]}",
            remedy="Is there a network, is the id right, and does HF_TOKEN allow it? Or give the path of a folder that "
            "you downloaded.",
        ) from error
