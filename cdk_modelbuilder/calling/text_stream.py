"""A streamed answer of a language model: its pieces as they arrive."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Self

from cdk_modelbuilder.calling.container_message import as_sentence, container_message
from cdk_modelbuilder.calling.server_sent_events import json_lines, server_sent_events
from cdk_modelbuilder.calling.text_answers import Usage, check_model
from cdk_modelbuilder.calling.transport import StreamedAnswer
from cdk_modelbuilder.errors import StreamInterruptedError

_END = "[DONE]"


@dataclass(frozen=True, slots=True)
class TextPiece:
    """A piece of an answer.

    Attributes:
        text: What it adds; empty in a piece that calls a tool, thinks, or ends the answer.
        reasoning: What a reasoning model adds to its thoughts.
        finish_reason: Why the answer ends, in its last piece; else None.
        index: Which choice it belongs to, where several were asked for.
        raw: The whole event as plain data.
    """

    text: str
    reasoning: str
    finish_reason: str | None
    index: int
    raw: Mapping[str, Any] = field(repr=False)


class TextStream(Iterator[TextPiece]):
    """The pieces of one answer. Leaving it early, with :meth:`close` or a ``with`` block, gives the connection up.

    Args:
        answer: What arrives.
        address: The endpoint in words.
        adapter: The adapter that was asked, where its name is in each event.

    Attributes:
        text: What the pieces of the first choice that have come so far add up to.
        finish_reason: Why that choice ended; None until it has.
        usage: Tokens, once the server has said them.
    """

    def __init__(self, answer: StreamedAnswer, address: str, adapter: str | None = None) -> None:
        self._answer = answer
        self._address = address
        self._adapter = adapter
        self._events = _events(answer.chunks, answer.content_type)
        self._received = 0
        self._texts: list[str] = []
        self._done = False
        self.finish_reason: str | None = None
        self.usage: Usage | None = None

    @property
    def text(self) -> str:
        """What has come so far."""
        return "".join(self._texts)

    def __next__(self) -> TextPiece:
        try:
            return self._next()
        except StopIteration:
            self.close()
            raise
        except StreamInterruptedError as error:
            self.close()
            raise self._broke_off(error.what, error.remedy) from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop receiving; a second call does nothing."""
        self._done = True
        self._answer.close()

    def _next(self) -> TextPiece:
        while not self._done:
            data = next(self._events, None)
            if data is None or data == _END:
                if data is None and self.finish_reason is None:
                    raise self._interrupted("the answer ended before the model did")
                with suppress(StreamInterruptedError):
                    next(self._events, None)  # the answer's end: the connection then serves the next request
                break
            piece = self._read(data)
            if piece is not None:
                self._received += 1
                return piece
        raise StopIteration

    def _read(self, data: str) -> TextPiece | None:
        """The piece in an event; None for one that adds nothing, such as the role and the tokens."""
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            raise self._interrupted(f"an event is no JSON: {data[:200]!r}") from None
        if not isinstance(event, dict):
            raise self._interrupted(f"an event is no object: {data[:200]!r}")
        self.usage = Usage.of(event.get("usage")) or self.usage
        choices = event.get("choices")
        if not isinstance(choices, list):
            raise self._interrupted(_failure(event) or f"an event has no choices: {data[:200]!r}")
        check_model(self._adapter, event)
        if not choices or not isinstance(choices[0], dict):
            return None
        piece = _piece(choices[0], event)
        if piece.index == 0:
            self._texts.append(piece.text)
            self.finish_reason = piece.finish_reason or self.finish_reason
        delta = choices[0].get("delta")
        calls = isinstance(delta, dict) and (delta.get("tool_calls") or delta.get("function_call"))
        return piece if piece.text or piece.reasoning or piece.finish_reason or calls else None

    def _interrupted(self, why: str) -> StreamInterruptedError:
        what = f"the answer of {self._address} broke off: {as_sentence(why)}"
        return StreamInterruptedError(what, remedy="The endpoint's log says more.", status=200)

    def _broke_off(self, what: str, remedy: str) -> StreamInterruptedError:
        return StreamInterruptedError(
            f"{what.rstrip('.')}, after {self._received} pieces.",
            remedy=remedy,
            status=200,
            items_received=self._received,
        )


def _failure(event: Mapping[str, Any]) -> str | None:
    """What an event says that stands for an error: in OpenAI's shape, or with a message at its top."""
    return container_message(json.dumps(event)) if "error" in event or "message" in event else None


def _piece(choice: Mapping[str, Any], event: Mapping[str, Any]) -> TextPiece:
    # A server that does not stream sends its whole message as the one event.
    delta = choice.get("delta") or choice.get("message")
    delta = delta if isinstance(delta, dict) else {"content": choice.get("text")}
    text, reason, index = delta.get("content"), choice.get("finish_reason"), choice.get("index")
    thought = delta.get("reasoning_content") or delta.get("reasoning")
    return TextPiece(
        text=text if isinstance(text, str) else "",
        reasoning=thought if isinstance(thought, str) else "",
        finish_reason=reason if isinstance(reason, str) else None,
        index=index if isinstance(index, int) else 0,
        raw=event,
    )


def _events(chunks: Iterable[bytes], content_type: str) -> Iterator[str]:
    """The data of each event: server-sent ones, or lines of JSON, which is how LMI streams."""
    kind = content_type.partition(";")[0].strip().lower()
    if "json" in kind:
        return json_lines(chunks)
    return (event.data for event in server_sent_events(chunks))
