"""How a pipeline of diffusers is called with a payload, and what its answer becomes."""

from typing import Any, Dict

_REFUSED_PARAMETERS = ("generator", "output_type", "return_dict")


def call_diffusion(pipe: Any, data: Any) -> Any:
    """The pipeline's image, or a list of them if there are several; frames of videos and sounds likewise.

    Args:
        pipe: The pipeline.
        data: A prompt, a list of prompts, a dict of the call's parameters, or ``{"inputs": ..., "parameters": {...}}``.
            ``seed`` among them decides the noise: 0 where it is not given, other noise each time for None.
    """
    import torch

    parameters: Dict[str, Any] = {}
    if isinstance(data, dict) and "inputs" in data:
        parameters.update(data.get("parameters") or {})
        data = data["inputs"]
    if isinstance(data, dict):
        parameters.update(data)
    else:
        parameters["prompt"] = data
    for name, value in parameters.items():
        if name in _REFUSED_PARAMETERS or name.startswith("callback"):
            raise ValueError("the parameter %s is not taken from a request" % name)
        if "image" in name and isinstance(value, str):
            raise TypeError("%s is a text, such as a path or a URL, which is not taken: send the image itself" % name)
    seed = parameters.pop("seed", 0)
    if seed is not None:
        parameters["generator"] = torch.Generator("cpu").manual_seed(int(seed))
    with torch.inference_mode():
        found = pipe(**parameters)
    for name in ("images", "frames", "audios", "videos"):
        values = getattr(found, name, None)
        if values is not None:
            return _one_or_all(values)
    raise ValueError("the pipeline answers with a %s, which has no images" % type(found).__name__)


def _one_or_all(values: Any) -> Any:
    if hasattr(values, "cpu"):
        values = values.cpu().numpy()
    return values[0] if len(values) == 1 else values
