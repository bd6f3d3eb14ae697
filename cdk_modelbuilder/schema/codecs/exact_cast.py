"""Casts between NumPy dtypes that never change a whole number, a truth value or a moment, and lose no finite number."""

from __future__ import annotations

from typing import Any

import numpy as np

from .payload_errors import CodecError


def exact_cast(array: Any, dtype: Any) -> Any:
    """``array`` with another dtype. Raises CodecError where a value would become another one."""
    if array.dtype == dtype:
        return array
    with np.errstate(all="ignore"):
        cast = array.astype(dtype)
    return unchanged(array, cast)


def unchanged(array: Any, cast: Any) -> Any:
    """``cast``; CodecError where a whole number, a truth value or a finite number of ``array`` became another in it."""
    if cast.dtype.kind in "biu" and array.dtype.kind in "biuf":
        other = cast != array
        if other.any():
            raise CodecError(f"{array[other].flat[0]} is not a value of {cast.dtype}.")
    elif cast.dtype.kind in "mM":
        other = cast.astype(array.dtype) != array
        if array.dtype.kind in "mM":  # else it holds whole numbers, which are of no unit
            other &= ~np.isnat(array)
        if other.any():
            raise CodecError(f"{array[other].flat[0]} is finer than {cast.dtype} can hold.")
    elif cast.dtype.kind in "fc" and array.dtype.kind in "iufc" and array.dtype.itemsize >= cast.dtype.itemsize:
        lost = np.isinf(cast) & np.isfinite(array)
        if lost.any():
            raise CodecError(f"{array[lost].flat[0]} is beyond what {cast.dtype} can hold.")
    return cast
