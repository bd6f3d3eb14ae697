"""Which codecs there are: the built-in ones, those that were registered, and those of other packages."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any, Dict, Iterator, Mapping, Optional, Sequence, Tuple, Type

from .base import Codec
from .class_references import has_base, is_verified, resolve
from .payload_errors import CodecError

ENTRY_POINTS = "cdk_modelbuilder.codecs"

CODEC_MODULES = {
    "numpy": "numpy_arrays",
    "pandas": "pandas_tables",
    "polars": "polars_tables",
    "pyarrow": "arrow_tables",
    "torch": "torch_tensors",
    "tensorflow": "tensorflow_tensors",
    "scipy": "sparse_matrices",
    "image": "images",
    "media": "media_bytes",
    "text": "text",
    "json": "json_values",
    "scalar": "scalars",
    "pydantic": "pydantic_models",
    "bytes": "raw_bytes",
    "tree": "trees",
    "stream": "streams",
    "translator": "translators",
    "named_tensors": "named_tensors",
    "mlflow_messages": "mlflow_messages",
}
"""Codec name -> module in this folder, in the order in which a sample is offered to them."""

_LIBRARIES = {
    **{name: name for name in ("numpy", "pandas", "polars", "pyarrow", "torch", "tensorflow", "scipy", "pydantic")},
    "image": "PIL",
    "named_tensors": "numpy",
}
"""Codec name -> top-level module of its types; a sample of them would have imported it."""

_registered: Dict[str, Type[Codec]] = {}


def register_codec(codec: Type[Codec]) -> Type[Codec]:
    """Add a codec of your own, which is asked before the built-in ones; usable as a class decorator.

    Its module is shipped with a bundle as source. In a package that is installed, name the class under the entry point
    group ``cdk_modelbuilder.codecs`` instead.
    """
    if not isinstance(getattr(codec, "name", None), str) or codec.name in CODEC_MODULES:
        raise ValueError(f"{codec.__qualname__} needs a name of its own; taken are {', '.join(CODEC_MODULES)}")
    _registered[codec.name] = codec
    return codec


def foreign_codecs() -> Iterator[Type[Codec]]:
    """The registered codecs, then those of installed packages."""
    yield from _registered.values()
    from importlib.metadata import entry_points

    found: Any = entry_points()
    chosen = found.select(group=ENTRY_POINTS) if hasattr(found, "select") else found.get(ENTRY_POINTS, ())
    for point in sorted(chosen, key=lambda item: str(item.name)):
        codec = point.load()
        if codec.name not in _registered:
            yield codec


def codec_class(name: str) -> Type[Codec]:
    """The class of the codec called ``name``. Raises CodecError if there is none."""
    if name in CODEC_MODULES:
        module = importlib.import_module("." + CODEC_MODULES[name], __package__)
        return module.CODEC  # type: ignore[no-any-return]
    for codec in foreign_codecs():
        if codec.name == name:
            return codec
    raise CodecError(
        f"the schema names a codec {name!r} that is not known here. Install the package that brings it, or import the "
        "module that registers it."
    )


def describe_sample(sample: Any, *, but: Sequence[str] = ()) -> Optional[Tuple[str, Dict[str, Any]]]:
    """Name and spec of the first codec that takes ``sample``; None if none does.

    Raises CodecError for a value that a codec knows and cannot handle, with the way out.
    """
    for codec in _candidates(but):
        spec = codec.describe(sample)
        if spec is not None:
            return codec.name, spec
    return None


def _candidates(but: Sequence[str]) -> Iterator[Type[Codec]]:
    yield from _registered.values()
    for name in CODEC_MODULES:
        library = _LIBRARIES.get(name)
        if name not in but and (library is None or library in sys.modules):
            yield codec_class(name)
    yield from (codec for codec in foreign_codecs() if codec.name not in _registered)


def open_codec(description: Mapping[str, Any]) -> Codec:
    """The codec for one direction of ``schema.json``.

    Raises CodecError if the codec, or the library of its data, is not to be had here.
    """
    name = description["codec"]
    shipped = resolve(description["class"], has_base("Codec")) if "class" in description and is_verified() else None
    try:
        codec: Codec = (shipped or codec_class(name))(description["spec"])
    except ImportError as error:
        raise CodecError(
            f"payloads of this endpoint are {name} data, but {error.name} is not installed here. "
            f"Install it, or send bytes with invoke()."
        ) from None
    offered = description.get("content_types")
    if offered is not None:
        codec.content_types = tuple(item for item in offered if item in codec.content_types and _is_usable(codec, item))
    if not codec.content_types:
        raise CodecError(f"none of the content types {list(offered or ())} of the {name} codec is to be had here.")
    return codec


def _is_usable(codec: Codec, content_type: str) -> bool:
    return is_installed(codec.needs(content_type))


def is_installed(library: Optional[str]) -> bool:
    """Whether the top-level module ``library`` can be imported; None can."""
    try:
        return library is None or importlib.util.find_spec(library) is not None
    except (ImportError, ValueError):  # an import hook says no, or the module is a stand-in
        return False


def codec_names(schema: Mapping[str, Any]) -> Sequence[str]:
    """The names of all codecs in ``schema.json``, those inside of others too, sorted."""
    return sorted({item["codec"] for item in _descriptions(schema) if "codec" in item})


def class_names(schema: Mapping[str, Any]) -> Sequence[str]:
    """References to all of the user's classes in ``schema.json``, sorted."""
    found = set()
    for item in _descriptions(schema):
        holders = [item, item["spec"]] if item.get("codec") in ("pydantic", "translator") else [item]
        found |= {holder["class"] for holder in holders if "class" in holder}
    return sorted(found)


def _descriptions(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every description of a codec or of a record in ``schema.json``, and nothing of what users' data are called."""
    waiting = [schema["input"], schema["output"]]
    while waiting:
        item = waiting.pop()
        if "codec" in item or "class" in item:
            yield item
        if item.get("codec") in ("mlflow_messages", "named_tensors", "stream", "tree"):
            waiting.append(item["spec"])
        for holder in ("items", "fields"):  # of a node: its children, with or without names
            waiting += [child[1] if isinstance(child, list) else child for child in item.get(holder, ())]
        waiting += [item["item"]] if "item" in item else []


def libraries_of(names: Sequence[str]) -> Sequence[str]:
    """Top-level modules that the codecs called ``names`` import."""
    found = {_LIBRARIES[name] for name in names if name in _LIBRARIES}
    return sorted(found | ({"pyarrow"} if "polars" in names else set()))
