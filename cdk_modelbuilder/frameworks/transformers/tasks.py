"""Which tasks a model can do, by the name of its class and what prepares its input."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from cdk_modelbuilder.errors import ModelError

TEXT2TEXT = "text2text-generation"
"""The task that transformers 5 has no pipeline for any more, and that is called without one."""

_TASKS = {
    "ForSequenceClassification": ("text-classification", "zero-shot-classification"),
    "ForTokenClassification": ("token-classification",),
    "ForMaskedLM": ("fill-mask",),
    "ForCausalLM": ("text-generation",),
    "LMHeadModel": ("text-generation",),
    "ForQuestionAnswering": ("question-answering",),
    "ForTableQuestionAnswering": ("table-question-answering",),
    "ForDocumentQuestionAnswering": ("document-question-answering",),
    "ForVisualQuestionAnswering": ("visual-question-answering",),
    "ForConditionalGeneration": (TEXT2TEXT,),
    "ForCTC": ("automatic-speech-recognition",),
    "ForSpeechSeq2Seq": ("automatic-speech-recognition",),
    "ForAudioClassification": ("audio-classification",),
    "ForImageClassification": ("image-classification",),
    "ForVideoClassification": ("video-classification",),
    "ForObjectDetection": ("object-detection",),
    "ForSemanticSegmentation": ("image-segmentation",),
    "ForImageSegmentation": ("image-segmentation",),
    "ForInstanceSegmentation": ("image-segmentation",),
    "ForUniversalSegmentation": ("image-segmentation",),
    "ForDepthEstimation": ("depth-estimation",),
    "ForImageTextToText": ("image-text-to-text",),
    "ForTextToWaveform": ("text-to-audio",),
    "ForTextToSpeech": ("text-to-audio",),
    "Model": ("feature-extraction",),
}
"""The end of a class's name -> tasks, the usual one first."""

_WITH_IMAGES = {
    "ForConditionalGeneration": ("image-text-to-text",),
    "CLIPModel": ("zero-shot-image-classification",),
    "SiglipModel": ("zero-shot-image-classification",),
}
_WITH_SOUND = {
    "ForConditionalGeneration": ("automatic-speech-recognition",),
    "ForSequenceClassification": ("audio-classification",),
    "ClapModel": ("zero-shot-audio-classification",),
}


def tasks_of(class_names: Sequence[str], preparers: Collection[str]) -> list[str]:
    """Tasks that transformers has a pipeline for here, the usual one first.

    Args:
        class_names: Names of the model's class and of its base classes, or what its settings name.
        preparers: What prepares its input: ``tokenizer``, ``image_processor``, ...

    Raises:
        ModelError: None is known.
    """
    import transformers  # noqa: PLC0415
    from transformers.pipelines import SUPPORTED_TASKS  # noqa: PLC0415

    found: tuple[str, ...] = ()
    if "image_processor" in preparers:
        found = _by_end(class_names, _WITH_IMAGES)
        if not found and class_names[0].endswith("Model") and "tokenizer" not in preparers:
            found = ("image-feature-extraction",)
    elif "feature_extractor" in preparers:
        found = _by_end(class_names, _WITH_SOUND)
    found = found or _by_end(class_names, _TASKS)
    usable = [task for task in found if task in SUPPORTED_TASKS or task == TEXT2TEXT]
    if usable:
        return usable
    if found:
        raise ModelError(
            f"transformers {transformers.__version__} has no pipeline for the task {found[0]} of {class_names[0]}.",
            remedy="Call the model in your own words with an InferenceSpec, or build with a version that has one.",
        )
    raise ModelError(
        f"the task of {class_names[0]} is not known.",
        remedy="Name it: model={'task': ..., 'model': ..., 'tokenizer': ...}; or give a pipeline.",
    )


def _by_end(class_names: Sequence[str], tasks: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    return next((found for name in class_names for end, found in tasks.items() if name.endswith(end)), ())
