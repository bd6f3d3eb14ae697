"""uv.lock, read by the real uv; no index is asked."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.dependencies import uv_tool
from cdk_modelbuilder.dependencies.listed import read_listed
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import ToolMissingError, UsageError

pytest.importorskip("uv")
SHA, OTHER = "ab" * 32, "cd" * 32
COMMIT = "0123456789" * 4
OWN = "source = { registry = 'https://host/own' }"
PROJECT = """\
[project]
name = "proj"
version = "0.1"
requires-python = ">=3.10"
dependencies = ["numpy", "lib1", "from-git", "winonly; sys_platform == 'win32'"]
[project.optional-dependencies]
serve = ["sniffio"]
[dependency-groups]
dev = ["iniconfig"]
serving = ["h11"]
[tool.uv]
default-groups = ["dev", "serving"]
[[tool.uv.index]]
name = "own"
url = "https://host/own"
[tool.uv.sources]
lib1 = { path = "libs/lib1", editable = true }
from-git = { git = "https://host/x", branch = "main" }
"""


def locked(name: str, version: str, *more: str, source: str = '{ registry = "https://host/own" }') -> str:
    wheel = f"https://host/{name}-{version}-py3-none-any.whl"
    files = f'wheels = [{{ url = "{wheel}", hash = "sha256:{SHA}", size = 1 }}]' if "registry" in source else ""
    return "\n".join(
        ["[[package]]", f'name = "{name}"', f'version = "{version}"', f"source = {source}", files, *more, "", ""]
    )


LOCK = (
    "version = 1\nrevision = 3\nrequires-python = '>=3.10'\n\n"
    + locked("from-git", "1", source=f'{{ git = "https://host/x?branch=main#{COMMIT}" }}')
    + locked("h11", "0.16")
    + locked("iniconfig", "2")
    + locked("lib1", "0.2", 'dependencies = [{ name = "sniffio" }]', source='{ editable = "libs/lib1" }')
    + locked("numpy", "1.26.4", "resolution-markers = [\"python_full_version < '3.12'\"]")
    + locked("numpy", "2.1.0", "resolution-markers = [\"python_full_version >= '3.12'\"]")
    + locked(
        "proj",
        "0.1",
        "dependencies = [",
        '{ name = "from-git" }, { name = "lib1" },',
        f"{{ name = 'numpy', version = '1.26.4', {OWN}, marker = \"python_full_version < '3.12'\" }},",
        f"{{ name = 'numpy', version = '2.1.0', {OWN}, marker = \"python_full_version >= '3.12'\" }},",
        "{ name = 'winonly', marker = \"sys_platform == 'win32'\" }]",
        'optional-dependencies = { serve = [{ name = "sniffio" }] }',
        'dev-dependencies = { dev = [{ name = "iniconfig" }], serving = [{ name = "h11" }] }',
        source='{ virtual = "." }',
    )
    + locked("sniffio", "1.3.1")
    + locked("winonly", "1")
)
FILES = {"uv.lock": LOCK, "pyproject.toml": PROJECT}


def line_of(text: str) -> str:
    """The place of the package whose table holds ``text``."""
    before = LOCK[: LOCK.index(text)]
    return f"uv.lock, line {before[: before.rindex('[[package]]')].count(chr(10)) + 1}"


def test_the_project_for_the_container(read):
    found = read(FILES)
    assert {item.text: item.origin for item in found.requirements} == {
        f"from-git @ git+https://host/x@{COMMIT}": line_of('"from-git"'),
        "numpy==2.1.0 ; python_full_version >= '3.12'": line_of('"2.1.0"'),
        "sniffio==1.3.1": line_of('"1.3.1"'),
    }
    assert {item.hashes for item in found.requirements if item.url is None} == {(f"sha256:{SHA}",)}
    assert found.index_options == ("--extra-index-url https://host/own",)
    assert [note.partition(" is a folder")[0] for note in found.notes] == [line_of('"lib1"') + ": lib1"]
    assert str(found.requires_python) == ">=3.10"


def test_for_another_python(read):
    found = {item.text: item.origin for item in read(FILES, python="3.11").requirements}
    assert found["numpy==1.26.4 ; python_full_version < '3.12'"] == line_of('"1.26.4"')


def test_extras_and_groups(read):
    assert {item.name for item in read(FILES, "[serve]").requirements} == {"from-git", "numpy", "sniffio"}
    group = read(FILES, ":serving")
    assert [item.text for item in group.requirements] == ["h11==0.16"]
    assert group.notes == ()
    assert {item.name for item in read(FILES, "[serve]:serving,dev").requirements} >= {"h11", "iniconfig", "numpy"}


def test_settings_of_the_user_and_of_the_folder_change_nothing(read, monkeypatch, tmp_path):
    expected = read(FILES)
    for name, value in {"UV_INDEX_URL": "https://host/env", "UV_NO_DEV": "1", "UV_PYTHON": "2.7"}.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "uv.toml").write_text('index-url = "https://host/other"')
    assert read(FILES) == expected
    assert not (tmp_path / ".venv").exists()


@pytest.mark.parametrize(
    ("changed", "part", "said", "way_out"),
    [
        ({"uv.lock": "version = 1"}, "", "uv.lock", "uv lock"),
        ({"uv.lock": "a = 1"}, "", "is no lock of uv's", "uv lock"),
        ({"uv.lock": "version = 1\npackage = 3"}, "", "is no lock of uv's", "uv lock"),
        ({"uv.lock": "version = 1\npackage = [3]"}, "", "package[0] is no table", "Correct"),
        ({"uv.lock": "version = 99\nrequires-python = '>=3.10'"}, "", "uv cannot read it", "uv lock"),
        ({"uv.lock": LOCK.replace(">=3.10", ">=3.13", 1)}, "", "the container has Python 3.12", "another Python"),
        ({"uv.lock": LOCK.replace("version", "vresion")}, "", "is no lock", "uv lock"),
        ({"uv.lock": LOCK.replace("https://host/x?", "file:///x?")}, "", "no repository that a container", "git+https"),
        ({"uv.lock": LOCK.replace("//host/x?", "//me:hunter2@host/x?")}, "", "credentials", "${VARIABLE}"),
        ({}, "[server]", "uv cannot read it: Extra `server`", "name an extra"),
        ({}, ":nope", "uv cannot read it: Group `nope`", "name an extra"),
        ({"pyproject.toml": "a ="}, "", "pyproject.toml is no TOML", "Correct"),
        ({"pyproject.toml": PROJECT.replace("//host/own", "//me:hunter2@host/own")}, "", "credentials", "${VARIABLE}"),
    ],
)  # fmt: skip
def test_what_is_refused(read, changed, part, said, way_out):
    with pytest.raises(UsageError) as caught:
        read({**FILES, **changed}, part)
    assert said in caught.value.what
    assert way_out in caught.value.remedy
    assert "hunter2" not in str(caught.value)


def test_a_lock_without_its_project(read):
    with pytest.raises(UsageError, match=r"beside no pyproject\.toml"):
        read({"uv.lock": LOCK})


def test_without_uv_the_extra_is_named(read, monkeypatch):
    monkeypatch.setattr(uv_tool, "find_uv_or_none", lambda: None)
    with pytest.raises(ToolMissingError, match=r"needed to read uv\.lock.*cdk-modelbuilder\[lock\]"):
        read(FILES)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


@settings(deadline=None, max_examples=40)
@given(
    st.text()
    | st.tuples(
        st.integers(0, LOCK.count("\n")),
        st.sampled_from(["", "name = 3", "source = 3", "source = {}", "version = 'x y'", "]", "wheels = [{}]"]),
    )
)
def test_nothing_else_comes_of_any_text(scratch, change):
    text = change
    if isinstance(change, tuple):
        lines = LOCK.split("\n")
        lines[change[0]] = change[1]
        text = "\n".join(lines)
    (scratch / "uv.lock").write_text(text, "utf-8", newline="")
    (scratch / "pyproject.toml").write_text(PROJECT)
    with suppress(UsageError):
        read_listed(scratch / "uv.lock", environment=Target(python="3.12").marker_environment())


@pytest.mark.slow
def test_a_lock_that_uv_made(tmp_path, monkeypatch, environment):
    from uv import find_uv_bin

    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.10"\ndependencies = ["six==1.17.0", "colorama"]\n'
    )
    subprocess.run([find_uv_bin(), "lock", "--quiet", "--python", sys.executable], check=True)
    found = read_listed("uv.lock", environment=environment)
    assert {item.name for item in found.requirements} == {"six", "colorama"}
    assert all(item.version and item.hashes for item in found.requirements)
    assert (found.index_options, found.notes) == ((), ())
