"""The adapter: encoders of texts and scorers of pairs, as objects and as folders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.dependencies.local_source import SCRIPT_MODULES
from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.calls.sentence_transformers import call_encoder
from cdk_modelbuilder.frameworks.hub_folders import forget_this_machine, place_files, quiet
from cdk_modelbuilder.frameworks.model_format import check_format
from cdk_modelbuilder.frameworks.sentence_transformers import folders
from cdk_modelbuilder.frameworks.sentence_transformers.folders import CLASSES, EncoderFolder
from cdk_modelbuilder.frameworks.torch_modules import bases_of, check_module, devices_of, evaluating
from cdk_modelbuilder.images.read_by import ReadBy

_METHODS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "SentenceTransformer": {
        "encode": ("encode", "numpy"),
        "encode_tensor": ("encode", "tensor"),
        "encode_list": ("encode", "list"),
        "encode_query": ("encode_query", "numpy"),
        "encode_document": ("encode_document", "numpy"),
    },
    "CrossEncoder": {
        "predict": ("predict", "numpy"),
        "predict_tensor": ("predict", "tensor"),
        "predict_list": ("predict", "list"),
        "rank": ("rank", "list"),
    },
    "SparseEncoder": {
        "encode": ("encode", "tensor"),
        "encode_tokens": ("encode", "tokens"),
        "encode_numpy": ("encode", "numpy"),
        "encode_query": ("encode_query", "tensor"),
        "encode_document": ("encode_document", "tensor"),
    },
}
"""Class -> method -> the method of the model, and what its answer is made of."""


class SentenceTransformersAdapter:
    """``SentenceTransformer``, ``CrossEncoder``, ``SparseEncoder``, and folders of them.

    Input: a text, a list, array or Series of texts; for a CrossEncoder a pair or a list of pairs, or for ``rank``
    ``{"query": ..., "documents": [...]}``. The answer is an array of float32, a vector for each text or a score for
    each pair; a tensor or a list if ``sample_output`` is one. A SparseEncoder answers with sparse tensors, or with
    words and their weights.
    """

    name = "sentence_transformers"
    model_servers: Sequence[str] = ("mms", "builtin")
    imported_as = "sentence_transformers"
    distribution = "sentence-transformers"
    provided_by: Sequence[str] = ()

    def recognises(self, model: object) -> bool:
        return isinstance(model, EncoderFolder) or _class_of(model) is not None

    def opens(self, path: Path) -> bool:
        return folders.is_folder(path)

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:  # noqa: ARG002 - code in a folder is not run
        return folders.open_folder(path)

    def check(self, model: Any) -> None:
        if isinstance(model, EncoderFolder):
            return
        backend = getattr(model, "backend", "torch")
        if backend != "torch":
            raise ModelError(
                f"the {type(model).__name__} runs on the backend {backend!r}.",
                remedy="Load it with backend='torch'; the files for other backends are not packaged.",
            )
        check_module(model)

    def methods(self, model: Any) -> Sequence[str]:
        import sentence_transformers  # noqa: PLC0415

        name = model.class_name if isinstance(model, EncoderFolder) else str(_class_of(model))
        kind = getattr(sentence_transformers, name)
        return [method for method, (own, _) in _METHODS[name].items() if hasattr(kind, own)]

    def predict(self, model: Any, data: Any, method: str) -> Any:
        encoder = model.model if isinstance(model, EncoderFolder) else model
        with evaluating(encoder):
            return call_encoder(encoder, data, *_METHODS[str(_class_of(encoder))][method])

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - the format holds no code
        sample: Any,  # noqa: ARG002 - it is not traced
    ) -> SavedModel:
        check_format(
            model_format,
            ["safetensors"],
            what="models of sentence-transformers",
            remedy="Leave it out: they are saved as safetensors.",
        )
        notes = []
        if isinstance(model, EncoderFolder):
            place_files(model.path, folder)
            encoder = model.model
        else:
            encoder = model
            with quiet():
                model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
            forget_this_machine(folder)
            if model.training:
                notes.append("the model is in training mode; it is packaged in evaluation mode.")
            if devices_of(model) not in ([], ["cpu"]):
                notes.append("weights on a GPU are saved for the CPU; a GPU is used where there is one.")
        own = folders.foreign_types(folder)
        hidden = [name for name in own if name.rpartition(".")[0] in SCRIPT_MODULES]
        if hidden:
            raise ModelError(
                f"the model is put together from {hidden[0]}, a class of a script.",
                remedy="Define it in a module of its own, which the folder can name.",
            )
        kind = str(_class_of(encoder))
        return SavedModel(
            data_format="safetensors",
            model_class=f"sentence_transformers.{kind}",
            template="inference/sentence_transformers.py.jinja",
            template_values={
                "class_name": kind,
                "methods": {name: list(value) for name, value in _METHODS[kind].items()},
                "runs_own_code": bool(own),
            },
            read_by=ReadBy.SAME_MAJOR,
            modules=sorted({"sentence_transformers", "torch", "transformers", *(_module_of(name) for name in own)}),
            notes=notes,
        )

    def version(self) -> str:
        import sentence_transformers  # noqa: PLC0415

        return str(sentence_transformers.__version__)


def _class_of(model: object) -> str | None:
    """Name of the class of sentence-transformers that ``model`` is one of; its modules alone are plain PyTorch."""
    names = [name for name in bases_of(model) if name.startswith("sentence_transformers.")]
    return next((kind for name in names for kind in CLASSES if name.endswith(f".{kind}")), None)


def _module_of(name: str) -> str:
    return name.rpartition(".")[0]
