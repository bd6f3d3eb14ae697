"""Takes typed parts out of parsed JSON; what is missing or of another type is named with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn


class FieldError(Exception):
    """A part is missing or of another type; the message names it."""


class Fields:
    """One JSON object.

    Args:
        data: The parsed object.
        place: What to call it in messages.
    """

    def __init__(self, data: Any, place: str) -> None:
        if not isinstance(data, dict):
            raise FieldError(f"{place} is {_shown(data)}, but an object belongs there.")
        self._data: dict[str, Any] = data
        self._place = place

    def text(self, name: str) -> str:
        """A text."""
        value = self._value(name)
        if not isinstance(value, str):
            self._refuse(name, value, "a text")
        return value

    def optional_text(self, name: str) -> str | None:
        """A text, or None."""
        return None if self._value(name) is None else self.text(name)

    def flag(self, name: str) -> bool:
        """True or false."""
        value = self._value(name)
        if not isinstance(value, bool):
            self._refuse(name, value, "true or false")
        return value

    def number(self, name: str) -> int:
        """A whole number."""
        value = self._value(name)
        if not isinstance(value, int) or isinstance(value, bool):
            self._refuse(name, value, "a whole number")
        return value

    def choice(self, name: str, known: Sequence[str]) -> Any:
        """One of ``known``."""
        value = self.text(name)
        if value not in known:
            self._refuse(name, value, "one of " + ", ".join(known))
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._value(name)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self._refuse(name, value, "a list of texts")
        return tuple(value)

    def texts_by_name(self, name: str) -> Mapping[str, str]:
        """An object whose values are texts."""
        value = self._value(name)
        if not isinstance(value, dict) or not all(isinstance(one, str) for one in value.values()):
            self._refuse(name, value, "an object of texts")
        return value

    def objects(self, name: str) -> list[Fields]:
        """A list of objects."""
        value = self._value(name)
        if not isinstance(value, list):
            self._refuse(name, value, "a list")
        return [Fields(one, f"{self._place}: {name}[{index}]") for index, one in enumerate(value)]

    def objects_by_name(self, name: str) -> dict[str, Fields]:
        """An object whose values are objects."""
        value = self._value(name)
        if not isinstance(value, dict):
            self._refuse(name, value, "an object")
        return {key: Fields(one, f"{self._place}: {name}[{key!r}]") for key, one in value.items()}

    def _value(self, name: str) -> Any:
        try:
            return self._data[name]
        except KeyError:
            raise FieldError(f"{self._place} has no {name!r}.") from None

    def _refuse(self, name: str, value: Any, wanted: str) -> NoReturn:
        raise FieldError(f"{self._place}: {name!r} is {_shown(value)}, but {wanted} belongs there.")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
