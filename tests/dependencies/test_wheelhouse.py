"""Wheelhouses with the real pip: wheels of this machine stand for an index; the slow tests ask a real one."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cdk_modelbuilder.dependencies import pip_tool
from cdk_modelbuilder.dependencies.lock_file import lock_text, requirements_text
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.pip_tool import last_words, pip_environment
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.dependencies.wheel_tags import fits, is_pure
from cdk_modelbuilder.dependencies.wheelhouse import fill_wheelhouse
from cdk_modelbuilder.errors import DependencyError, IndexUnreachableError, ToolMissingError, UsageError

from .local_wheels import make_wheel

TARGET = Target("3.12")
OFFLINE = ["--no-index"]
MANYLINUX = "cp312-cp312-manylinux_2_17_x86_64"


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch):
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")) and name not in ("UV_CACHE_DIR", "PIP_CERT", "PIP_CACHE_DIR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.fixture
def links(tmp_path) -> Path:
    folder = tmp_path / "links"
    folder.mkdir()
    return folder


def pin(line: str, *hashes: str, name: str | None = None) -> Pin:
    return Pin(name or line.partition("==")[0].partition("[")[0].partition(" ")[0], line, "imported by it", hashes)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_wheels_of_another_python_are_taken_with_their_digests_and_nothing_else(links, tmp_path):
    there = make_wheel(links, "tiny-one", tag=MANYLINUX, requires=["tiny-three"])
    make_wheel(links, "tiny-one", tag="cp311-cp311-manylinux_2_17_x86_64")
    two = make_wheel(links, "tiny-two", "1.0")
    make_wheel(links, "tiny-two", "2.0")
    make_wheel(links, "tiny-three")
    seen = []
    house = fill_wheelhouse(
        [pin("tiny-two==1.0"), pin("tiny-one==1.0", f"sha256:{sha256(there)}")],
        TARGET,
        tmp_path / "code" / "wheels",
        index_options=OFFLINE,
        local_links=[links],
        on_progress=lambda *words: seen.append(words),
    )
    assert dict(house.files) == {there.name: sha256(there), two.name: sha256(two)}
    assert house.pins == (
        pin("tiny-one==1.0", f"sha256:{sha256(there)}"),
        pin("tiny-two==1.0", f"sha256:{sha256(two)}"),
    )
    assert house.notes == ()
    assert sorted(path.name for path in (tmp_path / "code").iterdir()) == ["wheels"]
    assert {path.name for path in (tmp_path / "code" / "wheels").iterdir()} == set(house.files)
    assert ("downloading wheels", 2, 2) in seen


def test_what_was_filled_is_what_pip_installs_from_it_with_its_hashes(links, tmp_path):
    make_wheel(links, "tiny-one", requires=["tiny-two"])
    make_wheel(links, "tiny-two")
    house = fill_wheelhouse(
        [pin("tiny-one==1.0"), pin("tiny-two==1.0")],
        Target.here(),
        tmp_path / "code" / "wheels",
        index_options=OFFLINE,
        local_links=[links],
    )
    requirements = tmp_path / "code" / "requirements.txt"
    requirements.write_text(requirements_text(house.pins, wheels=True))
    assert requirements.read_text().count("--hash=sha256:") == 2
    command = [sys.executable, "-m", "pip", "install", "--target", "out", "-r", requirements]
    found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "out" / "tiny_two.py").is_file()


@pytest.mark.parametrize("form", ["{name} @ {uri}", "{path}"])
def test_a_wheel_of_the_user_is_copied_and_pinned_at_its_version(tmp_path, form):
    wheel = make_wheel(tmp_path / "my wheels", "tiny-one", "1.5+local")
    line = form.format(name="tiny-one", uri=wheel.as_uri(), path=wheel)
    house = fill_wheelhouse([pin(line, name="tiny-one")], TARGET, tmp_path / "wheels", index_options=OFFLINE)
    assert house.pins == (pin("tiny-one==1.5+local", f"sha256:{sha256(wheel)}"),)
    assert str(tmp_path) not in lock_text(house.pins)


@pytest.fixture
def served(tmp_path):
    """Address of a server that has one wheel for another Python."""
    make_wheel(tmp_path / "served", "tiny-one", "1.5", tag="cp39-cp39-manylinux_2_17_x86_64")
    handler = functools.partial(QuietServer, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


class QuietServer(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        pass


def test_a_wheel_on_a_server_is_fetched_as_it_is(served, tmp_path):
    (wheel,) = (tmp_path / "served").iterdir()
    line = f"tiny-one[fast] @ {served}/{wheel.name}#sha256={sha256(wheel)}"
    house = fill_wheelhouse([pin(line)], Target("3.9"), tmp_path / "wheels", index_options=OFFLINE)
    assert house.pins == (Pin("tiny-one", "tiny-one[fast]==1.5", "imported by it", (f"sha256:{sha256(wheel)}",)),)
    assert house.notes == ()
    with pytest.raises(DependencyError, match=r"is not for Python 3\.12"):
        fill_wheelhouse([pin(line)], TARGET, tmp_path / "others", index_options=OFFLINE)


@pytest.mark.parametrize(
    ("tag", "name", "said"),
    [
        ("cp311-cp311-manylinux_2_17_x86_64", "tiny-one", "is not for Python 3.12 on x86_64"),
        ("py3-none-any", "tiny-two", "gave no wheel of that name"),
    ],
)
def test_a_wheel_of_the_user_that_does_not_fit(tmp_path, tag, name, said):
    wheel = make_wheel(tmp_path / "mine", "tiny-one", tag=tag)
    with pytest.raises(DependencyError, match=said):
        fill_wheelhouse([pin(f"{name} @ {wheel.as_uri()}")], TARGET, tmp_path / "wheels", index_options=OFFLINE)
    assert not (tmp_path / "wheels").exists()


def test_a_wheel_of_the_user_that_does_not_exist(tmp_path):
    with pytest.raises(UsageError, match="does not exist"):
        fill_wheelhouse([pin("tiny-one @ file:///nowhere/tiny_one-1.0-py3-none-any.whl")], TARGET, tmp_path / "wheels")


def test_content_that_the_lock_does_not_have_is_refused_and_nothing_is_left(links, tmp_path):
    make_wheel(links, "tiny-one")
    with pytest.raises(DependencyError, match="is not one that the lock has"):
        fill_wheelhouse(
            [pin("tiny-one==1.0", "sha256:" + "0" * 64)],
            TARGET,
            tmp_path / "code" / "wheels",
            index_options=OFFLINE,
            local_links=[links],
        )
    assert list((tmp_path / "code").iterdir()) == []


def test_a_package_that_is_nowhere_leaves_nothing_either(links, tmp_path):
    make_wheel(links, "tiny-one")
    with pytest.raises(DependencyError, match=r"nor a source of tiny-two==1.0 \(imported by it\)"):
        fill_wheelhouse(
            [pin("tiny-one==1.0"), pin("tiny-two==1.0")],
            TARGET,
            tmp_path / "code" / "wheels",
            index_options=OFFLINE,
            local_links=[links],
        )
    assert list((tmp_path / "code").iterdir()) == []


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "mine.txt").write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        fill_wheelhouse([], TARGET, tmp_path / "wheels")
    assert (tmp_path / "wheels" / "mine.txt").read_text() == "mine"


def test_an_empty_folder_and_no_pins_are_good(tmp_path):
    (tmp_path / "wheels").mkdir()
    assert fill_wheelhouse([], TARGET, tmp_path / "wheels").files == {}
    assert list((tmp_path / "wheels").iterdir()) == []


def test_an_index_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(IndexUnreachableError, match="does not answer"):
        fill_wheelhouse(
            [pin("six==1.17.0")], TARGET, tmp_path / "wheels", index_options=["--index-url http://127.0.0.1:9/simple"]
        )


def test_without_pip_and_uv_it_is_said_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(pip_tool.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(pip_tool, "find_uv_or_none", lambda: None)
    with pytest.raises(ToolMissingError, match="ensurepip"):
        fill_wheelhouse([pin("six==1.17.0")], TARGET, tmp_path / "wheels")


def test_a_large_wheelhouse_is_remarked_on(links, tmp_path, monkeypatch):
    monkeypatch.setattr("cdk_modelbuilder.dependencies.wheelhouse.LARGE_BYTES", 10)
    make_wheel(links, "tiny-one")
    house = fill_wheelhouse(
        [pin("tiny-one==1.0")], TARGET, tmp_path / "wheels", index_options=OFFLINE, local_links=[links]
    )
    assert "an image of your own" in house.notes[0]


def test_settings_of_uv_reach_pip_where_it_has_none():
    found = pip_environment(
        {"UV_DEFAULT_INDEX": "mine=https://host/simple", "UV_INDEX": "https://a/simple x=https://b/s"}
    )
    assert found["PIP_INDEX_URL"] == "https://host/simple"
    assert found["PIP_EXTRA_INDEX_URL"] == "https://a/simple https://b/s"
    assert pip_environment({"UV_INDEX_URL": "https://a", "PIP_INDEX_URL": "https://b"})["PIP_INDEX_URL"] == "https://b"
    assert found["PIP_CONSTRAINT"] == os.devnull


def test_the_last_words_of_a_tool_hold_no_password():
    assert last_words("a\n\nLooking in https://me:secret@host/simple\n", 1) == "Looking in https://host/simple"


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("x-1-cp312-cp312-manylinux_2_28_x86_64.whl", True),
        ("x-1-cp312-cp312-manylinux_2_34_x86_64.whl", False),
        ("x-1-cp312-cp312-manylinux2014_x86_64.manylinux_2_17_x86_64.whl", True),
        ("x-1-cp39-abi3-manylinux_2_28_x86_64.whl", True),
        ("x-1-cp313-abi3-manylinux_2_28_x86_64.whl", False),
        ("x-1-cp312-cp312-manylinux_2_28_aarch64.whl", False),
        ("x-1-cp312-cp312-musllinux_1_2_x86_64.whl", False),
        ("x-1-cp312-cp312-macosx_11_0_arm64.whl", False),
        ("x-1-py3-none-manylinux_2_17_x86_64.whl", True),
        ("x-1-py2-none-any.whl", False),
        ("x.tar.gz", False),
    ],
)
def test_which_wheels_run_there(name, good):
    assert fits(name, TARGET) is good


def test_a_wheel_for_any_platform_holds_no_machine_code():
    assert is_pure("x-1-py3-none-any.whl")
    assert not is_pure("x-1-py3-none-manylinux_2_17_x86_64.whl")


def repository(folder: Path, *, with_machine_code: bool = False) -> str:
    """A requirement that names a commit of a package."""
    folder.mkdir()
    (folder / "tiny_git.py").write_text("VALUE = 1\n")
    code = "from setuptools import Extension, setup\nsetup(name='tiny-git', version='1.5', py_modules=['tiny_git']"
    (folder / "setup.py").write_text(
        code + (", ext_modules=[Extension('tiny_c', ['c.c'])])" if with_machine_code else ")")
    )
    (folder / "c.c").write_text("#include <Python.h>\nPyObject *PyInit_tiny_c(void) { return PyLong_FromLong(1); }\n")
    git = ["git", "-C", str(folder), "-c", "user.email=a@example.com", "-c", "user.name=a"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    return f"git+{folder.as_uri()}@{commit}"


@pytest.mark.slow
@pytest.mark.parametrize("form", ["tiny-git @ {url}", "-e {url}#egg=tiny-git"])
def test_a_repository_becomes_a_wheel_with_the_same_bytes_each_time(tmp_path, form):
    url = repository(tmp_path / "repository")
    houses = [
        fill_wheelhouse([pin(form.format(url=url), name="tiny-git")], TARGET, tmp_path / name)
        for name in ("one", "two")
    ]
    assert houses[0] == houses[1]
    (found,) = houses[0].pins
    assert (found.requirement, found.reason) == ("tiny-git==1.5", f"imported by it; built from {url}")
    assert list(houses[0].files) == ["tiny_git-1.5-py3-none-any.whl"]
    assert "was built here" in houses[0].notes[0]


@pytest.mark.slow
def test_machine_code_built_here_is_for_this_python_only(tmp_path):
    url = repository(tmp_path / "repository", with_machine_code=True)
    other = Target("3.13" if Target.here().python != "3.13" else "3.12")
    with pytest.raises(DependencyError, match="is for this machine"):
        fill_wheelhouse([pin(f"tiny-git @ {url}")], other, tmp_path / "other")
    if Target.here().is_this_interpreter:
        house = fill_wheelhouse([pin(f"tiny-git @ {url}")], Target.here(), tmp_path / "here")
        assert "holds machine code" in house.notes[0]


@pytest.mark.slow
def test_a_real_index_for_a_python_that_is_not_here(tmp_path):
    lines = [pin("docopt==0.6.2"), pin("PyYAML==6.0.2", name="pyyaml"), pin("six==1.17.0")]
    house = fill_wheelhouse(lines, Target("3.9", machine="aarch64"), tmp_path / "wheels")
    assert [name.split("-")[2] for name in house.files] == ["cp39", "py2.py3", "py2.py3"]
    assert "aarch64" in next(iter(house.files))
    assert [note.partition(" ")[0] for note in house.notes] == ["docopt-0.6.2-py2.py3-none-any.whl"]


@pytest.mark.slow
def test_pip_of_uv_stands_in_for_a_missing_one(links, tmp_path, monkeypatch):
    make_wheel(links, "tiny-one")
    monkeypatch.setattr(pip_tool.importlib.util, "find_spec", lambda name: None)
    house = fill_wheelhouse(
        [pin("tiny-one==1.0")], TARGET, tmp_path / "wheels", index_options=OFFLINE, local_links=[links]
    )
    assert list(house.files) == ["tiny_one-1.0-py3-none-any.whl"]
