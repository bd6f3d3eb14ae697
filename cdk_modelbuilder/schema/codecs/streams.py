"""Generators and iterators as answers: items one after another, sent as they come.

Natively JSON Lines, which keep the items apart whatever the network does. Text can also be had as one running text, and
bytes as one run of bytes; the borders between items are lost there.
"""

from __future__ import annotations

import codecs
import itertools
from collections.abc import Iterator as AnyIterator
from typing import Any, ClassVar, Dict, Iterable, Iterator, Optional

from .base import Codec
from .json_text import write_json
from .line_framing import TYPES, framed, unframed
from .payload_errors import CodecError, UnfitPredictionError
from .registry import codec_class, describe_sample


def is_stream(sample: Any) -> bool:
    """Whether ``sample`` is a generator or another iterator; open files are iterators too, but not streams."""
    return isinstance(sample, AnyIterator) and not callable(getattr(sample, "read", None))


class StreamCodec(Codec):
    """Items of one codec. Collected, they are a list."""

    name: ClassVar[str] = "stream"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self.item: Codec = codec_class(spec["codec"])(spec["spec"])
        self._running = {"bytes": "application/octet-stream", "json": "text/plain", "text": "text/plain"}.get(
            self.item.name
        )
        if self.item.name == "json" and spec["spec"]["form"] != {"kind": "string"}:
            self._running = None
        self.content_types = (*TYPES, self._running) if self._running else TYPES

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        """Takes the first item off ``sample``."""
        if not is_stream(sample):
            return None
        first = next(sample, None)
        if first is None:
            raise CodecError("a stream needs at least one item in its sample: give iter([item]).")
        found = describe_sample(first, but=("stream",))
        if found is None:
            raise CodecError(f"the items of the stream are {type(first).__qualname__}s, which no codec takes.")
        return {"codec": found[0], "spec": found[1]}

    def encode_stream(self, value: Any, content_type: str) -> Iterator[bytes]:
        """The pieces of the response, each made when it is asked for. Closing this closes ``value``."""
        if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
            raise UnfitPredictionError(f"expected a generator or a list of items, got a {type(value).__name__}.")
        return self._pieces(value, content_type)

    def _pieces(self, items: Iterable[Any], content_type: str) -> Iterator[bytes]:
        try:
            for item in items:
                if content_type == self._running:
                    yield item.encode("utf-8") if isinstance(item, str) else bytes(item)
                else:
                    yield framed(write_json(self.item.to_plain(self.item.checked(item))), content_type)
        except CodecError as error:
            raise UnfitPredictionError(f"an item of the stream does not fit the output's schema: {error}") from error
        except UnicodeEncodeError:
            raise UnfitPredictionError("an item of the stream holds a lone surrogate, which is not UTF-8.") from None
        finally:
            close = getattr(items, "close", None)
            if close is not None:
                close()

    def decode_stream(self, chunks: Iterable[Any], content_type: str) -> Iterator[Any]:
        """The items in ``chunks``, as they come."""
        if content_type != self._running:
            for plain in unframed(chunks, content_type):
                yield self.item.from_plain(plain)
        elif self.item.name == "bytes":
            yield from (bytes(chunk) for chunk in chunks)
        else:
            decoder = codecs.getincrementaldecoder("utf-8")()
            try:
                for chunk in itertools.chain(chunks, [None]):
                    text = decoder.decode(b"", final=True) if chunk is None else decoder.decode(bytes(chunk))
                    if text:
                        yield text
            except UnicodeDecodeError:
                raise CodecError("the stream is not UTF-8 text.") from None

    def encode(self, value: Any, content_type: str) -> bytes:
        return b"".join(self.encode_stream(value, content_type))

    def decode(self, body: Any, content_type: str) -> Any:
        return list(self.decode_stream([body], content_type))

    def to_plain(self, value: Any) -> Any:
        return [self.item.to_plain(item) for item in value]

    def from_plain(self, plain: Any) -> Any:
        if not isinstance(plain, list):
            raise CodecError("expected a JSON array of the stream's items.")
        return [self.item.from_plain(item) for item in plain]

    def difference(self, value: Any) -> Optional[str]:
        fits = hasattr(value, "__iter__") and not isinstance(value, (str, bytes, dict))
        return None if fits else f"expected a stream of {self.item.summary()}, got a {type(value).__name__}."

    def summary(self) -> str:
        return f"stream of {self.item.summary()}"

    def json_schema(self) -> Dict[str, Any]:
        return {"type": "array", "items": self.item.json_schema()}

    def example(self) -> Any:
        return [self.item.example()]


CODEC = StreamCodec
