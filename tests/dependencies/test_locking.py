"""Locking with the real uv: wheels of this machine stand for an index; the slow tests ask a real one."""

from __future__ import annotations

import base64
import functools
import hashlib
import http.server
import os
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest

from cdk_modelbuilder.dependencies import uv_tool
from cdk_modelbuilder.dependencies.index_settings import uv_settings
from cdk_modelbuilder.dependencies.locking import lock
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.dependencies.pylock_text import without_local_facts
from cdk_modelbuilder.dependencies.resolution import as_requirement
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.errors import DependencyError, IndexUnreachableError, ToolMissingError, UsageError

from .local_wheels import make_wheel

TARGET = Target("3.12", image="sagemaker-x:1")
OFFLINE = ["--no-index"]


@pytest.fixture(autouse=True)
def no_settings_of_the_user(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")) and name not in ("UV_CACHE_DIR", "PIP_CERT", "PIP_CACHE_DIR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def links(tmp_path) -> Path:
    folder = tmp_path / "links"
    folder.mkdir()
    return folder


def pin(line: str, reason: str = "imported by code/inference.py", name: str | None = None) -> Pin:
    return Pin(name or line.partition("==")[0].partition("[")[0].partition(" ")[0].partition(">")[0], line, reason)


def test_what_only_the_target_needs_is_added_with_the_reason(links):
    make_wheel(links, "tiny-one", requires=["tiny-two>=1; python_version < '3.13'", "tiny-three; python_version < '3'"])
    make_wheel(links, "tiny-two", "1.5", requires=["tiny-four"])
    make_wheel(links, "tiny-four")
    locked = lock([pin("tiny-one==1.0")], TARGET, index_options=OFFLINE, local_links=[links])
    assert [(one.requirement, one.reason) for one in locked.pins] == [
        ("tiny-four==1.0", "required by tiny-two on Python 3.12"),
        ("tiny-one==1.0", "imported by code/inference.py"),
        ("tiny-two==1.5", "required by tiny-one on Python 3.12"),
    ]
    newer = lock([pin("tiny-one==1.0")], Target("3.13"), index_options=OFFLINE, local_links=[links])
    assert [one.name for one in newer.pins] == ["tiny-one"]


def test_what_an_extra_brings_is_required_by_its_package(links):
    make_wheel(links, "tiny-one", requires=["tiny-two; extra == 'fast'"])
    make_wheel(links, "tiny-two")
    locked = lock([pin("tiny-one[fast]==1.0")], TARGET, index_options=OFFLINE, local_links=[links])
    assert [(one.requirement, one.reason) for one in locked.pins] == [
        ("tiny-one[fast]==1.0", "imported by code/inference.py"),
        ("tiny-two==1.0", "required by tiny-one on Python 3.12"),
    ]


def test_pylock_is_valid_and_the_same_each_time_and_holds_no_path(links, tmp_path, monkeypatch):
    pylock = pytest.importorskip("packaging.pylock", reason="packaging before 26 does not read it")
    wheel = make_wheel(links, "tiny-one")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    first = lock([pin("tiny-one==1.0")], TARGET, index_options=OFFLINE, local_links=[links], needs_hashes=True)
    assert first.pins[0].hashes == (f"sha256:{digest}",)
    data = tomllib.loads(first.pylock)
    pylock.Pylock.from_dict(data).validate()
    assert data["requires-python"] == ">=3.12"
    assert data["packages"][0]["wheels"] == [{"path": f"wheels/{wheel.name}", "hashes": {"sha256": digest}}]
    assert str(tmp_path) not in first.pylock
    project = tmp_path / "project"
    project.mkdir()
    (project / "uv.toml").write_text(
        'no-binary = true\nrequires-python = "<3"\nindex-url = "http://127.0.0.1:9/simple"\n'
    )
    (project / "pyproject.toml").write_text('[tool.uv]\nconstraint-dependencies = ["tiny-one>5"]\n')
    monkeypatch.chdir(project)
    again = lock([pin("tiny-one==1.0")], TARGET, index_options=OFFLINE, local_links=[links], needs_hashes=True)
    assert again == first


def test_hashes_are_left_out_unless_asked_for(links):
    make_wheel(links, "tiny-one")
    locked = lock([pin("tiny-one==1.0")], TARGET, index_options=OFFLINE, local_links=[links])
    assert locked.pins == (pin("tiny-one==1.0"),)
    assert "sha256" in locked.pylock


def test_an_open_version_is_closed_and_that_is_said(links):
    make_wheel(links, "tiny-one", "1.0")
    make_wheel(links, "tiny-one", "1.5")
    locked = lock([pin("tiny-one>=1")], TARGET, index_options=OFFLINE, local_links=[links])
    assert locked.pins[0].requirement == "tiny-one==1.5"
    assert "tiny-one>=1" in locked.notes[0]


def test_a_marker_that_does_not_hold_there_leaves_the_package_out(links):
    make_wheel(links, "tiny-one")
    lines = [pin("tiny-one==1.0"), pin("tiny-two==1.0; sys_platform == 'win32'")]
    locked = lock(lines, TARGET, index_options=OFFLINE, local_links=[links])
    assert [one.name for one in locked.pins] == ["tiny-one"]
    assert "tiny-two" in locked.notes[0]


def test_no_pins_are_a_lock_too():
    locked = lock([], TARGET)
    assert locked.pins == ()
    assert tomllib.loads(locked.pylock)["packages"] == []


def refusal(pins: list[Pin], links: Path, target: Target = TARGET) -> DependencyError:
    with pytest.raises(DependencyError) as error:
        lock(pins, target, index_options=OFFLINE, local_links=[links])
    return error.value


def test_every_package_without_a_wheel_is_named_at_once_with_the_nearest_version_that_has_one(links):
    for version, tag in [("1.0", "cp312-cp312-manylinux_2_17_x86_64"), ("2.0", "cp311-cp311-manylinux_2_17_x86_64")]:
        make_wheel(links, "tiny-one", version, tag=tag)
        make_wheel(links, "tiny-two", version, tag=tag)
    make_wheel(links, "tiny-two", "3.0", tag="cp312-cp312-manylinux_2_17_x86_64")
    make_wheel(links, "tiny-four")
    error = refusal([pin("tiny-one==2.0", "payloads"), pin("tiny-two==2.0"), pin("tiny-four==1.0")], links)
    assert error.what == (
        "Python 3.12 on x86_64 (sagemaker-x:1) cannot have tiny-one==2.0 (payloads), which has no wheel for it; "
        "tiny-two==2.0 (imported by code/inference.py), which has no wheel for it."
    )
    assert "tiny-one==1.0, tiny-two==1.0 or tiny-two==3.0" in error.remedy


def test_a_wheel_for_another_machine_is_none(links):
    make_wheel(links, "tiny-one", tag="cp312-cp312-manylinux_2_17_x86_64")
    lock([pin("tiny-one==1.0")], TARGET, index_options=OFFLINE, local_links=[links])
    error = refusal([pin("tiny-one==1.0")], links, Target("3.12", machine="aarch64"))
    assert "Python 3.12 on aarch64" in error.what
    assert "No other version of tiny-one" in error.remedy


def test_a_wheel_for_a_newer_c_library_is_none(links):
    make_wheel(links, "tiny-one", tag="cp312-cp312-manylinux_2_39_x86_64")
    assert "has no wheel for it" in refusal([pin("tiny-one==1.0")], links).what


def test_a_package_that_needs_a_newer_python(links):
    make_wheel(links, "tiny-one", "1.0")
    make_wheel(links, "tiny-one", "2.0", requires_python=">=3.13")
    error = refusal([pin("tiny-one==2.0")], links)
    assert "tiny-one==2.0 (imported by code/inference.py), which needs Python>=3.13" in error.what
    assert "tiny-one==1.0" in error.remedy


def test_late_patches_of_python_count(links):
    make_wheel(links, "tiny-one", requires_python=">=3.12,!=3.12.0")
    assert lock([pin("tiny-one==1.0")], TARGET, index_options=OFFLINE, local_links=[links]).pins


def test_a_version_and_a_package_that_are_not_there(links):
    make_wheel(links, "tiny-one")
    error = refusal([pin("tiny-one==9.0"), pin("tiny-two==1.0", "given in requirements.txt, line 3")], links)
    assert "tiny-one==9.0 (imported by code/inference.py)" in error.what
    assert "tiny-two==1.0 (given in requirements.txt, line 3)" in error.what
    assert "tiny-one==1.0" in error.remedy
    assert "No other version of tiny-two" in error.remedy


def test_what_is_required_by_another_and_has_no_wheel(links):
    make_wheel(links, "tiny-one", requires=["tiny-two"])
    make_wheel(links, "tiny-two", tag="cp311-cp311-manylinux_2_17_x86_64")
    error = refusal([pin("tiny-one==1.0")], links)
    assert "cannot have tiny-two, which tiny-one requires, because it has no wheel for it." in error.what
    assert "tiny-one==1.0 is imported by code/inference.py" in error.what
    make_wheel(links, "tiny-two", "2.0", tag="cp310-cp310-manylinux_2_17_x86_64")
    assert "cannot have tiny-two, which tiny-one requires" in refusal([pin("tiny-one==1.0")], links).what


def test_what_is_required_by_another_and_is_nowhere(links):
    make_wheel(links, "tiny-one", requires=["tiny-two"])
    error = refusal([pin("tiny-one==1.0")], links)
    assert "cannot have tiny-two, which tiny-one requires, because the index does not know it." in error.what


def test_a_contradiction_says_who_wants_what(links):
    make_wheel(links, "tiny-one", requires=["tiny-two<2"])
    make_wheel(links, "tiny-two", "2.0")
    make_wheel(links, "tiny-two", "1.0")
    error = refusal([pin("tiny-one==1.0"), pin("tiny-two==2.0", "given in dependencies['custom'][0]")], links)
    assert "tiny-one==1.0 wants tiny-two<2, but the list has tiny-two==2.0" in error.what
    assert "tiny-two==2.0 is given in dependencies['custom'][0]" in error.what


def test_two_packages_that_want_different_versions_of_a_third(links):
    make_wheel(links, "tiny-one", requires=["tiny-three<2"])
    make_wheel(links, "tiny-two", requires=["tiny-three>=2"])
    make_wheel(links, "tiny-three", "1.0")
    make_wheel(links, "tiny-three", "2.0")
    error = refusal([pin("tiny-one==1.0"), pin("tiny-two==1.0")], links)
    assert "tiny-one==1.0 wants tiny-three<2" in error.what
    assert "tiny-two==1.0 wants tiny-three>=2" in error.what


def test_an_index_that_does_not_answer_is_an_error_of_its_own(monkeypatch):
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    with pytest.raises(IndexUnreachableError, match="does not answer"):
        lock([pin("six==1.17.0")], TARGET, index_options=["--index-url http://127.0.0.1:9/simple"])


def test_without_uv_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(uv_tool, "find_uv_or_none", lambda: None)
    with pytest.raises(ToolMissingError, match=r"cdk-modelbuilder\[lock\]"):
        lock([pin("six==1.17.0")], TARGET)


def test_a_password_in_an_option_is_refused_before_anything_is_asked():
    with pytest.raises(UsageError, match="credentials"):
        lock([pin("six==1.17.0")], TARGET, index_options=["--index-url https://me:secret@host/simple"])


class PrivateIndex(http.server.SimpleHTTPRequestHandler):
    """A simple index (PEP 503) of a folder, for one user."""

    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(b"me:secret").decode()
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", "Basic")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        super().do_GET()

    def log_message(self, *words: object) -> None:
        pass


@pytest.fixture
def private_index(tmp_path):
    """Address without a password of an index that has tiny-one."""
    root = tmp_path / "served"
    wheel = make_wheel(root / "files", "tiny-one")
    page = root / "simple" / "tiny-one"
    page.mkdir(parents=True)
    (page / "index.html").write_text(f'<a href="../../files/{wheel.name}">{wheel.name}</a>')
    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(PrivateIndex, directory=str(root))
    ) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"127.0.0.1:{server.server_address[1]}/simple"
        server.shutdown()


@pytest.mark.parametrize("variable", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
def test_the_users_own_index_and_its_password_work_and_are_not_written_down(private_index, monkeypatch, variable):
    monkeypatch.setenv(variable, f"http://me:secret@{private_index}")
    locked = lock([pin("tiny-one==1.0")], TARGET)
    assert f"http://{private_index.removesuffix('simple')}files/" in locked.pylock
    assert "secret" not in locked.pylock
    assert "me:" not in locked.pylock


def test_an_index_that_wants_a_password_says_so_and_nothing_else_is_tried(private_index, monkeypatch):
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"http://you:wrong@{private_index}")
    with pytest.raises(DependencyError, match="does not let us in") as error:
        lock([pin("tiny-one==1.0")], TARGET)
    assert not isinstance(error.value, IndexUnreachableError)
    assert "wrong" not in str(error.value)


def test_settings_of_uv_win_over_those_of_pip(tmp_path):
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://host/pip\nextra-index-url =\n    https://host/a\n    https://host/b\n"
    )
    environ = {**os.environ, "PIP_CONFIG_FILE": str(config)}
    assert tomllib.loads(uv_settings(environ).file) == {
        "index-strategy": "unsafe-best-match",
        "index": [
            {"url": "https://host/a"},
            {"url": "https://host/b"},
            {"url": "https://host/pip", "default": True},
        ],
    }
    assert "https://host/env" in uv_settings({**environ, "PIP_INDEX_URL": "https://host/env"}).file
    assert uv_settings({**environ, "UV_INDEX": "https://host/uv"}).file == ""
    own = tmp_path / "config" / "uv" / "uv.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[[index]]\nurl = "https://host/uv"\n')
    assert uv_settings(environ).file == ""


@pytest.mark.parametrize("section", ["global", "install"])
def test_files_of_pip_are_read_as_pip_reads_them(tmp_path, section):
    config = tmp_path / "config" / "pip" / "pip.conf"
    config.parent.mkdir(parents=True)
    config.write_text(f"[{section}]\nextra_index_url =\n    https://host/a%20b\n    https://host/b\nno-index = yes\n")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, capture_output=True, text=True, env=environ, check=True).stdout
    assert "https://host/a%20b" in listed
    found = tomllib.loads(uv_settings(environ).file)
    assert found["no-index"] is True
    assert [one["url"] for one in found["index"]][:2] == ["https://host/a%20b", "https://host/b"]
    config.write_text("no section\n")
    assert "no-index" not in uv_settings(environ).file


def test_options_add_to_the_settings_of_pip(links, tmp_path, monkeypatch):
    make_wheel(links, "tiny-one", requires=["tiny-two"])
    make_wheel(tmp_path / "others", "tiny-two")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", f"{tmp_path / 'others'} {tmp_path / 'nowhere'}")
    assert len(lock([pin("tiny-one==1.0")], TARGET, local_links=[links]).pins) == 2


def test_links_of_pip_count_from_the_users_folder_and_no_index_holds(links, monkeypatch, tmp_path):
    make_wheel(links, "tiny-one")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_FIND_LINKS", "links")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    assert lock([pin("tiny-one==1.0")], TARGET).pins == (pin("tiny-one==1.0"),)
    with pytest.raises(DependencyError, match=r"six==1\.17\.0 .* which the index does not know"):
        lock([pin("six==1.17.0")], TARGET)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("x==1", "x==1"),
        ("x @ git+https://host/x@0f", "x @ git+https://host/x@0f"),
        ("-e git+https://host/x@0f#egg=x", "x @ git+https://host/x@0f"),
        ("--editable=git+https://host/x@0f#egg=x[a,b]", "x[a,b] @ git+https://host/x@0f"),
        ("git+https://host/x@0f#egg=x&subdirectory=y", "x @ git+https://host/x@0f#subdirectory=y"),
        ("git+https://host/x@0f#subdirectory=y&egg=x", "x @ git+https://host/x@0f#subdirectory=y"),
    ],
)
def test_lines_as_uv_takes_them(line, wanted):
    assert as_requirement(Pin("x", line, "r")) == wanted


def test_addresses_lose_their_passwords():
    text = (
        'requires-python = ">=3.12.99"\nurl = "https://me:secret@host/a-1-py3-none-any.whl"\nurl = "ssh://git@host/x"\n'
    )
    assert without_local_facts(text, TARGET) == (
        'requires-python = ">=3.12"\nurl = "https://host/a-1-py3-none-any.whl"\nurl = "ssh://git@host/x"\n'
    )
    with pytest.raises(UsageError, match=r"pylock\.toml"):
        without_local_facts('url = "https://host/a.whl?token=secret"\n', TARGET)


@pytest.fixture
def repository(tmp_path) -> str:
    """A requirement that names a commit, of a package whose metadata needs no build."""
    folder = tmp_path / "repository"
    folder.mkdir()
    (folder / "tiny_git.py").write_text("")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "tiny-git"\nversion = "1.0"\ndependencies = ["tiny-one"]\n'
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
    )
    git = ["git", "-C", str(folder), "-c", "user.email=a@example.com", "-c", "user.name=a"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True)
    commit = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    return f"tiny-git @ git+{folder.as_uri()}@{commit}"


def test_a_repository_stays_as_it_is_and_what_it_requires_comes_as_wheels(repository, links):
    make_wheel(links, "tiny-one", requires=["tiny-two"])
    make_wheel(links, "tiny-two")
    locked = lock([pin(repository)], TARGET, index_options=OFFLINE, local_links=[links], needs_hashes=True)
    assert [(one.requirement, one.reason) for one in locked.pins] == [
        (repository, "imported by code/inference.py"),
        ("tiny-one==1.0", "required by tiny-git on Python 3.12"),
        ("tiny-two==1.0", "required by tiny-one on Python 3.12"),
    ]
    assert locked.pins[0].hashes == ()
    assert tomllib.loads(locked.pylock)["packages"][0]["vcs"]["commit-id"] == repository.rpartition("@")[2]
    make_wheel(links, "tiny-two", "2.0", tag="cp311-cp311-manylinux_2_17_x86_64")
    (links / "tiny_two-1.0-py3-none-any.whl").unlink()
    assert "tiny-two" in refusal([pin(repository)], links).what


@pytest.mark.slow
def test_what_there_is_in_source_only_is_taken_for_a_wheelhouse():
    lines = [pin("docopt==0.6.2"), pin("six==1.17.0")]
    with pytest.raises(DependencyError, match=r"docopt==0\.6\.2 .* which has no wheel for it"):
        lock(lines, TARGET)
    locked = lock(lines, TARGET, needs_hashes=True, may_build=True)
    assert [one.requirement for one in locked.pins] == ["docopt==0.6.2", "six==1.17.0"]
    docopt, six = tomllib.loads(locked.pylock)["packages"]
    assert ("sdist" in docopt, "sdist" in six) == (True, False)


@pytest.mark.slow
def test_a_real_index_for_a_python_that_is_not_here():
    locked = lock([pin("numpy==1.26.4"), pin("PyYAML==6.0.2", name="pyyaml")], Target("3.9"), needs_hashes=True)
    assert [one.requirement for one in locked.pins] == ["numpy==1.26.4", "PyYAML==6.0.2"]
    wheels = [file for one in tomllib.loads(locked.pylock)["packages"] for file in one["wheels"]]
    assert all("cp39" in (file.get("url") or file["path"]) for file in wheels)
    assert all(len(one.hashes) == 1 for one in locked.pins)
    arm = lock([pin("numpy==1.26.4")], Target("3.9", machine="aarch64"), needs_hashes=True)
    assert arm.pins[0].hashes != locked.pins[0].hashes


@pytest.mark.slow
def test_a_real_index_has_no_file_for_that_python():
    with pytest.raises(DependencyError, match=r"numpy==1\.26\.4 .* which has no wheel for it") as error:
        lock([pin("numpy==1.26.4")], Target("3.13"))
    assert "numpy==2." in error.value.remedy
