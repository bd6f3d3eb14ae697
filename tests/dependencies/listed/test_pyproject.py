"""pyproject.toml: the project's dependencies, extras, groups and uv's settings, each with its line."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.dependencies.listed import read_listed
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import UsageError

COMMIT = "0123456789" * 4
PROJECT = """\
[project]
name = "My_Project"
version = "1"
requires-python = ">=3.10"
dependencies = [
  "numpy>=1.26",  # numeric
  'scipy ; sys_platform == "linux"',
  "pywin32; sys_platform == 'win32'",
  "my-project[Fast]",
]

[project.optional-dependencies]
fast = ["orjson==3.10.0"]
serve_all = ["uvicorn[standard]==0.54.0", "my.project[fast,files]"]
files = ["aiofiles"]

[dependency-groups]
base = ["six==1.17.0"]
Serving_Group = [{ include-group = "BASE" }, "h11>=0.14"]
circle = [{ include-group = "circle" }]

[tool.uv]
constraint-dependencies = ["numpy<3"]
override-dependencies = ["scipy==1"]

[[tool.uv.index]]
name = "own"
url = "https://host/own/simple"
default = true

[[tool.uv.index]]
url = "https://host/flat"
format = "flat"
"""


def lines(found) -> list[tuple[str, int]]:
    assert all(item.origin.startswith("pyproject.toml, line ") for item in found)
    return [(item.text, int(item.origin.rpartition(" ")[2])) for item in found]


def test_the_project_alone(read):
    found = read({"pyproject.toml": PROJECT})
    assert lines(found.requirements) == [
        ("numpy>=1.26", 6),
        ('scipy ; sys_platform == "linux"', 7),
        ("orjson==3.10.0", 13),
    ]
    assert lines(found.constraints) == [("numpy<3", 23)]
    assert found.index_options == ("--index-url https://host/own/simple", "--find-links https://host/flat")
    assert str(found.requires_python) == ">=3.10"
    assert [note.partition(":")[0] for note in found.notes] == ["pyproject.toml, line 8", "pyproject.toml"]


def test_extras_bring_the_project_and_the_extras_that_they_name(read):
    found = read({"pyproject.toml": PROJECT}, "[serve.all]")
    assert {name: line for name, line in lines(found.requirements) if line > 8} == {
        "uvicorn[standard]==0.54.0": 14,
        "orjson==3.10.0": 13,
        "aiofiles": 15,
    }
    assert len(found.requirements) == 5


def test_names_that_end_in_digits_have_lines_too(read):
    text = "[project]\ndependencies = ['x']\n[project.optional-dependencies]\ncpu = ['torch']\ncu118 = [\n'torch',\n]"
    assert lines(read({"pyproject.toml": text}, "[cu118]").requirements) == [("x", 2), ("torch", 6)]


def test_groups_within_groups_end_somewhere(read):
    groups = "\n".join(f"g{number} = [{{ include-group = 'g{number + 1}' }}]" for number in range(500))
    with pytest.raises(UsageError, match="'g101' is nested too deep"):
        read({"pyproject.toml": f"[dependency-groups]\n{groups}"}, ":g0")


def test_a_group_comes_alone_and_with_an_extra_beside_the_project(read):
    found = read({"pyproject.toml": PROJECT}, ":serving.group")
    assert lines(found.requirements) == [("six==1.17.0", 18), ("h11>=0.14", 19)]
    assert found.requires_python is None
    both = read({"pyproject.toml": PROJECT}, "[files]:base")
    assert {name for name, _ in lines(both.requirements)} >= {"numpy>=1.26", "aiofiles", "six==1.17.0"}


def test_a_file_with_groups_alone_needs_no_project(read):
    assert read({"pyproject.toml": "[dependency-groups]\na = ['x']"}, ":a").requirements[0].name == "x"


@pytest.mark.parametrize(
    ("text", "part", "said", "way_out"),
    [
        (PROJECT, "[fats]", "has no extra 'fats'", "Did you mean 'fast'"),
        (PROJECT, "[]", "an extra or a group without a name", "pyproject.toml[extra]"),
        (PROJECT, "[fast,]", "an extra or a group without a name", "pyproject.toml[extra]"),
        (PROJECT, ":serving", "has no dependency group 'serving'", "Did you mean"),
        (PROJECT, ":circle", "the dependency group 'circle' includes itself", "Take out"),
        ("", "", "has no table [project]", "pyproject.toml:group"),
        ("[project]\nname = 'x'\ndynamic = ['dependencies']", "", "project.dependencies is dynamic", "the file"),
        ("[project]\ndynamic = ['optional-dependencies']", "[a]", "dependencies is dynamic", "the file"),
        ("[tool.poetry.dependencies]\npython = '^3.9'", "", "in Poetry's own format", "poetry export"),
        ("[project]\nname='x'\n[tool.poetry.dependencies]\nx = '1'", "", "in Poetry's own format", "poetry export"),
        ("[project]\nrequires-python = '<3.12'", "", "the container has Python 3.12", "image"),
        ("[project]\nrequires-python = 'any'", "", "requires-python is 'any', which is no range", ">=3.10"),
        ("[project]\nrequires-python = 3", "", "requires-python is 3, which is no range", ">=3.10"),
        ("project = 3", "", "project is no table", "Correct"),
        ("[project]\ndependencies = 'numpy'", "", "project.dependencies is no list of strings", "Correct"),
        ("[project]\ndependencies = [1]", "", "project.dependencies is no list of strings", "Correct"),
        ("[project]\noptional-dependencies = []", "", "project.optional-dependencies is no table", "Correct"),
        ("[dependency-groups]\na = 'x'", ":a", "dependency-groups.a is no list", "Correct"),
        ("[dependency-groups]\na = [{ other = 'x' }]", ":a", "neither a requirement nor an include-group", "Correct"),
        ("[dependency-groups]\na = [{ include-group = 'b' }]", ":a", "has no dependency group 'b'", "There are 'a'"),
        ("[project]\ndependencies = [\n\n'numpy=1',\n]", "", "line 4: 'numpy=1' is not a requirement", "pip"),
        ("[project]\ndependencies = ['-r a.txt']", "", "line 2: '-r a.txt' is not a requirement", "pip"),
        ("[project]\ndependencies = ['--index-url https://me:hunter2@host/s']", "", "line 2", "pip"),
        ("[project]\ndependencies = ['x @ git+https://host/x@main']", "", "names 'main'", "ls-remote"),
        ("[project]\n[[tool.uv.index]]\nurl = 'https://me:hunter2@host/s'", "", "line 3", "${VARIABLE}"),
        ("[project]\n[[tool.uv.index]]\nname = 'a'", "", "tool.uv.index[0] has no url", "Correct"),
        ("[project]\n[tool.uv]\nindex = 3", "", "tool.uv.index is no list of tables", "Correct"),
        ("[project]\n[tool.uv]\nfind-links = 3", "", "tool.uv.find-links is no list", "Correct"),
        ("a = ", "", "pyproject.toml is no TOML", "Correct"),
        ("a = " + "[" * 5000, "", "pyproject.toml is no TOML", "Correct"),
        ("a = 0000-00-00", "", "pyproject.toml is no TOML", "Correct"),
    ],
)  # fmt: skip
def test_what_is_refused(read, text, part, said, way_out):
    with pytest.raises(UsageError) as caught:
        read({"pyproject.toml": text}, part)
    assert said in caught.value.what
    assert way_out in caught.value.remedy
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("requires", "python", "fits"),
    [
        (">=3.12.4", "3.12", True),
        ("<3.12.1", "3.12", True),
        (">3.12.3,<3.12.9", "3.12", True),
        ("==3.12.*", "3.12", True),
        ("~=3.9", "3.8", False),
        (">=3.8,!=3.9.*", "3.9", False),
        ("", "3.8", True),
    ],
)
def test_any_patch_version_of_the_containers_python_will_do(read, requires, python, fits):
    text = f"[project]\nrequires-python = '{requires}'\ndependencies = ['x']"
    if fits:
        assert read({"pyproject.toml": text}, python=python).requirements[0].name == "x"
    else:
        with pytest.raises(UsageError, match=f"the container has Python {python}"):
            read({"pyproject.toml": text}, python=python)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (f"{{ git = 'https://host/x', rev = '{COMMIT}' }}", f"X[a] @ git+https://host/x@{COMMIT}"),
        (f"{{ git = 'ssh://git@host/x', rev = '{COMMIT}', subdirectory = 'b/c' }}",
         f"X[a] @ git+ssh://git@host/x@{COMMIT}#subdirectory=b/c"),
        ("{ url = 'https://host/x-1.tar.gz' }", "X[a] @ https://host/x-1.tar.gz"),
        ("{ url = 'https://host/x.zip', subdirectory = 'b' }", "X[a] @ https://host/x.zip#subdirectory=b"),
        ("{ path = 'dist/x-1-py3-none-any.whl' }", "X[a] @ ./dist/x-1-py3-none-any.whl"),
        ("{ index = 'own' }", "X[a]>=1"),
        ("[{ url = 'https://host/w.zip', marker = \"sys_platform == 'win32'\" }, { url = 'https://host/l.zip' }]",
         "X[a] @ https://host/l.zip"),
        ("[{ url = 'https://host/w.zip', extra = 'b' }]", "X[a]>=1"),
        ("{ path = '../x', editable = true }", None),
        ("{ workspace = true }", None),
    ],
)  # fmt: skip
def test_sources_of_uv(read, source, text):
    files = {
        "pyproject.toml": f"[project]\ndependencies = ['X[a]>=1']\n[tool.uv.sources]\n'x' = {source}",
        "dist/x-1-py3-none-any.whl": "",
    }
    found = read(files)
    if text is None:
        assert found.requirements == ()
        assert found.notes[0].startswith("pyproject.toml, line 2: X[a]>=1 is a folder of this machine")
    else:
        assert [item.text for item in found.requirements] == [text]
        assert found.requirements[0].origin == "pyproject.toml, line 2"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("{ git = 'https://host/x', tag = 'v1' }", "names 'v1', which can move"),
        ("{ git = 'https://host/x' }", "names no commit"),
        ("{ git = 'git@host:x', rev = 'a' }", "an address that pip does not take"),
        ("{ path = 'x-1-py3-none-any.whl' }", "there is no wheel"),
        ("3", "tool.uv.sources.x is no table"),
        ("{ url = 'https://host/x.zip', marker = 'nonsense' }", "has 'nonsense' for a condition"),
    ],
)
def test_sources_that_cannot_be_kept(read, source, said):
    listed = "dependencies = [\"x ; os_name == 'posix'\"]"
    with pytest.raises(UsageError) as caught:
        read({"pyproject.toml": f"[project]\n{listed}\n[tool.uv.sources]\nx = {source}"})
    assert said in caught.value.what


def test_a_file_that_is_called_so_comes_first(write, environment):
    write(**{"pyproject.toml": PROJECT, "pyproject.toml[fast]": "x"})
    with pytest.raises(UsageError, match="whose kind is known"):
        read_listed("pyproject.toml[fast]", environment=environment)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


def documents(*tables: str) -> st.SearchStrategy[str]:
    """TOML with values of every kind at places that mean something."""
    value = st.sampled_from([
        "1", "'x'", "[]", "['x']", "['?', 1]", "{}", "{ a = 1 }", "[{ a = 'x' }]", "true", "['x @ https://h/x.zip']",
        "[['x']]", "{ url = 'https://h/x' }", "[{ url = 'x', name = 'a' }]", "'>=3'", "['dependencies']",
        "{ x = ['y'] }", "2020-01-01",
    ])  # fmt: skip
    return st.lists(st.tuples(st.sampled_from(tables), value), unique_by=lambda pair: pair[0], max_size=4).map(
        lambda pairs: "\n".join(f"{key} = {item}" for key, item in pairs)
    )


@settings(deadline=None, max_examples=300)
@given(
    st.text()
    | documents(
        "project.name", "project.dependencies", "project.dynamic", "project.requires-python", "project", "tool",
        "project.optional-dependencies", "project.optional-dependencies.x", "dependency-groups", "dependency-groups.y",
        "tool.uv.sources", "tool.uv.sources.x", "tool.uv.index-url", "tool.uv.constraint-dependencies", "tool.poetry",
        "tool.uv.index",
    ),
    st.sampled_from(["", "[x]", ":y", "[x]:y"]),
)  # fmt: skip
def test_nothing_else_comes_of_any_text(scratch, text, part):
    (scratch / "pyproject.toml").write_text(text, "utf-8", newline="")
    with suppress(UsageError):
        read_listed(f"{scratch / 'pyproject.toml'}{part}", environment=Target(python="3.12").marker_environment())
