"""``bytes`` that are a file of an image or of sound: passed through untouched, under the content type that they are."""

from __future__ import annotations

import struct
from typing import Any, ClassVar, Dict, Optional, Tuple

from .base import JSON, Codec
from .json_text import read_json, write_json
from .media_types import ALIASES, AUDIO_TYPES, IMAGE_TYPES, base64_schema, media_type_of, read_base64, write_base64
from .negotiation import choose_accepted
from .payload_errors import CodecError

OCTETS = "application/octet-stream"
_KINDS = {"image": IMAGE_TYPES, "audio": AUDIO_TYPES}
_PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="  # black, 1 x 1


class MediaCodec(Codec):
    """Files of the sample's kind, images or sound, in any format that is known by its first bytes.

    What is inside is not looked at: the model decodes it.
    """

    name: ClassVar[str] = "media"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self.known: Tuple[str, ...] = _KINDS[spec["kind"]]
        others = [name for name in self.known if name != spec["content_type"]]
        aliases = [alias for alias, name in ALIASES.items() if name in self.known]
        self.content_types = (spec["content_type"], *others, *aliases, OCTETS, JSON)

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        found = media_type_of(sample) if isinstance(sample, bytes) else None
        return {"kind": found.partition("/")[0], "content_type": found} if found else None

    def encode(self, value: Any, content_type: str) -> Any:
        self.checked(value)
        return write_json(write_base64(value)) if content_type == JSON else value

    def decode(self, body: Any, content_type: str) -> bytes:
        if content_type == JSON:
            return self.from_plain(read_json(body))
        return self._of_type(body, None if content_type == OCTETS else content_type)

    def to_plain(self, value: Any) -> str:
        return write_base64(self.checked(value))

    def from_plain(self, plain: Any) -> bytes:
        said, body = read_base64(plain)
        return self._of_type(body, said)

    def difference(self, value: Any) -> Optional[str]:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            return f"expected the bytes of a file ({', '.join(self.known)}), got {type(value).__name__}."
        found = media_type_of(value)
        if found in self.known:
            return None
        return f"expected the bytes of a file ({', '.join(self.known)}), got {found or 'bytes of no known format'}."

    def summary(self) -> str:
        return f"{self.spec['kind']} file ({self.spec['content_type']})"

    def json_schema(self) -> Dict[str, Any]:
        return base64_schema(self.spec["content_type"])

    def example(self) -> bytes:
        if self.spec["kind"] == "image":
            return read_base64(_PIXEL)[1]
        samples = bytes(16)  # eight of silence
        head = struct.pack("<4sIHHIIHH4sI", b"fmt ", 16, 1, 1, 8000, 16000, 2, 16, b"data", len(samples))
        return struct.pack("<4sI4s", b"RIFF", 4 + len(head) + len(samples), b"WAVE") + head + samples

    def can_write(self, content_type: str) -> bool:
        # Whichever type a value is of, it is sent as that; all that is known beforehand is the sample's.
        return content_type in (self.spec["content_type"], OCTETS, JSON)

    def choose(self, accept: Optional[str], value: Any) -> str:
        found = str(media_type_of(self.checked(value)))
        aliases = (alias for alias, name in ALIASES.items() if name == found)
        return choose_accepted(accept, (found, *aliases, OCTETS, JSON))

    def label(self, content_type: str, body: Any) -> str:
        # A request is always encoded as the native type; a file of another one is sent under its own.
        if content_type in (JSON, OCTETS):
            return content_type
        found = media_type_of(body)
        return found if found and found != ALIASES.get(content_type, content_type) else content_type

    def _of_type(self, body: Any, said: Optional[str]) -> bytes:
        self.checked(body)
        found = media_type_of(body)
        if said is not None and ALIASES.get(said, said) != found:
            raise CodecError(f"expected {said}, as the content type says, got {found}.")
        return bytes(body)


CODEC = MediaCodec
