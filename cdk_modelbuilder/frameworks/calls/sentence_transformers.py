"""How a model of sentence-transformers is called with a payload, and what its answer becomes."""

from typing import Any, Dict

_PARAMETERS = ("normalize_embeddings", "precision", "prompt", "prompt_name", "top_k", "truncate_dim")
"""What a request may set; the others name devices, processes and code."""


def call_encoder(model: Any, data: Any, method: str, form: str) -> Any:
    """What the model's ``method`` says about texts or pairs.

    Args:
        model: A SentenceTransformer, CrossEncoder or SparseEncoder.
        data: A text, a list or an array of texts; pairs of them for a CrossEncoder; for ``rank``
            ``{"query": ..., "documents": [...]}``; or ``{"inputs": ..., "parameters": {...}}`` of one of these.
        method: ``encode``, ``encode_query``, ``encode_document``, ``predict`` or ``rank``.
        form: What the answer is made of: ``numpy``, ``tensor``, ``list``, or ``tokens``: a sparse vector's words.
    """
    parameters: Dict[str, Any] = {}
    if isinstance(data, dict) and "inputs" in data:
        parameters, data = dict(data.get("parameters") or {}), data["inputs"]
    refused = sorted(set(parameters) - set(_PARAMETERS))
    if refused:
        raise ValueError("the parameter %s is not taken from a request" % refused[0])
    parameters["show_progress_bar"] = False
    if method == "rank":
        found = model.rank(data["query"], list(data["documents"]), **parameters)
        return [{name: item.item() if hasattr(item, "item") else item for name, item in row.items()} for row in found]
    given = data.tolist() if hasattr(data, "tolist") else data
    if method == "predict":
        is_pair = len(given) == 2 and all(isinstance(item, str) for item in given)
        given = tuple(given) if is_pair else [tuple(pair) for pair in given]
    return _embeddings(model, getattr(model, method)(given, **parameters), form)


def _embeddings(model: Any, found: Any, form: str) -> Any:
    if form == "tokens":
        words = model.decode(found)
        several = bool(words) and isinstance(words[0], list)
        return [[list(pair) for pair in row] for row in words] if several else [list(pair) for pair in words]
    if hasattr(found, "cpu"):
        found = found.cpu()
        if form == "tensor":
            return found.coalesce() if found.is_sparse else found
        found = (found.to_dense() if found.is_sparse else found).numpy()
    if form == "list":
        return found.tolist()
    if form == "tensor":
        import torch

        return torch.from_numpy(found)
    return found
