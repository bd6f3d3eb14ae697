"""What the package promises to those who import it."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import cdk_modelbuilder
from cdk_modelbuilder.schema.codecs.registry import CODEC_MODULES, libraries_of

REPOSITORY = Path(__file__).resolve().parents[1]
HEAVY = ("aws_cdk", "boto3", "docker", "jinja2", "numpy", "pandas", "rich", "sklearn", "torch", "uvicorn", "xgboost")


DATA_LIBRARIES = libraries_of(list(CODEC_MODULES))


def imported(name: str) -> ModuleType | None:
    """The module called ``name``; None for a codec whose data's library is not installed."""
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] not in DATA_LIBRARIES:
            raise
        return None


def modules() -> list[str]:
    found = pkgutil.walk_packages(cdk_modelbuilder.__path__, "cdk_modelbuilder.")
    return [item.name for item in found if not item.name.endswith("__main__")]


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, cdk_modelbuilder; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


@pytest.mark.parametrize("name", cdk_modelbuilder.__all__)
def test_every_public_name_is_there_and_documented(name):
    value = getattr(cdk_modelbuilder, name)
    if name != "__version__":
        assert inspect.getdoc(value)


def test_unknown_names_are_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Endpoint'"):
        _ = cdk_modelbuilder.Endpoint


@pytest.mark.parametrize("name", modules())
def test_every_module_has_a_docstring_and_its_examples_run(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    module = imported(name)
    if module is None:
        pytest.skip("the library of its data is not installed; `make test-all` installs it")
    assert inspect.getdoc(module), name
    assert doctest.testmod(module, optionflags=doctest.ELLIPSIS).failed == 0


def test_public_functions_and_classes_have_docstrings():
    missing = []
    for name in modules():
        module = imported(name)
        for attribute, value in vars(module).items() if module else ():
            ours = getattr(value, "__module__", None) == name and not attribute.startswith("_")
            if ours and (inspect.isclass(value) or inspect.isfunction(value)) and not inspect.getdoc(value):
                missing.append(f"{name}.{attribute}")
    assert missing == []


@pytest.mark.slow
def test_the_wheel_holds_templates_tables_and_the_type_marker(tmp_path):
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(tmp_path),
        str(REPOSITORY),
    ]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    templates = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "templates").rglob("*.jinja")}
    assert {f"cdk_modelbuilder/{name}" for name in templates} <= names
    assert {"cdk_modelbuilder/py.typed", "cdk_modelbuilder/images/tables/xgboost.json"} <= names
    assert not any(name.startswith(("tests/", "templates/")) for name in names)
