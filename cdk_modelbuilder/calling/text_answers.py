"""What language models answer, as values."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cdk_modelbuilder.calling.container_message import container_message
from cdk_modelbuilder.errors import UnreadableAnswerError

if TYPE_CHECKING:
    import numpy as np

_REMEDY = "Does the endpoint serve the bundle that this predictor was made from?"


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens that a request took.

    Attributes:
        prompt_tokens: Of what was sent.
        completion_tokens: Of the answer.
        total_tokens: Both.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0

    @classmethod
    def of(cls, data: Any) -> Usage | None:
        """What ``usage`` of an answer says; None where there is none."""
        if not isinstance(data, Mapping):
            return None
        counts = [data.get(name) for name in ("prompt_tokens", "completion_tokens", "total_tokens")]
        prompt, completion, total = (number if isinstance(number, int) else 0 for number in counts)
        return cls(prompt, completion, total or prompt + completion)


@dataclass(frozen=True, slots=True)
class GeneratedText:
    """An answer of ``chat()`` or ``complete()``.

    Attributes:
        text: The first choice's text; empty where the model calls tools instead.
        finish_reason: Why it ended: ``stop``, ``length``, ``tool_calls``, ...; None where the server does not say.
        usage: Tokens; None where the server does not say.
        message: The first choice's message, to be put behind those that were sent; of ``complete()`` an empty one.
        raw: The whole answer as plain data.
    """

    text: str
    finish_reason: str | None
    usage: Usage | None
    message: Mapping[str, Any] = field(repr=False)
    raw: Mapping[str, Any] = field(repr=False)

    @property
    def tool_calls(self) -> list[Any]:
        """The tools that the model wants called."""
        return list(self.message.get("tool_calls") or [])

    @classmethod
    def of(cls, body: bytes | bytearray) -> GeneratedText:
        """The answer in ``body``.

        Raises:
            UnreadableAnswerError: It is not in OpenAI's shape.
        """
        data = _parsed(body)
        choices = data.get("choices") if isinstance(data, dict) else None
        if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
            raise _unlike("a chat or a completion", body)
        message = choices[0].get("message")
        message = message if isinstance(message, dict) else {}
        text = message.get("content") if message else choices[0].get("text")
        reason = choices[0].get("finish_reason")
        return cls(
            text=text if isinstance(text, str) else "",
            finish_reason=reason if isinstance(reason, str) else None,
            usage=Usage.of(data.get("usage")),
            message=message,
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class Embeddings(Sequence[list[float]]):
    """An answer of ``embed()``: a sequence of vectors, in the order of the texts. ``numpy.asarray`` takes it.

    Attributes:
        vectors: One for each text.
        usage: Tokens; None where the server does not say.
        raw: The whole answers as plain data, one for each request that was sent.
    """

    vectors: list[list[float]]
    usage: Usage | None
    raw: tuple[Any, ...] = field(repr=False)

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, index: Any) -> Any:
        return self.vectors[index]

    def __iter__(self) -> Iterator[list[float]]:
        return iter(self.vectors)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        import numpy as np  # noqa: PLC0415 - whoever asks for an array has it

        return np.array(self.vectors, dtype=np.float32 if dtype is None else dtype)

    @classmethod
    def of(cls, bodies: Sequence[bytes | bytearray], counts: Sequence[int]) -> Embeddings:
        """The vectors in several answers, one after another.

        Args:
            bodies: The answers.
            counts: How many texts each is about.

        Raises:
            UnreadableAnswerError: One holds no vectors, or another number of them.
        """
        raw = tuple(_parsed(body) for body in bodies)
        vectors: list[list[float]] = []
        for data, body, count in zip(raw, bodies, counts, strict=True):
            found = _vectors(data)
            if found is None or len(found) != count:
                raise _unlike(f"{count} vectors", body)
            vectors += found
        said = [Usage.of(data.get("usage")) for data in raw if isinstance(data, dict)]
        known = [usage for usage in said if usage is not None]
        total = sum(usage.total_tokens for usage in known)
        usage = Usage(sum(usage.prompt_tokens for usage in known), 0, total) if known else None
        return cls(vectors, usage, raw)


def check_model(asked: str | None, answered: Any) -> None:
    """Refuse an answer of another model than the adapter that was asked: it would look like its own.

    Args:
        asked: The adapter; None for whatever answers.
        answered: The answer as plain data.

    Raises:
        UnreadableAnswerError: It is another model's.
    """
    said = answered.get("model") if isinstance(answered, Mapping) else None
    if asked is not None and said is not None and said != asked:
        raise UnreadableAnswerError(
            f"the adapter {asked!r} was asked, and {said!r} answered.",
            remedy="The image does not lead requests to adapters; AWS's do, by `route=` in CustomAttributes.",
            status=200,
        )


def _vectors(data: Any) -> list[list[float]] | None:
    """OpenAI's ``data``, in the order of its indexes; or the bare lists of Text Embeddings Inference and LMI."""
    found = data
    if isinstance(data, dict):
        items = data.get("data")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            return None
        found = [item.get("embedding") for item in sorted(items, key=lambda item: item.get("index", 0))]
    if not isinstance(found, list) or not all(isinstance(vector, list) for vector in found):
        return None
    return found


def _parsed(body: bytes | bytearray) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise _unlike("JSON", body) from None


def _unlike(what: str, body: bytes | bytearray) -> UnreadableAnswerError:
    said = container_message(bytes(body[:2000])) or "nothing"
    return UnreadableAnswerError(f"the endpoint did not answer with {what}: {said[:300]}", remedy=_REMEDY, status=200)
