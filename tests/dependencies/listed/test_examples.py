"""The examples in the docstrings of what reads lists."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest

from cdk_modelbuilder.dependencies import listed

MODULES = [module.name for module in pkgutil.iter_modules(listed.__path__, f"{listed.__name__}.")]


@pytest.mark.parametrize("name", MODULES, ids=lambda name: name.rpartition(".")[2])
def test_examples_are_true(name):
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_there_are_some():
    assert sum(doctest.testmod(importlib.import_module(name)).attempted for name in MODULES) > 10
