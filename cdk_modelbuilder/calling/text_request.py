"""Requests in OpenAI's shape: what they may hold is looked at before anything is sent.

Source: OpenAI's API reference, "Create chat completion" and "Create completion", for names and limits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cdk_modelbuilder.calling.arguments import check_count
from cdk_modelbuilder.calling.transport import Request
from cdk_modelbuilder.errors import UsageError

MOST_STOPS = 4
"""By OpenAI's API; Text Generation Inference refuses more."""
_ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_EXAMPLE = 'Give a list such as [{"role": "user", "content": "Hello?"}].'


@dataclass(frozen=True, slots=True)
class Sampling:
    """How an answer is written; what is None is left to the server.

    Attributes:
        max_tokens: Longest answer in tokens.
        temperature: 0 takes the likeliest token each time.
        top_p: Tokens are drawn from the likeliest ones that add up to this.
        stop: One text, or up to four, at which the answer ends.
    """

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: str | Sequence[str] | None = None

    def fields(self) -> dict[str, Any]:
        """The fields of a request.

        Raises:
            UsageError: A value that no server takes.
        """
        found: dict[str, Any] = {}
        if self.max_tokens is not None:
            check_count("max_tokens", self.max_tokens)
            found["max_tokens"] = int(self.max_tokens)
        if self.temperature is not None:
            found["temperature"] = _number("temperature", self.temperature, low=0.0, high=math.inf)
        if self.top_p is not None:
            found["top_p"] = _number("top_p", self.top_p, low=0.0, high=1.0)
            if found["top_p"] == 0:
                raise UsageError("top_p is 0.", remedy="Give more than 0; temperature=0 takes the likeliest token.")
        if self.stop is not None:
            found["stop"] = _stops(self.stop)
        return found


def check_messages(messages: Any) -> list[dict[str, Any]]:
    """The messages of a conversation, as they are sent.

    Raises:
        UsageError: No list, an empty one, or a message without a known role or without content.
    """
    if isinstance(messages, (str, bytes, Mapping)) or not isinstance(messages, Sequence):
        raise UsageError(f"messages is a {type(messages).__name__}, not a list.", remedy=_EXAMPLE)
    if not messages:
        raise UsageError("messages is empty.", remedy=_EXAMPLE)
    return [_message(message, f"messages[{number}]") for number, message in enumerate(messages)]


def check_prompt(prompt: Any) -> str:
    """The prompt, as it is sent.

    Raises:
        UsageError: It is no text, or empty.
    """
    if not isinstance(prompt, str):
        raise UsageError(
            f"prompt is a {type(prompt).__name__}.", remedy="Give one text; call complete() once for each of several."
        )
    if not prompt:
        raise UsageError("prompt is empty.", remedy="Give the text to go on from.")
    return prompt


def check_texts(texts: Any) -> list[str]:
    """The texts to embed.

    Raises:
        UsageError: It is no text and no list of texts, or empty.
    """
    given = [texts] if isinstance(texts, str) else texts
    if isinstance(given, (bytes, Mapping)) or not isinstance(given, Sequence):
        raise UsageError(f"texts is a {type(texts).__name__}.", remedy="Give a list of texts, or one text.")
    if not given:
        raise UsageError("texts is empty.", remedy="Give at least one text.")
    for number, text in enumerate(given):
        if not isinstance(text, str):
            raise UsageError(f"texts[{number}] is a {type(text).__name__}.", remedy="Give texts alone.")
        if not text:
            raise UsageError(f"texts[{number}] is empty.", remedy="Leave it out: servers refuse it.")
    return list(given)


def json_request(fields: Mapping[str, Any], extra: Mapping[str, Any]) -> Request:
    """A request with ``fields``, and with what else the caller wants.

    Raises:
        UsageError: A field is given twice, or has no form in JSON.
    """
    for name, value in extra.items():
        if name in fields:
            raise UsageError(f"{name}={value!r} was given twice.", remedy=f"{name} is set by this call; leave it out.")
    body = {**fields, **extra}
    for name, value in body.items():
        try:
            json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        except (TypeError, ValueError, RecursionError) as error:  # halves of a surrogate pair are a ValueError
            raise UsageError(f"{name} has no form in JSON: {error}.", remedy="Give plain data.") from None
    return Request(json.dumps(body, ensure_ascii=False).encode(), "application/json")


def _message(message: Any, place: str) -> dict[str, Any]:
    if not isinstance(message, Mapping):
        raise UsageError(f"{place} is a {type(message).__name__}, not a dictionary.", remedy=_EXAMPLE)
    role, content = message.get("role"), message.get("content")
    if role not in _ROLES:
        raise UsageError(f"{place} has the role {role!r}.", remedy=f"Roles are {', '.join(_ROLES)}.")
    if content is None:
        if role == "assistant" and (message.get("tool_calls") or message.get("function_call")):
            return dict(message)
        raise UsageError(f"{place} has no content.", remedy=_EXAMPLE)
    if not isinstance(content, str) and not _are_parts(content):
        raise UsageError(
            f"{place} has a {type(content).__name__} as its content.",
            remedy='Give a text, or a list of parts such as {"type": "text", "text": "Hello?"}.',
        )
    return dict(message)


def _are_parts(content: Any) -> bool:
    return (
        isinstance(content, Sequence)
        and not isinstance(content, (str, bytes))
        and len(content) > 0
        and all(isinstance(part, Mapping) and isinstance(part.get("type"), str) for part in content)
    )


def _number(name: str, value: Any, *, low: float, high: float) -> float:
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        raise UsageError(f"{name} is {value!r}.", remedy="Give a number.")
    number = float(value)
    if not (low <= number <= high and math.isfinite(number)):
        upper = "" if math.isinf(high) else f" and at most {high:g}"
        raise UsageError(f"{name} is {number:g}.", remedy=f"Give at least {low:g}{upper}.")
    return number


def _stops(stop: Any) -> list[str]:
    texts = [stop] if isinstance(stop, str) else stop
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) for text in texts):
        raise UsageError(f"stop is {stop!r}.", remedy="Give a text, or a list of texts.")
    if not texts or not all(texts):
        raise UsageError(f"stop is {stop!r}, with an empty text or none.", remedy="Leave it out to stop at nothing.")
    if len(texts) > MOST_STOPS:
        raise UsageError(f"stop has {len(texts)} texts.", remedy=f"Give at most {MOST_STOPS}.")
    return list(texts)
