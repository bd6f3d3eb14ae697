"""The modes of PIL images: which file formats keep them, and which modes may be read as which."""

from __future__ import annotations

from typing import Any

from .payload_errors import CodecError

PNG, JPEG, WEBP, TIFF = "image/png", "image/jpeg", "image/webp", "image/tiff"
FORMATS = {PNG: "PNG", JPEG: "JPEG", WEBP: "WEBP", TIFF: "TIFF"}

WRITTEN = {
    "1": (PNG, TIFF),
    "L": (PNG, WEBP, JPEG, TIFF),
    "LA": (PNG, WEBP, TIFF),
    "P": (PNG,),
    "RGB": (PNG, WEBP, JPEG, TIFF),
    "RGBA": (PNG, WEBP, TIFF),
    "I;16": (PNG, TIFF),
    "I;16B": (TIFF,),
    "CMYK": (TIFF, JPEG),
    "YCbCr": (TIFF,),
    "LAB": (TIFF,),
    "PA": (TIFF,),
    "I": (TIFF,),
    "F": (TIFF,),
}
"""Mode -> what an image of it is written as, the native one first. All but JPEG give back every pixel."""

_16_BITS = ("I;16", "I;16B")
_WIDE = ("I;16", "I;16B", "I", "F")
_WIDENED = {"I;16": _WIDE, "I;16B": _WIDE, "I": _16_BITS, "F": ()}
"""Modes of more than eight bits -> the others that they may be read as; from I, if the numbers fit."""

_NEVER = ("1", "P", "PA")


def converted(image: Any, mode: str) -> Any:
    """``image`` in ``mode``. Raises CodecError for what would clip numbers, or guess a palette or a threshold."""
    if image.mode == mode:
        return image
    if not is_convertible(image.mode, mode):
        raise CodecError(f"expected an image of mode {mode}, got {image.mode}.")
    if image.mode in _16_BITS and mode in _16_BITS:
        image = image.convert("I")  # directly, Pillow clips them to eight bits
    if image.mode == "I":  # also what older versions of Pillow make of a PNG of 16 bits
        low, high = image.getextrema()
        if low < 0 or high > 0xFFFF:
            raise CodecError(f"expected an image of mode {mode}, got numbers from {low} to {high}.")
    try:
        return image.convert(mode)
    except ValueError:
        raise CodecError(f"expected an image of mode {mode}, got {image.mode}.") from None


def is_convertible(source: str, target: str) -> bool:
    """Whether images of one mode may be given for another."""
    if source == target or target in _WIDENED.get(source, ()):
        return True
    return target not in _NEVER and source not in _WIDENED
