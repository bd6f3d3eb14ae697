"""environment.yml: conda's names and versions as pip's, and nothing that is constructed from the file."""

from __future__ import annotations

import builtins
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.dependencies.listed import read_listed
from cdk_modelbuilder.dependencies.listed.conda_names import name_on_pypi
from cdk_modelbuilder.dependencies.listed.conda_spec import read_conda_spec
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import ToolMissingError, UsageError

pytest.importorskip("yaml")
COMMIT = "0123456789" * 4
ENVIRONMENT = f"""\
name: churn
channels:
  - conda-forge
dependencies:
  - python=3.12
  - pip
  - conda-forge::pytorch=2.1  # a range
  - numpy=1.26.4=py312heda63a1_0
  - &same scipy>=1.10,<2
  - *same
  - libopenblas=0.3.25
  - cudatoolkit=11.8
  - pip:
      - six==1.17.0
      - "requests[socks]>=2 ; python_version > '3'"
      - -r more.txt
      - --extra-index-url https://host/simple
      - -e git+https://host/x@{COMMIT}#egg=x
"""


def test_an_environment(read):
    found = read({"environment.yml": ENVIRONMENT, "more.txt": "# more\nh11\n"})
    assert [(item.text, item.origin) for item in found.requirements] == [
        ("torch==2.1.*", "environment.yml, line 7"),
        ("numpy==1.26.4", "environment.yml, line 8"),
        ("scipy<2,>=1.10", "environment.yml, line 9"),
        ("six==1.17.0", "environment.yml, line 14"),
        ("requests[socks]>=2 ; python_version > '3'", "environment.yml, line 15"),
        ("h11", "more.txt, line 2"),
        (f"-e git+https://host/x@{COMMIT}#egg=x", "environment.yml, line 18"),
    ]
    assert found.index_options == ("--extra-index-url https://host/simple",)
    assert found.notes == (
        "environment.yml: left out, being no Python packages: cudatoolkit, libopenblas; wheels bring their own.",
    )
    assert str(found.requires_python) == "==3.12.*"


@pytest.mark.parametrize(
    ("line", "name", "specifier"),
    [
        ("numpy", "numpy", ""),
        ("NumPy", "numpy", ""),
        ("numpy=1.26", "numpy", "==1.26.*"),
        ("numpy=1", "numpy", "==1.*"),
        ("numpy=1.26.4", "numpy", "==1.26.4"),
        ("numpy =1.26.4", "numpy", "==1.26.4"),
        ("numpy==1.26.4", "numpy", "==1.26.4"),
        ("numpy==1.26", "numpy", "==1.26"),
        ("numpy 1.26.4", "numpy", "==1.26.4"),
        ("numpy 1.26.*", "numpy", "==1.26.*"),
        ("numpy=1.26.*", "numpy", "==1.26.*"),
        ("numpy=1.26*", "numpy", "==1.26.*"),
        ("numpy=1.26.4=py312_0", "numpy", "==1.26.4"),
        ("numpy=1.26=py312_0", "numpy", "==1.26"),
        ("numpy=1.26.*=py312_0", "numpy", "==1.26.*"),
        ("numpy==1.26.4=py312_0", "numpy", "==1.26.4"),
        ("numpy 1.26.4 py312_0", "numpy", "==1.26.4"),
        ("numpy=*=*cuda*", "numpy", ""),
        ("numpy=*", "numpy", ""),
        ("numpy *", "numpy", ""),
        ("numpy>=1.20,<2.0a0", "numpy", ">=1.20,<2.0a0"),
        ("numpy >=1.20, <2", "numpy", ">=1.20,<2"),
        ("numpy>=1.20.*", "numpy", ">=1.20"),
        ("numpy!=1.20.*", "numpy", "!=1.20.*"),
        ("numpy~=1.20", "numpy", "~=1.20"),
        ("conda-forge::numpy=1.26.4", "numpy", "==1.26.4"),
        ("conda-forge/linux-64::numpy", "numpy", ""),
        ("numpy[version='>=1.20,<2', build=py*]", "numpy", ">=1.20,<2"),
        ('numpy[build="py312*",version="1.26.4"]', "numpy", "==1.26.4"),
        ("numpy[build=py312*]", "numpy", ""),
        ("certifi=2024.8.30=pyhd8ed1ab_0", "certifi", "==2024.8.30"),
        ("scikit-learn=1.4  # why", "scikit-learn", "==1.4.*"),
    ],
)
def test_versions(line, name, specifier):
    found = read_conda_spec(line, "here")
    assert (found.name, found.specifier) == (name, type(found.specifier)(specifier))


@pytest.mark.parametrize(
    ("name", "on_pypi"),
    [
        ("pytorch", "torch"), ("py-xgboost-gpu", "xgboost"), ("opencv", "opencv-python"), ("cupy", "cupy"),
        ("msgpack-python", "msgpack"), ("python-dateutil", "python-dateutil"), ("pip-tools", "pip-tools"),
        ("librosa", "librosa"), ("libcst", "libcst"), ("libblas", None), ("python", None), ("python_abi", None),
        ("cuda-version", None), ("pytorch-cuda", None), ("gcc_linux-64", None), ("r-base", None), ("tk", None),
        ("_openmp_mutex", None), ("yaml", None), ("openssl", None), ("regex", "regex"), ("zipp", "zipp"),
        ("gitpython", "gitpython"), ("makefun", "makefun"), ("tktooltip", "tktooltip"), ("zstandard", "zstandard"),
    ],
)  # fmt: skip
def test_names(name, on_pypi):
    assert name_on_pypi(name) == on_pypi


@pytest.mark.parametrize(
    ("lines", "said", "way_out"),
    [
        (["python=3.9"], "line 2: the environment has python==3.9.*, and the container has Python 3.12", "image"),
        (["python>=3.8,<3.12"], "the container has Python 3.12", "image"),
        (["python 3.11.7"], "the container has Python 3.12", "image"),
        (["numpy>=1|<3"], "line 2: the versions in 'numpy>=1|<3' cannot be written as pip's", "under pip"),
        (["x", "numpy=1.0-odd?"], "line 3: the versions in", "under pip"),
        (["https://host/numpy.conda"], "is no package as conda names them", "under pip"),
        (["https://me:hunter2@host/numpy.conda"], "is no package as conda names them", "under pip"),
        (["''"], "is no package as conda names them", "under pip"),
        (["[x]"], "line 2 holds a sequence where a mapping is wanted", "dependencies:"),
        (["npm: [x]"], "line 2: 'npm' is no part that conda knows", "pip:"),
        (["pip: x"], "line 2: 'pip' is no list", "after a dash"),
        (["pip: [[x]]"], "line 2: a sequence is no requirement", "one requirement a line"),
        (["pip: ['numpy=1']"], "line 2: 'numpy=1' is not a requirement", "as pip takes it"),
        (["pip: ['-e .']"], "line 2: '.' is a folder of this machine", "captured"),
        (["pip: ['-r no.txt']"], "line 2: there is no file 'no.txt'", "folder of environment.yml"),
        (["pip: ['-i https://me:hunter2@host/s']"], "line 2", "${VARIABLE}"),
    ],
)
def test_lines_that_are_refused(read, lines, said, way_out):
    with pytest.raises(UsageError) as caught:
        read({"environment.yml": "\n".join(["dependencies:", *(f"- {line}" for line in lines)])})
    assert said in caught.value.what
    assert way_out in caught.value.remedy
    assert "hunter2" not in str(caught.value)


BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "environment.yaml is empty"),
        ("just text", "holds a scalar where a mapping is wanted"),
        ("- a\n- b", "holds a sequence where a mapping is wanted"),
        ("name: x", "has no list 'dependencies'"),
        ("dependencies: x", "line 1: 'dependencies' is no list"),
        ("dependencies: {a: b}", "line 1: 'dependencies' is no list"),
        ("name: x\ndependencies: [", "environment.yaml, line 2: it is no YAML"),
        ("a: b: c", "environment.yaml, line 1: it is no YAML"),
        ("a: *unknown", "environment.yaml, line 1: it is no YAML"),
        ("a: x\n---\nb: y", "it is no YAML"),
        ("a: \x00", "it is no YAML"),
        ('a: "\\UFFFFFFFF"', "it is no YAML"),
        ("[" * 30_000, "it is no YAML"),
        (BOMB, "has no list 'dependencies'"),
        (BOMB + "dependencies: *i", "line 8 holds a sequence where a mapping is wanted"),
        ("a: " + "x" * 1_100_000, "is no environment"),
    ],
    ids=str.split(
        "empty text list name dependencies mapping cut colons alias documents nul escape deep bomb used large"
    ),
)
def test_what_is_no_environment(read, text, said):
    with pytest.raises(UsageError) as caught:
        read({"environment.yaml": text})
    assert caught.value.what.startswith("environment.yaml")
    assert said in caught.value.what


@pytest.mark.parametrize("tag", ["!!python/object/apply:os.system ['touch made']", "!!python/name:os.system", "!own x"])
def test_tags_make_nothing(read, tmp_path, tag):
    read({"environment.yml": f"name: {tag}\ndependencies: [numpy]\n"})
    with suppress(UsageError):
        read({"environment.yml": f"dependencies:\n- {tag}\n"})
    assert not (tmp_path / "made").exists()


def test_aliases_of_lists_are_followed_once(read):
    lines = ", ".join(f"p{number}" for number in range(2000))
    text = f"x: &x [{lines}]\ndependencies:\n- pip: &y [a, b]\n" + "- pip: *x\n- pip: *y\n" * 2000
    assert len(read({"environment.yml": text}).requirements) == 2002


def test_versions_of_what_is_left_out_may_be_of_any_kind(read):
    assert (
        read({"environment.yml": "dependencies: [jpeg=9e=h0, openssl=1.1.1w=h1, numpy=2]"}).requirements[0].name
        == "numpy"
    )


def test_variables_leave_a_note_and_an_empty_list_is_one(read):
    found = read({"environment.yml": "variables: {A: b}\ndependencies:\n"})
    assert found.requirements == ()
    assert "variables are not set" in found.notes[0]
    assert read({"environment.yml": "dependencies:\n- pip:\n"}).requirements == ()


def test_without_pyyaml_the_extra_is_named(read, monkeypatch):
    real = builtins.__import__

    def without_yaml(name, *rest):
        if name == "yaml":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without_yaml)
    with pytest.raises(ToolMissingError, match=r"environment\.yml.*cdk-modelbuilder\[conda\]"):
        read({"environment.yml": ENVIRONMENT})


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@settings(deadline=None, max_examples=300)
@given(
    st.text()
    | st.text(alphabet="-:[]{}&*!|>'\"#%@`,?\n\t ax")
    | st.lists(st.sampled_from(ENVIRONMENT.splitlines())).map("\n".join)
    | st.text().map(lambda text: f"dependencies: [{text!r}]")
    | st.text(alphabet="numpy=<>!~*., 12[]|'\"version:").map(lambda text: f"dependencies:\n- {text}")
)
def test_nothing_else_comes_of_any_text(scratch, text):
    (scratch / "environment.yml").write_text(text, "utf-8", newline="")
    with suppress(UsageError):
        read_listed(scratch / "environment.yml", environment=Target(python="3.12").marker_environment())
