"""Packages of conda that are called otherwise on PyPI, and those that are no Python packages at all."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

# Only those whose names differ by more than case and dashes; normalising does the rest.
_ON_PYPI: Mapping[str, str] = MappingProxyType(
    {
        "brotli-python": "brotli",
        "dask-core": "dask",
        "faiss": "faiss-cpu",
        "matplotlib-base": "matplotlib",
        "msgpack-python": "msgpack",
        "opencv": "opencv-python",
        "py-opencv": "opencv-python",
        "py-xgboost": "xgboost",
        "py-xgboost-cpu": "xgboost",
        "py-xgboost-gpu": "xgboost",
        "pyarrow-core": "pyarrow",
        "pyqt": "pyqt5",
        "pytables": "tables",
        "python-annoy": "annoy",
        "python-blosc": "blosc",
        "python-duckdb": "duckdb",
        "python-flatbuffers": "flatbuffers",
        "python-graphviz": "graphviz",
        "python-lmdb": "lmdb",
        "pytorch": "torch",
        "pytorch-cpu": "torch",
        "pytorch-gpu": "torch",
        "tensorflow-base": "tensorflow",
        "tensorflow-eigen": "tensorflow",
        "tensorflow-gpu": "tensorflow",
        "tensorflow-mkl": "tensorflow",
    }
)

# Programs and libraries of C and others, which wheels bring themselves or the image has.
_NO_PYTHON = re.compile(
    r"python|pip|python[_-]abi.*|_.*|"
    r"cuda.*|cudnn|cutensor|nccl|pytorch-(cuda|mutex)|nvidia-cuda-.*|"
    r"(c|cxx|fortran)-compiler|compilers|gcc.*|gxx.*|gfortran.*|clang.*|binutils.*|ld_impl_.*|sysroot_.*|kernel-headers_.*|"
    r"blas|openblas|mkl|mkl-service|nomkl|llvm-openmp|intel-openmp|tbb|"
    r"lib(?!archive-c$|clang$|cst$|pysal$|rosa$|sass$|sql$|svm$|tmux$|usb1$).*|"
    r"aws-c-.*|bzip2|c-ares|ca-certificates|curl|ffmpeg|freetype|fontconfig|geos|giflib|git|glib|graphviz|gsl|hdf5|icu|"
    r"jpeg|jq|krb5|lcms2|lz4-c|make|ncurses|nodejs|openjdk|openjpeg|openssl|pcre2?|pkg-config|proj|r-.*|readline|"
    r"snappy|sqlite|tk|tzdata|unzip|wget|x264|xorg-.*|xz|yaml|zip|zlib|zlib-ng|zstd"
)


def name_on_pypi(name: str) -> str | None:
    """What a package of conda is called on PyPI; None if it is no Python package.

    >>> name_on_pypi("pytorch"), name_on_pypi("numpy"), name_on_pypi("libblas"), name_on_pypi("librosa")
    ('torch', 'numpy', None, 'librosa')
    """
    if name in _ON_PYPI:
        return _ON_PYPI[name]
    return None if _NO_PYTHON.fullmatch(name) else name
