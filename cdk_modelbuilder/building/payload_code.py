"""What of the schema travels: the codecs' own files, the user's classes that payloads are made of, and libraries."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from functools import cache
from pathlib import Path

from cdk_modelbuilder.dependencies import extracted_source
from cdk_modelbuilder.dependencies.local_source import SCRIPT_MODULES, LocalSource, collect
from cdk_modelbuilder.errors import ModelError
from cdk_modelbuilder.schema import codecs
from cdk_modelbuilder.schema.codecs import Codec, Marshaller
from cdk_modelbuilder.schema.codecs.class_references import resolve
from cdk_modelbuilder.schema.codecs.registry import CODEC_MODULES, class_names, codec_names, libraries_of
from cdk_modelbuilder.schema.schema_builder import schema_json

CODECS_FOLDER = Path(codecs.__file__).parent


def travelling_modules(marshaller: Marshaller, *, with_base_classes: bool) -> list[str]:
    """The codec files that a bundle needs, sorted: those of its codecs and all that these import.

    Args:
        marshaller: The schema.
        with_base_classes: Whether user code may import CustomPayloadTranslator.
    """
    names = codec_names(schema_json(marshaller))
    waiting = ["__init__", *(CODEC_MODULES[name] for name in names if name in CODEC_MODULES)]
    waiting += ["translators"] if with_base_classes else []
    found: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting += _siblings(module)
    return sorted(found)


@cache
def _siblings(module: str) -> tuple[str, ...]:
    tree = ast.parse((CODECS_FOLDER / f"{module}.py").read_bytes())
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 1)
    return tuple(node.module for node in imports if node.module)


def payload_libraries(marshaller: Marshaller) -> list[str]:
    """Top-level modules that the codecs import."""
    return list(libraries_of(codec_names(schema_json(marshaller))))


def payload_classes(marshaller: Marshaller) -> list[type]:
    """The user's classes in the schema: translators, dataclasses, pydantic models, codecs."""
    found = [resolve(reference, lambda _kind: True) for reference in class_names(schema_json(marshaller))]
    return [kind for kind in found if kind is not None]


def add_payload_source(source: LocalSource, classes: Iterable[type], script_objects: Iterable[object] = ()) -> None:
    """Add the modules of ``classes``, and what ``script_objects`` need that scripts define, to ``source``.

    Raises:
        ModelError: Python does not know the source of a class.
    """
    of_modules = sorted({kind.__module__ for kind in classes if kind.__module__ not in SCRIPT_MODULES})
    source.update(collect(of_modules))
    of_scripts = [*script_objects, *(kind for kind in classes if kind.__module__ in SCRIPT_MODULES)]
    if of_scripts:
        try:
            text = extracted_source.extract(of_scripts)
        except extracted_source.NoSourceError as error:
            raise ModelError(
                f"Python does not know the source of {error}.",
                remedy="Define the class in a file, not in a bare interpreter.",
            ) from None
        extracted_source.add_to(source, text)


def without_absent_libraries(marshaller: Marshaller, present: AbstractSet[str]) -> Marshaller:
    """``marshaller`` without the content types whose library is not among the modules ``present`` in the container."""
    return Marshaller(_restricted(marshaller.input, present), _restricted(marshaller.output, present))


def native_libraries(marshaller: Marshaller) -> list[str]:
    """Top-level modules that the native content types of ``marshaller`` need, beyond those of its values."""
    codecs = (marshaller.input, marshaller.output)
    found = {codec.needs(item) for codec in codecs for item in codec.content_types[:1]}
    return sorted(name for name in found if name is not None)


def _restricted(codec: Codec, present: AbstractSet[str]) -> Codec:
    restricted = copy.copy(codec)
    needs = {item: codec.needs(item) for item in codec.content_types}
    restricted.content_types = tuple(item for item in needs if needs[item] is None or needs[item] in present)
    return restricted
