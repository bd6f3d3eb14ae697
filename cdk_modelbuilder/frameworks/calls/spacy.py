"""How a pipeline of spaCy is called, and its documents as payloads."""

from typing import Any


def call_spacy(nlp: Any, data: Any, method: Any) -> Any:
    """The answer to a text, or a list of answers to several texts."""
    form = _FORMS[method]
    if isinstance(data, str):
        return form(nlp(data))
    texts = data.tolist() if hasattr(data, "tolist") else data
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise TypeError("give a text or a list of texts, not %s" % type(data).__name__)
    found = [form(doc) for doc in nlp.pipe(texts)]
    if method != "vector":
        return found
    import numpy as np

    return np.stack(found)


def _entities(doc: Any) -> Any:
    return [
        {"text": span.text, "label": span.label_, "start": span.start_char, "end": span.end_char} for span in doc.ents
    ]


_FORMS: Any = {
    "cats": lambda doc: {label: float(score) for label, score in doc.cats.items()},
    "ents": _entities,
    "to_json": lambda doc: doc.to_json(),
    "vector": lambda doc: doc.vector,
}
