"""Stands in for cdk_modelbuilder where a model is served: only what user code subclasses is needed there.

It is the package's ``__init__.py`` inside a container. In a process on this machine, where the whole package is
installed, :func:`install` puts it in the package's place: a module that trains and packages a model beside its
InferenceSpec then imports as little as it does in the container, and what fails there fails here.
"""

from __future__ import annotations

import importlib
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import Any, NoReturn

from cdk_modelbuilder.spec import InferenceSpec

_HOMES = {
    "Codec": "modelbuilder_runtime.codecs",
    "CodecError": "modelbuilder_runtime.codecs",
    "CustomPayloadTranslator": "modelbuilder_runtime.codecs.translators",
    "register_codec": "modelbuilder_runtime.codecs",
}
__all__ = ["InferenceSpec", *_HOMES]  # noqa: PLE0604 - strings they are


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name.startswith("__"):
        raise AttributeError(name)

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise RuntimeError(f"cdk_modelbuilder.{name} is for building; it is not part of a deployed model")

    # A class, so that code may catch it, subclass it and name it in annotations; only using it is an error.
    return type(name, (Exception,), {"__new__": refuse})


class _Parts(MetaPathFinder, Loader):
    """Modules of the package that are not here, such as cdk_modelbuilder.errors."""

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        return ModuleSpec(name, self, is_package=True) if name.startswith(__name__ + ".") else None

    def create_module(self, _: ModuleSpec) -> None:
        return None

    def exec_module(self, module: Any) -> None:
        module.__getattr__ = __getattr__


def install() -> None:
    """Give the names of the installed package as this module does, from now on."""
    package: Any = sys.modules["cdk_modelbuilder"]
    for name in vars(package).keys() & set(package.__all__):
        if not name.startswith("__"):
            delattr(package, name)
    package.InferenceSpec = InferenceSpec
    package.__getattr__ = __getattr__


if __name__ == "cdk_modelbuilder":
    sys.meta_path.append(_Parts())
