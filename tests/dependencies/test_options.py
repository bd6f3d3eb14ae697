"""The parts of ``dependencies=``: what each takes, and what is said about a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk_modelbuilder.dependencies.options import DependencyOptions
from cdk_modelbuilder.errors import UsageError

COMMIT = "0123456789" * 4


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("requirements.txt", "pyproject.toml", "uv.lock"):
        (tmp_path / name).touch()
    return tmp_path


def test_nothing_given():
    options = DependencyOptions.parse(None)
    assert options == DependencyOptions.parse({}) == DependencyOptions()
    assert options.auto
    assert (options.requirements, options.custom, options.exclude) == (None, (), ())
    assert (options.local, options.versions, options.packaging) == ("vendor", "installed", "install")
    assert (options.lock, options.hashes) == (False, False)  # build() asks no index by itself


def test_the_spelling_of_sagemakers_own_sdk():
    custom = ["pkg==1", f"-e git+https://host/x@{COMMIT}#egg=x"]
    options = DependencyOptions.parse({"auto": False, "requirements": "requirements.txt", "custom": custom})
    assert options == DependencyOptions(auto=False, requirements=Path("requirements.txt"), custom=tuple(custom))


@pytest.mark.parametrize(
    ("given", "attribute", "value"),
    [
        ({"requirements": Path("requirements.txt")}, "requirements", Path("requirements.txt")),
        ({"requirements": "pyproject.toml[serve,files]"}, "requirements", Path("pyproject.toml[serve,files]")),
        ({"requirements": "pyproject.toml:serving"}, "requirements", Path("pyproject.toml:serving")),
        ({"requirements": "./uv.lock[a]:b"}, "requirements", Path("./uv.lock[a]:b")),
        ({"requirements": None}, "requirements", None),
        ({"custom": ("a", "b")}, "custom", ("a", "b")),
        ({"custom": []}, "custom", ()),
        ({"exclude": ["PyYAML", " numpy", "py_yaml", "Numpy "]}, "exclude", ("numpy", "py-yaml", "pyyaml")),
        ({"local": "source"}, "local", "source"),
        ({"local": "refuse"}, "local", "refuse"),
        ({"versions": "image"}, "versions", "image"),
        ({"packaging": "wheels", "lock": False}, "packaging", "wheels"),
        ({"packaging": "image"}, "packaging", "image"),
        ({"lock": True}, "lock", True),
        ({"lock": False, "hashes": True}, "hashes", True),
        ({"lock": "auto"}, "lock", "auto"),
        ({"exclude": ["a"], "custom": ["ab==1", "b # a", "-e git+https://host/a@1#egg=b", "./a-1-py3-none-any.whl"]},
         "exclude", ("a",)),
    ],
)  # fmt: skip
def test_parts(given, attribute, value):
    assert getattr(DependencyOptions.parse(given), attribute) == value


@pytest.mark.parametrize(
    ("given", "said", "way_out"),
    [
        ([], "dependencies is [], and not a dictionary", "For example"),
        ("requirements.txt", "and not a dictionary", "For example"),
        ({"autos": True}, "no part 'autos'", "Did you mean 'auto'?"),
        ({"requirement": "x"}, "no part 'requirement'", "Did you mean 'requirements'?"),
        ({"wheels": True}, "no part 'wheels'", "auto, requirements, custom, exclude"),
        ({1: True}, "no part 1", "auto, requirements"),
        ({"auto": 1}, "auto is True or False, not 1", "For example"),
        ({"hashes": "yes"}, "hashes is True or False, not 'yes'", "For example"),
        ({"custom": "numpy==1"}, "custom a list of requirement lines, not 'numpy==1'", "For example"),
        ({"custom": ["a", 1]}, "custom a list of requirement lines, not ['a', 1]", "For example"),
        ({"exclude": "numpy"}, "exclude a list of names, not 'numpy'", "For example"),
        ({"exclude": ["numpy==1"]}, "no package's name", "without versions"),
        ({"exclude": [""]}, "no package's name", "without versions"),
        ({"requirements": 3}, "requirements a path, not 3", "For example"),
        ({"requirements": ["a.txt"]}, "requirements a path, not ['a.txt']", "For example"),
        ({"requirements": "no.txt"}, "'no.txt' does not exist", "relative to the current folder"),
        ({"requirements": "requirements.txt[a]"}, "'requirements.txt[a]' does not exist", "current folder"),
        ({"requirements": "pyproject.toml[]"}, "without a name", "pyproject.toml[extra]"),
        ({"requirements": ""}, "does not exist", "current folder"),
        ({"local": "vendored"}, "local is 'vendored'", "'vendor'? It is one of 'vendor', 'source', 'refuse'"),
        ({"versions": None}, "versions is None", "'installed', 'image'"),
        ({"packaging": "wheel"}, "packaging is 'wheel'", "Did you mean 'wheels'?"),
        ({"lock": "always"}, "lock is 'always'", "It is one of True, False, 'auto'"),
        ({"lock": 1}, "lock is 1", "It is one of True, False, 'auto'"),
        ({"exclude": ["Py_X"], "custom": ["b", " py.x[a]==1  # c "]}, "exclude names 'py-x'", "one of the two"),
        ({"exclude": ["x"], "custom": ["x"]}, "('x')", "one of the two"),
        ({"exclude": ["x"], "custom": ["x@https://host/x.zip"]}, "exclude names 'x'", "one of the two"),
        ({"exclude": ["x"], "custom": ["-e git+https://host/y@1#egg=X"]}, "exclude names 'x'", "one of the two"),
        ({"exclude": ["x"], "custom": ["--editable x @ git+https://host/y"]}, "exclude names 'x'", "one of the two"),
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_refused(given, said, way_out):
    with pytest.raises(UsageError) as caught:
        DependencyOptions.parse(given)
    assert said in caught.value.what
    assert way_out in caught.value.remedy


def test_no_secret_of_a_line_is_shown():
    custom = ["x @ https://me:hunter2@host/x.zip"]
    with pytest.raises(UsageError) as caught:
        DependencyOptions.parse({"exclude": ["x"], "custom": custom})
    assert "hunter2" not in str(caught.value)
