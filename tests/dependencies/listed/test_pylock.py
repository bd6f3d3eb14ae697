"""pylock.toml: what is in it for the container."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.dependencies.listed import read_listed
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import UsageError

SHA, OTHER = "ab" * 32, "cd" * 32
COMMIT = "0123456789" * 4
HEAD = """\
lock-version = "1.0"
created-by = "hand"
requires-python = ">=3.10.2"
extras = ["fast"]
dependency-groups = ["serving", "always"]
default-groups = ["always"]
"""
PACKAGES = f"""
[[packages]]
name = "numpy"
version = "2.1.0"
index = "https://host/usual"
wheels = [
  {{ url = "https://host/numpy-2.1.0-cp312-cp312-manylinux_2_17_x86_64.whl", hashes = {{ sha256 = "{SHA}" }} }},
  {{ url = "https://host/numpy-2.1.0-cp312-cp312-win_amd64.whl", hashes = {{ sha256 = "{OTHER}", md5 = "00" }} }},
]

[[packages]]
name = "six"
version = "1.17.0"
marker = "sys_platform == 'win32'"
index = "https://host/usual"
sdist = {{ url = "https://host/six-1.17.0.tar.gz", hashes = {{ sha256 = "{SHA}" }} }}

[[packages]]
name = "orjson"
version = "3.10.0"
marker = "'fast' in extras"
index = "https://host/other"
sdist = {{ url = "https://host/orjson-3.10.0.tar.gz", hashes = {{ sha512 = "{SHA}{SHA}" }} }}

[[packages]]
name = "h11"
version = "0.16"
marker = "'serving' in dependency_groups"
sdist = {{ url = "https://host/h11-0.16.tar.gz", hashes = {{ sha256 = "{SHA}" }} }}

[[packages]]
name = "idna"
version = "3"
marker = "'always' in dependency_groups"
sdist = {{ url = "https://host/idna-3.tar.gz", hashes = {{ sha256 = "{SHA}" }} }}

[[packages]]
name = "from-git"
vcs = {{ type = "git", url = "https://host/x.git", commit-id = "{COMMIT}", subdirectory = "a" }}

[[packages]]
name = "from-archive"
archive = {{ url = "https://host/x.zip", hashes = {{ sha256 = "{SHA}" }}, subdirectory = "b" }}

[[packages]]
name = "from-folder"
directory = {{ path = "./libs/x" }}
"""


def test_everything_for_the_container(read):
    found = read({"pylock.toml": HEAD + PACKAGES})
    assert {item.text: item.origin for item in found.requirements} == {
        "numpy==2.1.0": "pylock.toml, line 8",
        "idna==3": "pylock.toml, line 37",
        f"from-git @ git+https://host/x.git@{COMMIT}#subdirectory=a": "pylock.toml, line 43",
        f"from-archive @ https://host/x.zip#sha256={SHA}&subdirectory=b": "pylock.toml, line 47",
    }
    by_name = {item.name: item for item in found.requirements}
    assert by_name["numpy"].hashes == (f"sha256:{SHA}", f"sha256:{OTHER}")
    assert by_name["from-archive"].hashes == (f"sha256:{SHA}",)
    assert by_name["from-git"].url == f"git+https://host/x.git@{COMMIT}#subdirectory=a"
    assert found.index_options == ("--extra-index-url https://host/other",)
    assert [note.partition(" is a folder")[0] for note in found.notes] == ["pylock.toml, line 51: from-folder"]
    assert str(found.requires_python) == ">=3.10.2"


@pytest.mark.parametrize(
    ("part", "more"),
    [("[fast]", {"orjson", "idna"}), (":serving", {"h11"}), ("[FAST]:serving,always", {"orjson", "h11", "idna"})],
)
def test_extras_and_groups(read, part, more):
    found = read({"pylock.serve.toml": HEAD + PACKAGES}, part)
    assert {item.name for item in found.requirements} == {"numpy", "from-git", "from-archive", *more}
    assert found.requirements[0].origin == "pylock.serve.toml, line 8"


def test_a_wheel_on_this_machine_is_kept(read):
    package = "[[packages]]\nname = 'x'\nversion = '1'\nwheels = [{{ path = '{}', hashes = {{ sha256 = '{}' }} }}]"
    found = read(
        {"pylock.toml": HEAD + package.format("dist/x-1-py3-none-any.whl", SHA), "dist/x-1-py3-none-any.whl": ""}
    )
    (item,) = found.requirements
    assert (item.wheel.name, item.version, item.hashes) == ("x-1-py3-none-any.whl", "1", (f"sha256:{SHA}",))


@pytest.mark.parametrize(
    ("text", "part", "said", "way_out"),
    [
        ("", "", "is no lock as of PEP 751", "uv export"),
        ("lock-version = '2.0'\ncreated-by = 'x'\npackages = []", "", "is no lock as of PEP 751", "uv export"),
        (HEAD + "packages = [{ name = 'x' }]", "", "packages[0]", "uv export"),
        (HEAD + "packages = 3", "", "is no lock as of PEP 751", "uv export"),
        (HEAD + "packages = []", "[fats]", "has no extra 'fats'", "Did you mean 'fast'"),
        (HEAD + "packages = []", ":x", "has no dependency group 'x'", "There are"),
        (HEAD.replace(">=3.10.2", "<3.12") + "packages = []", "", "the container has Python 3.12", "another Python"),
        (HEAD + "environments = [\"sys_platform == 'win32'\"]\npackages = []", "", "nothing to", "image"),
        (HEAD + PACKAGES.replace("manylinux_2_17", "macosx_11_0"), "", "No wheel", "image"),
        (HEAD + PACKAGES.replace("linux_2_17", "linux_2_39"), "", "No wheel", "image"),
        (HEAD + PACKAGES.replace("'win32'", "'linux'").replace("six", "numpy"), "", "Multiple", "image"),
        (HEAD + PACKAGES.replace('type = "git"', 'type = "hg"'), "", "line 43: the hg repository", "Build a wheel"),
        (HEAD + PACKAGES.replace(COMMIT, "main"), "", "line 43: 'git+https://host/x.git@main", "git ls-remote"),
        (HEAD + PACKAGES.replace("//host/x.zip", "//me:hunter2@host/x.zip"), "", "line 47", "${VARIABLE}"),
        (HEAD + PACKAGES.replace("//host/other", "//me:hunter2@host/other"), "", "pylock.toml: ", "${VARIABLE}"),
        (HEAD + PACKAGES.replace('url = "https://host/x.zip"', 'path = "x.zip"'), "", "line 47: from", "Build"),
        (HEAD + PACKAGES.replace('url = "https://host/x.zip"', 'path = "x-1-py3-none-any.whl"'), "", "no wheel", "B"),
    ],
)  # fmt: skip
def test_what_is_refused(read, text, part, said, way_out):
    with pytest.raises(UsageError) as caught:
        read({"pylock.toml": text}, part)
    assert caught.value.what.startswith("pylock.toml")
    assert said in caught.value.what
    assert way_out in caught.value.remedy
    assert "hunter2" not in str(caught.value)


def test_requires_python_of_a_package(read):
    file = f"{{ url = 'https://h/x-1.zip', hashes = {{ sha256 = '{SHA}' }} }}"
    package = f"[[packages]]\nname = 'x'\nversion = '1'\nrequires-python = '>=3.13'\nsdist = {file}"
    with pytest.raises(UsageError, match=r"nothing to install in the container \(Python 3.12 on x86_64 Linux\)"):
        read({"pylock.toml": HEAD + package})


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    return tmp_path_factory.mktemp("scratch")


lines = (HEAD + PACKAGES).splitlines()


@settings(deadline=None, max_examples=300)
@given(
    st.text()
    | st.lists(st.sampled_from(lines)).map("\n".join)
    | st.tuples(
        st.integers(0, len(lines) - 1),
        st.sampled_from(["name = 3", "vcs = {}", "wheels = [{}]", "version = 'x'", "]", ""]),
    ).map(lambda change: "\n".join([*lines[: change[0]], change[1], *lines[change[0] + 1 :]]))
)
def test_nothing_else_comes_of_any_text(scratch, text):
    (scratch / "pylock.toml").write_text(text, "utf-8", newline="")
    with suppress(UsageError):
        read_listed(scratch / "pylock.toml", environment=Target(python="3.12").marker_environment())


@pytest.mark.slow
def test_what_uv_writes(tmp_path, monkeypatch):
    """A real lock from a real index, for two of the container's Pythons."""
    uv = pytest.importorskip("uv").find_uv_bin()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "p"\nversion = "1"\nrequires-python = ">=3.9"\n'
        'dependencies = ["six==1.17.0", "importlib-metadata==8.5.0; python_version < \'3.10\'"]\n'
    )
    subprocess.run([uv, "lock", "--quiet", "--python", sys.executable], check=True)
    written = subprocess.run([uv, "export", "--quiet", "--format", "pylock.toml", "--no-emit-project"],
                             check=True, capture_output=True, text=True).stdout  # fmt: skip
    (tmp_path / "pylock.toml").write_text(written)
    found = {}
    for python in ("3.9", "3.12"):
        listed = read_listed("pylock.toml", environment=Target(python=python).marker_environment())
        found[python] = {item.text for item in listed.requirements}
    assert found["3.12"] == {"six==1.17.0"}
    assert found["3.9"] > {"six==1.17.0", "importlib-metadata==8.5.0"}
