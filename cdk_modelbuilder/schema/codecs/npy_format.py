"""NumPy's ``.npy`` format without pickle and, where the body can be written to, without a copy."""

from __future__ import annotations

import ast
import io
import math
import sys
from typing import Any, Dict

import numpy as np

from .payload_errors import CodecError

CONTENT_TYPE = "application/x-npy"
_MAGIC = b"\x93NUMPY"
_MAX_HEADER = 1 << 16
_MAX_PARSED = 10_000  # as NumPy itself, because of how Python parses
_MAX_EMPTY_ITEMS = 1 << 16


def write_npy(array: Any) -> memoryview:
    """``array`` as ``.npy``: what ``numpy.save`` writes, with one copy of its bytes. Raises CodecError.

    The bytes lie in memory of NumPy, which asks for huge pages: those of a bytearray take five times as long to get.
    """
    if array.dtype.hasobject:
        raise CodecError("an array of Python objects cannot be sent: give it a fixed dtype.")
    header = io.BytesIO()
    try:
        np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(array))
    except ValueError:  # a header that needs a later version of the format
        whole = io.BytesIO()
        np.save(whole, array, allow_pickle=False)
        return whole.getbuffer()
    in_order = array if array.flags.c_contiguous else array.T if array.flags.f_contiguous else array.copy("C")
    data, start = bytes_of(in_order), header.tell()
    body = memoryview(np.empty(start + len(data), np.uint8))  # type: ignore[arg-type, unused-ignore]
    body[:start] = header.getvalue()
    body[start:] = data
    return body


def bytes_of(array: Any) -> Any:
    """The bytes of a C-contiguous array, as a view."""
    if not array.size or not array.dtype.itemsize:
        return b""
    return memoryview(array.reshape(-1).view(np.uint8))


def read_npy(body: Any) -> Any:
    """The array in ``body``: a view of it if it can be written to, else a copy. Raises CodecError."""
    view = memoryview(body).cast("B")
    if view[: len(_MAGIC)] != _MAGIC:
        raise CodecError("the body is not a .npy array: it does not begin with its magic number.")
    stream = io.BytesIO(view[:_MAX_HEADER])
    try:
        shape, is_fortran, dtype = _READERS[np.lib.format.read_magic(stream)](stream)
        array = array_from(view[stream.tell() :], dtype, shape[::-1] if is_fortran else shape)
    except CodecError:
        raise
    except Exception as error:  # noqa: BLE001 - its parser of headers raises whatever Python's own parser does
        raise CodecError(f"the body is not a .npy array: {error}.") from None
    return array.T if is_fortran else array


def _read_header_3(stream: Any) -> Any:
    """The header of version 3, which is in UTF-8. NumPy reads it as well, but only together with the array."""
    text = stream.read(int.from_bytes(stream.read(4), "little"))
    if len(text) > _MAX_PARSED:
        raise CodecError(f"the body is not a .npy array: its header is over {_MAX_PARSED} bytes.")
    header = ast.literal_eval(text.decode("utf-8"))
    return header["shape"], header["fortran_order"], np.lib.format.descr_to_dtype(header["descr"])


_READERS: Dict[Any, Any] = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
    (3, 0): _read_header_3,
}


def array_from(data: memoryview, dtype: Any, shape: Any) -> Any:
    """The C-ordered array whose bytes are ``data``; a view if they can be written to. Raises CodecError."""
    if dtype.hasobject:
        raise CodecError("the body holds Python objects, which are never unpickled.")
    count = math.prod(shape)
    if count * dtype.itemsize != len(data) or (not dtype.itemsize and count > _MAX_EMPTY_ITEMS):
        raise CodecError(
            f"the body is not a .npy array: {len(data)} bytes follow its header, which announces an array of shape "
            f"{tuple(shape)} and dtype {dtype}."
        )
    if not len(data):
        return np.zeros(shape, dtype)
    flat = np.frombuffer(data, dtype)
    _check_text(flat)
    if dtype.kind == "b" and flat.view(np.uint8).max() > 1:
        raise CodecError("the body holds truth values that are neither 0 nor 1.")
    return (flat.copy() if data.readonly else flat).reshape(shape)


def _check_text(array: Any) -> None:
    """Refuse numbers of what is no character: NumPy makes a str of them, which nothing that takes a str expects."""
    for name in array.dtype.names or ():
        _check_text(array[name])
    if array.dtype.kind == "U" and array.dtype.itemsize and array.size:
        characters = np.ascontiguousarray(array).view(array.dtype.str[0] + "u4")
        if characters.max() > sys.maxunicode:
            raise CodecError("the body is not a .npy array: its text holds what is no character.")
