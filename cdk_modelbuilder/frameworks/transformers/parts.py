"""What users hold in their hands: a pipeline, a model with what prepares its input, or a folder; all become parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.frameworks.torch_modules import bare, bases_of

_PIPELINE = "transformers.pipelines.base.Pipeline"
_MODEL = "transformers.modeling_utils.PreTrainedModel"
_PREPARERS = {
    "transformers.tokenization_utils_base.PreTrainedTokenizerBase": "tokenizer",
    "transformers.image_processing_base.ImageProcessingMixin": "image_processor",
    "transformers.video_processing_utils.BaseVideoProcessor": "video_processor",
    "transformers.feature_extraction_utils.FeatureExtractionMixin": "feature_extractor",
    "transformers.processing_utils.ProcessorMixin": "processor",
}
"""Base classes of what prepares a model's input, and what a pipeline calls them; the first one that fits counts."""

SETTINGS = ("_preprocess_params", "_forward_params", "_postprocess_params", "_generate_kwargs")
"""Where a pipeline keeps the parameters that it was made with."""


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A folder that stands for the model in it, which is loaded when it is asked for a prediction.

    Attributes:
        path: The folder.
        trust: The user's patterns, for code in the folder.
        loaded: The pipelines of it that were made, by task.
    """

    path: Path
    trust: tuple[str, ...] = ()
    loaded: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Parts:
    """A model and what prepares its input.

    Attributes:
        model: The model.
        preparers: Tokenizer, image processor and so on, by what a pipeline calls them.
        task: The task that the user named; None for none.
        pipeline: The user's pipeline; None for none.
    """

    model: Any
    preparers: Mapping[str, Any]
    task: str | None = None
    pipeline: Any = None


def is_pipeline(value: object) -> bool:
    """Whether ``value`` is a pipeline of transformers."""
    return _PIPELINE in bases_of(value)


def is_model(value: object) -> bool:
    """Whether ``value`` is a model of transformers; sentence-transformers builds on it in another way."""
    names = bases_of(bare(value)[0])
    return _MODEL in names and not any(name.startswith("sentence_transformers.") for name in names)


def preparer_of(value: object) -> str | None:
    """What a pipeline calls ``value``; None if it does not prepare input."""
    return next((_PREPARERS[name] for name in bases_of(value) if name in _PREPARERS), None)


def is_ours(value: object) -> bool:
    """Whether ``value`` is one of the things that :func:`parts_of` takes, or a folder."""
    if isinstance(value, ModelFolder) or is_pipeline(value) or is_model(value):
        return True
    if isinstance(value, Mapping):
        return is_model(value.get("model"))
    return isinstance(value, tuple | list) and any(map(is_model, value))


def parts_of(value: Any) -> Parts:
    """The parts of a pipeline, a model, or a tuple, list or dict of a model and what prepares its input.

    Raises:
        ModelError: Something in it is neither, there are two of a kind, or a processor stands alone.
    """
    if is_pipeline(value):
        names = (*_PREPARERS.values(),)
        found = {name: getattr(value, name, None) for name in names}
        return Parts(value.model, {key: item for key, item in found.items() if item is not None}, value.task, value)
    if is_model(value):
        return Parts(bare(value)[0], {})
    named = dict(value) if isinstance(value, Mapping) else None
    task = None if named is None else named.pop("task", None)
    items: Iterable[Any] = value if named is None else named.values()
    models, preparers = [], {}
    for item in items:
        kind = preparer_of(item)
        if is_model(item):
            models.append(bare(item)[0])
        elif kind is None:
            raise ModelError(
                f"beside the model there is a {type(item).__module__}.{type(item).__qualname__}.",
                remedy="Give a model and its tokenizer, image processor, feature extractor or processor, and 'task'.",
            )
        elif kind in preparers:
            raise ModelError(
                f"there are two of the kind {kind}.", remedy="Give the one that the model was trained with."
            )
        else:
            preparers[kind] = item
    if len(models) != 1:
        raise ModelError(f"there are {len(models)} models.", remedy="Give one; others in bundles of their own.")
    return Parts(models[0], _with_inner(preparers), task)


def _with_inner(preparers: dict[str, Any]) -> dict[str, Any]:
    """A processor's own tokenizer and so on, which pipelines ask for, beside it."""
    processor = preparers.get("processor")
    inner = {name: getattr(processor, name, None) for name in _PREPARERS.values() if name != "processor"}
    return {**{name: item for name, item in inner.items() if item is not None}, **preparers}
