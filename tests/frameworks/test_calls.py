"""What travels as a part of the inference code runs on old Pythons, and is not taken for a template."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from cdk_modelbuilder.rendering import render

FOLDER = Path(__file__).parents[2] / "cdk_modelbuilder" / "frameworks" / "calls"
FILES = sorted(path.name for path in FOLDER.glob("*.py") if path.name != "__init__.py")


@pytest.mark.parametrize("name", FILES)
def test_it_is_plain_python_of_any_version(name):
    text = (FOLDER / name).read_text("utf-8")
    tree = ast.parse(text, feature_version=(3, 8))
    assert not any(isinstance(node, ast.Import) for node in tree.body)
    assert {node.module for node in tree.body if isinstance(node, ast.ImportFrom)} <= {"typing"}
    importlib.import_module(f"cdk_modelbuilder.frameworks.calls.{name.removesuffix('.py')}")
    assert render(f"cdk_modelbuilder.frameworks.calls:{name}") == text
