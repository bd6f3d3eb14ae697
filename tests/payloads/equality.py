"""Whether two payloads are the same to the last bit: type, dtype, shape, order of columns, index, NaN."""

from __future__ import annotations

import dataclasses
import io
from typing import Any


def same(found: Any, expected: Any) -> bool:
    """Whether ``found`` is ``expected``, exactly."""
    if type(found) is not type(expected):
        return False
    compare = _BY_MODULE.get(type(expected).__module__.partition(".")[0])
    if compare is not None:
        return bool(compare(found, expected))
    if isinstance(expected, dict):
        return list(found) == list(expected) and all(same(found[key], expected[key]) for key in expected)
    if isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(map(same, found, expected))
    if dataclasses.is_dataclass(expected):
        return same(vars(found), vars(expected))
    if isinstance(expected, (io.BytesIO, io.StringIO)):
        return found.getvalue() == expected.getvalue()
    if isinstance(expected, (float, complex)):
        return repr(found) == repr(expected)
    return bool(found == expected)


def _numpy(found: Any, expected: Any) -> bool:
    import numpy as np

    if found.dtype != expected.dtype or found.shape != expected.shape:
        return False
    if np.ndim(found) and found.flags.f_contiguous != expected.flags.f_contiguous:
        return False
    if expected.dtype.kind in "OT":
        return bool(np.array_equal(found, expected))
    return found.tobytes() == expected.tobytes() or bool(np.array_equal(found, expected, equal_nan=True))


def _pandas(found: Any, expected: Any) -> bool:
    import pandas as pd

    compare = pd.testing.assert_frame_equal if isinstance(expected, pd.DataFrame) else pd.testing.assert_series_equal
    try:
        compare(found, expected, check_exact=True)
    except AssertionError:
        return False
    return True


def _polars(found: Any, expected: Any) -> bool:
    import polars as pl

    kind = "schema" if isinstance(expected, pl.DataFrame) else "dtype"
    return bool(getattr(found, kind) == getattr(expected, kind) and found.equals(expected, null_equal=True))


def _pyarrow(found: Any, expected: Any) -> bool:
    # Two NaN are not equal to pyarrow, their text is.
    return bool(found.schema == expected.schema and (found.equals(expected) or str(found) == str(expected)))


def _torch(found: Any, expected: Any) -> bool:
    import torch

    if found.dtype != expected.dtype or found.shape != expected.shape or found.layout != expected.layout:
        return False
    if expected.layout == torch.sparse_coo:
        found, expected = found.coalesce(), expected.coalesce()
        return _torch(found.indices(), expected.indices()) and _torch(found.values(), expected.values())
    if expected.layout != torch.strided:
        return _torch(found.to_dense(), expected.to_dense())
    raw = [torch.view_as_real(item) if item.is_complex() else item for item in (found, expected)]
    return bool(torch.equal(*(item.detach().float().nan_to_num(nan=7e30) for item in raw)))


def _tensorflow(found: Any, expected: Any) -> bool:
    import numpy as np
    import tensorflow as tf

    if isinstance(expected, tf.RaggedTensor):
        return bool(found.dtype == expected.dtype and found.to_list() == expected.to_list())
    if isinstance(expected, tf.SparseTensor):
        return _tensorflow(found.indices, expected.indices) and _tensorflow(found.values, expected.values)
    if found.dtype != expected.dtype or found.shape != expected.shape:
        return False
    return bool(np.asarray(found).tobytes() == np.asarray(expected).tobytes() or np.array_equal(found, expected))


def _scipy(found: Any, expected: Any) -> bool:
    same_kind = found.format == expected.format and found.dtype == expected.dtype and found.shape == expected.shape
    return bool(same_kind and (found.toarray() == expected.toarray()).all())


def _image(found: Any, expected: Any) -> bool:
    return bool(found.mode == expected.mode and found.size == expected.size and found.tobytes() == expected.tobytes())


_BY_MODULE = {
    "numpy": _numpy,
    "pandas": _pandas,
    "polars": _polars,
    "pyarrow": _pyarrow,
    "torch": _torch,
    "tensorflow": _tensorflow,
    "scipy": _scipy,
    "PIL": _image,
}
