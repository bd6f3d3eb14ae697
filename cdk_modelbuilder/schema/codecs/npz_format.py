"""NumPy's ``.npz`` archives, in memory: never with pickle, never more than a limit unpacked, no name is a path."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from typing import Any, Dict, Mapping, Sequence

import numpy as np

from .npy_format import read_npy, write_npy
from .payload_errors import CodecError

CONTENT_TYPE = "application/x-npz"
MAX_EXPANSION = 16
MAX_UNPACKED = 64 << 20
"""What may come out of an archive: so many bytes, and :data:`MAX_EXPANSION` for each of its own."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_MAX_MEMBERS = 100
_PIECE = 1 << 20
_ENTRY = b"PK\x01\x02"


def write_npz(arrays: Mapping[str, Any]) -> bytes:
    """``arrays`` as ``numpy.savez`` writes them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            archive.writestr(f"{name}.npy", memoryview(write_npy(np.asanyarray(array))))
    return stream.getvalue()


def read_npz(body: Any, names: Sequence[str]) -> Dict[str, Any]:
    """The arrays in ``body`` that are called one of ``names``; the others are not unpacked. Raises CodecError."""
    data = bytes(body)
    if data.count(_ENTRY) > _MAX_MEMBERS:
        raise CodecError(f"the body is no .npz archive of at most {_MAX_MEMBERS} arrays.")
    left = MAX_UNPACKED + MAX_EXPANSION * len(data)
    found: Dict[str, Any] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                name = member.filename[: -len(".npy")]
                if not member.filename.endswith(".npy") or name not in names:
                    continue
                if name in found or member.compress_type not in _METHODS or member.file_size > left:
                    raise CodecError(f"the archive holds {name} twice, or packed in another way, or over {left} bytes.")
                with archive.open(member) as stream:
                    unpacked = _read(stream, member.file_size + 1)
                left -= len(unpacked)
                found[name] = read_npy(unpacked)
    except CodecError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        raise CodecError(f"the body is no .npz archive: {error}.") from None
    except (struct.error, OSError, KeyError, IndexError, OverflowError, MemoryError) as error:
        raise CodecError(f"the body is no .npz archive: {error}.") from None
    return found


def _read(stream: Any, size: int) -> bytearray:
    """The first ``size`` bytes of ``stream``, whatever the archive says, and never two copies of them."""
    data = bytearray()
    while len(data) < size:
        piece = stream.read(min(_PIECE, size - len(data)))
        if not piece:
            break
        data += piece
    return data
