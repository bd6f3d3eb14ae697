"""A streamed prediction: its items as they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from cdk_modelbuilder.calling.transport import StreamedAnswer
from cdk_modelbuilder.errors import StreamInterruptedError


class PredictionStream(Iterator[Any]):
    """The items of one answer. Leaving it early, with :meth:`close` or a ``with`` block, gives the connection up.

    Args:
        answer: What arrives.
        decode: Makes items from its chunks and its content type.
    """

    def __init__(self, answer: StreamedAnswer, decode: Callable[[Iterable[bytes], str], Iterator[Any]]) -> None:
        self._items = decode(answer.chunks, answer.content_type)
        self._answer = answer
        self._received = 0

    def __next__(self) -> Any:
        try:
            item = next(self._items)
        except StreamInterruptedError as error:
            self.close()
            raise StreamInterruptedError(
                f"{error.what.rstrip('.')}, after {self._received} whole items.",
                remedy=error.remedy,
                status=error.status,
                items_received=self._received,
            ) from None
        except BaseException:
            self.close()
            raise
        self._received += 1
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *unused: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop receiving; a second call does nothing."""
        self._answer.close()
