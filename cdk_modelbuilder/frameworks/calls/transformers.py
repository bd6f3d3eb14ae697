"""How a pipeline of transformers is called with a payload, and what its answer becomes."""

from typing import Any, Dict

_REFUSED_PARAMETERS = ("assistant_model", "custom_generate", "model", "tokenizer", "trust_remote_code")
"""Parameters of a call that would load code or files which the request names."""

_PLACES = ("audio", "image", "images", "path", "url", "video")


def call_pipeline(pipe: Any, data: Any, sampling_off: bool) -> Any:
    """The pipeline's answer, of plain values.

    Args:
        pipe: The pipeline.
        data: What it takes; ``{"inputs": ..., "parameters": {...}}`` as Hugging Face's containers take it; for tasks
            with several inputs a dict of them, or a list of such dicts.
        sampling_off: Whether text is generated without chance, where the parameters do not ask for it.
    """
    parameters: Dict[str, Any] = {"do_sample": False} if sampling_off else {}
    if isinstance(data, dict) and "inputs" in data:
        parameters.update(data.get("parameters") or {})
        data = data["inputs"]
    refused = sorted(set(parameters) & set(_REFUSED_PARAMETERS))
    if refused:
        raise ValueError("the parameter %s is not taken from a request" % refused[0])
    _refuse_places(data, pipe.task)
    if _has_several_inputs(pipe.task):
        if isinstance(data, dict):
            return plain_answer(pipe(**data, **parameters))
        if isinstance(data, list) and data and all(isinstance(item, dict) and "role" not in item for item in data):
            return [plain_answer(pipe(**item, **parameters)) for item in data]
    return plain_answer(pipe(data, **parameters))


def call_text2text(pipe: Any, data: Any, sampling_off: bool) -> Any:
    """The same for models that make text from text, which transformers 5 has no pipeline for.

    Args:
        pipe: The model and its tokenizer.
        data: A text, a list of texts, or ``{"inputs": ..., "parameters": {...}}``.
        sampling_off: See above.
    """
    import torch

    model, tokenizer = pipe
    parameters: Dict[str, Any] = {"do_sample": False} if sampling_off else {}
    if isinstance(data, dict):
        parameters.update(data.get("parameters") or {})
        data = data["inputs"]
    refused = sorted(set(parameters) & set(_REFUSED_PARAMETERS))
    if refused:
        raise ValueError("the parameter %s is not taken from a request" % refused[0])
    texts = [data] if isinstance(data, str) else list(data)
    found = []
    for text in texts:
        given = tokenizer(text, return_tensors="pt", truncation=True).to(model.device)
        known = {name: given[name] for name in ("input_ids", "attention_mask") if name in given}
        with torch.inference_mode():
            tokens = model.generate(**known, **parameters)
        found += [{"generated_text": item} for item in tokenizer.batch_decode(tokens, skip_special_tokens=True)]
    return found


def restore_settings(pipe: Any, settings: Any) -> None:
    """Give a pipeline the parameters that another one was made with; an enumeration's member is a list of three."""
    import importlib

    for attribute, values in settings.items():
        known = getattr(pipe, attribute, None)
        if known is None:
            continue
        for name, value in values.items():
            known[name] = value
            if isinstance(value, dict) and list(value) == ["enum"]:
                module, kind, member = value["enum"]
                known[name] = getattr(getattr(importlib.import_module(module), kind), member)


def plain_answer(value: Any) -> Any:
    """``value`` with plain numbers for NumPy's, arrays for tensors, dicts for records; images stay."""
    kind = type(value).__module__.partition(".")[0]
    if kind == "torch" and hasattr(value, "detach"):
        return value.detach().cpu().numpy()
    if kind == "numpy" and hasattr(value, "item") and not hasattr(value, "__len__"):
        return value.item()
    if kind == "numpy" and getattr(value, "shape", None) == ():
        return value.item()
    if hasattr(value, "keys") and hasattr(value, "items"):
        return {key: plain_answer(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_answer(item) for item in value]
    return value


def _has_several_inputs(task: str) -> bool:
    return task.startswith("zero-shot") or task in (
        "any-to-any",
        "document-question-answering",
        "image-text-to-text",
        "question-answering",
        "visual-question-answering",
    )


def _refuse_places(data: Any, task: str) -> None:
    """Refuse addresses of images and sounds: the pipeline would read any file, and fetch any page, that is named."""
    alone = ("audio", "depth", "image", "keypoint", "mask", "object", "video", "automatic-speech")
    if task.startswith(alone) and task != "image-text-to-text":
        _refuse_text(data)
    elif task.startswith(("zero-shot-", "document", "visual", "image-text", "any-to-any")):
        _refuse_named(data)


def _refuse_text(data: Any) -> None:
    if isinstance(data, str):
        raise TypeError("a text, such as a path or a URL, is not taken: send the image or the sound itself")
    for item in data if isinstance(data, (list, tuple)) else ():
        if isinstance(item, (str, list, tuple)):
            _refuse_text(item)


def _refuse_named(data: Any) -> None:
    if isinstance(data, dict):
        for name, value in data.items():
            if name in _PLACES:
                _refuse_text(value)
            _refuse_named(value)
    for item in data if isinstance(data, (list, tuple)) else ():
        _refuse_named(item)
