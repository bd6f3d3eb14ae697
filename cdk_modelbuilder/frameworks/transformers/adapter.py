"""The adapter: which task a model of transformers does, and how it is called and saved."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks import torch_calls
from cdk_modelbuilder.frameworks.base import SavedModel
from cdk_modelbuilder.frameworks.calls.transformers import call_pipeline, call_text2text
from cdk_modelbuilder.frameworks.hub_folders import read_json
from cdk_modelbuilder.frameworks.model_format import check_format
from cdk_modelbuilder.frameworks.torch_modules import check_module, devices_of, evaluating
from cdk_modelbuilder.frameworks.transformers import loading
from cdk_modelbuilder.frameworks.transformers.parts import ModelFolder, Parts, is_ours, parts_of
from cdk_modelbuilder.frameworks.transformers.saving import save_parts
from cdk_modelbuilder.frameworks.transformers.tasks import TEXT2TEXT, tasks_of

_GENERATING = ("text-generation", TEXT2TEXT)
"""Tasks whose answers may be drawn by chance."""


class TransformersAdapter:
    """Pipelines; a model with its tokenizer, image processor, feature extractor or processor; a model alone; folders.

    Input: what the pipeline takes (a text, a list of texts, an image, a sound as an array, chat messages), a dict of
    its inputs where the task has several, or ``{"inputs": ..., "parameters": {...}}`` as Hugging Face's containers take
    it. A model alone takes tensors or arrays by name. The answer is the pipeline's, of plain numbers; for a model
    alone, a dict of arrays. The task is the pipeline's, or follows from the model's class; ``predict_method`` names
    another one.
    """

    name = "transformers"
    model_servers: Sequence[str] = ("mms", "builtin")
    imported_as = "transformers"
    distribution = "transformers"
    provided_by: Sequence[str] = ()

    def recognises(self, model: object) -> bool:
        return is_ours(model)

    def opens(self, path: Path) -> bool:
        others = ("model_index.json", "modules.json", "MLmodel", "config_sentence_transformers.json")
        if not path.is_dir() or any((path / name).exists() for name in others):
            return False
        settings = path / "config.json"
        adapter = path / "adapter_config.json"
        return adapter.exists() or (settings.is_file() and "model_type" in settings.read_text(encoding="utf-8"))

    def open(self, path: Path, *, trust: Sequence[str]) -> Any:
        if (path / "adapter_config.json").exists() and not (path / "config.json").exists():
            base = read_json(path / "adapter_config.json").get("base_model_name_or_path", "another model")
            raise ModelError(
                f"{path} holds an adapter (LoRA) for {base}, not a model.",
                remedy="Merge it: PeftModel.from_pretrained(...).merge_and_unload().save_pretrained(...).",
            )
        folder = ModelFolder(path, tuple(trust))
        loading.class_of(folder)
        return folder

    def check(self, model: Any) -> None:
        if isinstance(model, ModelFolder):
            return
        parts = parts_of(model)
        check_module(parts.model)
        pipe = parts.pipeline
        if pipe is not None and not type(pipe).__module__.startswith("transformers."):
            raise ModelError(
                f"the pipeline is a {type(pipe).__module__}.{type(pipe).__qualname__}, a class of your own.",
                remedy="Make it in the load() of an InferenceSpec.",
            )

    def methods(self, model: Any) -> Sequence[str]:
        if isinstance(model, ModelFolder):
            preparers = loading.preparers_in(model.path)
            names = [loading.architecture(model.path), loading.class_of(model)[0]]
            return tasks_of(names, preparers) if preparers else ["forward", *torch_calls.FORMS]
        parts = parts_of(model)
        if parts.pipeline is not None or parts.task is not None:
            return [parts.task or parts.pipeline.task]
        if not parts.preparers:
            return ["forward", *torch_calls.FORMS]
        names = [base.__name__ for base in type(parts.model).__mro__ if not base.__name__.endswith("PreTrainedModel")]
        return tasks_of(names, parts.preparers)

    def predict(self, model: Any, data: Any, method: str) -> Any:
        parts = _loaded(model)
        with evaluating(parts.model):
            if method == "forward" or method in torch_calls.FORMS:
                return torch_calls.answer(parts.model, data, method)
            if method == TEXT2TEXT and parts.pipeline is None:
                return call_text2text((parts.model, parts.preparers["tokenizer"]), data, sampling_off=True)
            pipe = loading.pipeline_of(parts, method)
            return call_pipeline(pipe, data, sampling_off=method in _GENERATING)

    def save(
        self,
        model: Any,
        folder: Path,
        *,
        model_format: str | None,
        trust: Sequence[str],  # noqa: ARG002 - a folder was opened with it
        sample: Any,
    ) -> SavedModel:
        check_format(
            model_format,
            ["safetensors"],
            what="models of transformers",
            remedy="Leave it out: they are saved as safetensors.",
        )
        parts = _loaded(model)
        notes = []
        if parts.model.training:
            notes.append("the model is in training mode; it is packaged in evaluation mode.")
        if devices_of(parts.model) not in ([], ["cpu"]):
            notes.append("weights on a GPU are saved for the CPU; a GPU is used where there is one.")
        if _samples(self.methods(model), parts):
            notes.append(
                "text is generated without chance, so that a request has one answer; a request that wants chance says "
                "so: {'inputs': ..., 'parameters': {'do_sample': true}}."
            )
        return save_parts(parts, folder, sample, notes, model if isinstance(model, ModelFolder) else None)

    def version(self) -> str:
        import transformers  # noqa: PLC0415

        return str(transformers.__version__)


def _loaded(model: Any) -> Parts:
    return loading.load_folder(model) if isinstance(model, ModelFolder) else parts_of(model)


def _samples(tasks: Sequence[str], parts: Parts) -> bool:
    """Whether the model would draw its answers by chance if nothing else were said."""
    if not set(tasks) & set(_GENERATING):
        return False
    pipe = parts.pipeline
    chosen = {**getattr(pipe, "_forward_params", {}), **getattr(pipe, "_generate_kwargs", {})}
    own = getattr(parts.model.generation_config, "do_sample", None)
    usual = getattr(getattr(pipe, "_default_generation_config", None), "do_sample", None)
    return bool(chosen.get("do_sample", own if own is not None else (pipe is None or usual)))
