"""Images of PIL: PNG, or TIFF where PNG has no such pixels. Sizes are read from the header before a pixel is decoded.

Pixels, mode, palette, transparency and colour profile come back; EXIF data and other notes do not. An image that is
read is turned as its EXIF data say, and only the first picture of several is taken.
"""

from __future__ import annotations

import io
from typing import Any, ClassVar, Dict, Optional

from PIL import Image, ImageOps

from .base import JSON, Codec
from .image_modes import FORMATS, JPEG, PNG, TIFF, WEBP, WRITTEN, converted, is_convertible
from .json_text import read_json, write_json
from .media_types import ALIASES, base64_schema, media_type_of, read_base64, write_base64
from .payload_errors import CodecError

MAX_PIXELS = 64 << 20
"""Width times height of the largest image that is read: 256 MiB as RGBA."""

_KEPT_NOTES = ("transparency", "icc_profile")
_OPTIONS: Dict[str, Dict[str, Any]] = {
    PNG: {"compress_level": 1},  # a fifth of the time of the default, and a tenth more bytes
    WEBP: {"lossless": True, "exact": True},
    JPEG: {"quality": 95},
    TIFF: {},
}
_TILE_WIDTH, _TILE_LENGTH = 322, 323


class ImageCodec(Codec):
    """Images of the sample's mode and of any size."""

    name: ClassVar[str] = "image"
    library: ClassVar[Optional[str]] = "PIL"

    def __init__(self, spec: Dict[str, Any]) -> None:
        super().__init__(spec)
        self.mode: str = spec["mode"]
        self.written = WRITTEN[self.mode]
        self.content_types = (self.written[0], *(name for name in FORMATS if name != self.written[0]), JSON)

    @classmethod
    def describe(cls, sample: Any) -> Optional[Dict[str, Any]]:
        if not isinstance(sample, Image.Image):
            return None
        if sample.mode not in WRITTEN:
            raise CodecError(
                f"no file format keeps images of mode {sample.mode}: give image.convert('RGB'), or one of mode "
                f"{', '.join(WRITTEN)}."
            )
        return {"mode": sample.mode}

    def encode(self, value: Any, content_type: str) -> Any:
        if content_type == JSON:
            return write_json(self.to_plain(value))
        if content_type not in self.written:
            raise CodecError(
                f"an image of mode {self.mode} cannot be written as {content_type}; ask for {', '.join(self.written)}."
            )
        self.checked(value)
        stream = io.BytesIO()
        try:
            image = converted(value, self.mode).copy()
            image.info = {key: note for key, note in image.info.items() if key in _KEPT_NOTES}
            image.save(stream, FORMATS[content_type], **_OPTIONS[content_type])
        except CodecError:
            raise
        except Exception as error:  # noqa: BLE001 - Pillow reads the file only now, and raises whatever it meets
            raise CodecError(f"the image cannot be written as {content_type}: {error}.") from None
        return stream.getbuffer()

    def decode(self, body: Any, content_type: str) -> Any:
        if content_type == JSON:
            return self.from_plain(read_json(body))
        return self._read(body, str(content_type))

    def to_plain(self, value: Any) -> str:
        return write_base64(self.encode(value, self.written[0]))

    def from_plain(self, plain: Any) -> Any:
        said, body = read_base64(plain)
        found = media_type_of(body)
        return self._read(body, said or found or self.written[0])

    def difference(self, value: Any) -> Optional[str]:
        if not isinstance(value, Image.Image):
            return f"expected a PIL image, got {type(value).__name__}."
        if not is_convertible(value.mode, self.mode):
            return f"expected an image of mode {self.mode}, got {value.mode}."
        if not 0 < value.width * value.height <= MAX_PIXELS:
            return f"expected an image of 1 to {MAX_PIXELS} pixels, got {value.width} x {value.height}."
        return None

    def summary(self) -> str:
        return f"PIL image {self.mode}"

    def json_schema(self) -> Dict[str, Any]:
        return base64_schema(self.written[0])

    def example(self) -> Any:
        image = Image.new(self.mode, (1, 1))
        if self.mode in ("P", "PA"):
            image.putpalette(bytes(3 * 256))
        return image

    def can_write(self, content_type: str) -> bool:
        return content_type in (*self.written, JSON)

    def _read(self, body: Any, content_type: str) -> Any:
        content_type = ALIASES.get(content_type, content_type)
        found = media_type_of(body)
        if content_type not in FORMATS or found != content_type:
            expected = content_type if content_type in FORMATS else f"one of {', '.join(FORMATS)}"
            raise CodecError(f"expected an image ({expected}), got {found or 'bytes of no known format'}.")
        if content_type == WEBP:  # its decoder makes room for the pixels when it is opened
            _check_size(*_webp_size(bytes(memoryview(body)[:30])))
        try:
            with Image.open(io.BytesIO(body), formats=[FORMATS[content_type]]) as image:
                _check_size(image.width, image.height)
                if content_type == TIFF:
                    tags = image.tag_v2  # type: ignore[attr-defined, unused-ignore]
                    _check_size(int(tags.get(_TILE_WIDTH, 1)), int(tags.get(_TILE_LENGTH, 1)))
                plain = converted(ImageOps.exif_transpose(image), self.mode)  # a copy that no longer needs the file
        except CodecError:
            raise
        except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
            raise CodecError(f"expected an image of 1 to {MAX_PIXELS} pixels: {error}") from None
        except Exception as error:  # noqa: BLE001 - on a broken file, Pillow raises whatever it meets
            raise CodecError(f"the body is a broken {content_type} file: {error}.") from None
        plain.info = {key: note for key, note in plain.info.items() if key in _KEPT_NOTES}
        return plain


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= MAX_PIXELS:
        raise CodecError(f"expected an image of 1 to {MAX_PIXELS} pixels, got {width} x {height}.")


def _webp_size(head: bytes) -> Any:
    kind = head[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(head[24:27], "little"), 1 + int.from_bytes(head[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF


CODEC = ImageCodec
