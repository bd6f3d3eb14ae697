"""However the owner of a container ends, nothing of it stays: container, temporary folder, watcher, relay."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from docker import APIClient

from cdk_modelbuilder.local.container.ownership import (
    FOLDER_PREFIX,
    MACHINE_LABEL,
    PID_LABEL,
    START_LABEL,
    Owner,
    reap_orphans,
    remove_folder,
)
from tests.containers.docker_base import run_docker
from tests.local.container.conftest import containers_of

OWNER = """
import os, sys, time
from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.local.starting import start_container
isolated = sys.argv[2] == "isolated"
running = start_container(ModelBundle.load(sys.argv[1]), on_log=lambda line: None, network_isolation=isolated)
print(running.name, flush=True)
if sys.argv[3] == "fork":
    if os.fork() == 0:  # it holds the ends of all pipes
        time.sleep(60)
if sys.argv[3] == "exit":
    sys.exit(3)
if sys.argv[3] == "raise":
    raise RuntimeError("the user's own")
time.sleep(600)
"""


def eventually(condition, seconds: float = 30) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def children_of(pid: int) -> set[int]:
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rpartition(")")[2].split()[1]) == pid:
                found.add(int(stat.parent.name))
        except (OSError, IndexError):
            continue
    return found


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"))


@pytest.mark.docker
@pytest.mark.parametrize(
    ("network", "how"),
    [
        ("isolated", "kill"),
        ("isolated", "interrupt"),
        ("bridge", "exit"),
        pytest.param("bridge", "fork", marks=pytest.mark.heavy),
        pytest.param("bridge", "raise", marks=pytest.mark.heavy),
    ],
)
def test_nothing_is_left(probe_bundle, daemon, network, how):
    before = folders()
    command = [sys.executable, "-c", OWNER, str(probe_bundle.path), network, how]
    owner = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    name = owner.stdout.readline().strip()
    assert containers_of(name) == [name], owner.stderr.read()
    assert folders() - before
    children = children_of(owner.pid)
    assert len(children) >= (2 if network == "isolated" else 1)
    if how in ("kill", "fork"):
        owner.kill()
    elif how == "interrupt":
        os.killpg(owner.pid, signal.SIGINT)  # as the terminal does it: the whole group
    _, said = owner.communicate(timeout=60) if how != "fork" else (None, "")
    owner.wait()
    assert owner.returncode == {"exit": 3, "raise": 1, "interrupt": -signal.SIGINT}.get(how, -signal.SIGKILL)
    if how == "raise":
        assert "the user's own" in said
    if how in ("kill", "fork"):
        assert eventually(lambda: containers_of(name) == [])
    assert containers_of(name) == []
    assert eventually(lambda: not (folders() - before))
    assert eventually(lambda: not any(_lives_on(child) for child in children))
    owner.stdout.close()
    owner.stderr.close()
    if how == "fork":
        os.killpg(owner.pid, signal.SIGKILL)


def _lives_on(pid: int) -> bool:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_text().split("\0")
        return any("watcher" in word or "relay" in word for word in words)
    except OSError:
        return False


BUSY = """
import sys, threading, time, urllib3
from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.deployment import start_container
running = start_container(ModelBundle.load(sys.argv[1]), on_log=lambda line: None)
headers = {"Content-Type": "text/plain", "Accept": "text/plain"}
ask = lambda: urllib3.request("POST", running.url + "/invocations", body='{"ask": "sleep", "of": 300}', headers=headers)
threading.Thread(target=ask, daemon=True).start()
time.sleep(1)
print(running.name, flush=True)
running.stop()
"""


@pytest.mark.docker
def test_a_second_interrupt_does_not_wait_for_the_answer_and_leaves_nothing(probe_bundle, daemon):
    command = [sys.executable, "-c", BUSY, str(probe_bundle.path)]
    owner = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    name = owner.stdout.readline().strip()
    time.sleep(1)  # it waits now for the answer, which takes minutes
    assert containers_of(name) == [name]
    owner.send_signal(signal.SIGINT)
    _, said = owner.communicate(timeout=60)
    assert owner.returncode == -signal.SIGINT, said
    assert eventually(lambda: containers_of(name) == [])


@pytest.mark.docker
def test_what_cannot_be_removed_any_more_is_the_watcher_s(start, caplog):
    """The daemon does not answer this client any more, as after a restart in the middle of something."""
    one = start()
    one.running._engine.api.close()
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = APIClient(f"tcp://127.0.0.1:{closed.getsockname()[1]}", version="1.41")
    object.__setattr__(one.running._engine, "api", dead)
    one.running.stop()
    assert "is left to its watcher" in caplog.text
    assert eventually(lambda: containers_of(one.running.name) == [])


@pytest.mark.docker
def test_a_start_removes_what_owners_left_that_are_gone(probe_bundle, daemon):
    here = Owner.here()
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    owners = {
        "gone": Owner(ended.pid, "1", here.machine),
        "reused": Owner(here.pid, str(int(here.start_time) - 1), here.machine),
        "rebooted": Owner(here.pid, here.start_time, "another boot/" + here.machine.partition("/")[2]),
        "far": Owner(here.pid, here.start_time, "another boot/" + here.machine.partition("/")[2]),
        "alive": here,
        "elsewhere": Owner(ended.pid, "1", here.machine.partition("/")[0] + "/pid:[1]"),
    }
    from tests.containers.docker_base import BASE_IMAGE

    names = {what: f"cdk-modelbuilder-tests-{what}-{os.getpid()}" for what in owners}
    for what, owner in owners.items():
        words = [word for label, value in owner.labels().items() for word in ("--label", f"{label}={value}")]
        if what == "gone":
            words += ["--label", f"cdk-modelbuilder.folder={folder}"]
        run_docker("run", "--detach", "--name", names[what], *words, "--entrypoint", "python3", BASE_IMAGE, "-c", SLEEP)
    run_docker("kill", names["rebooted"])  # nothing runs on through a boot
    run_docker("wait", names["rebooted"])
    try:
        reap_orphans()
        left = {what for what, name in names.items() if containers_of(name)}
        assert left == {"alive", "elsewhere", "far"}
        assert not folder.exists()
    finally:
        run_docker("rm", "--force", *names.values(), check=False)


SLEEP = "import time; time.sleep(600)"


def test_an_owner_is_told_from_a_later_process_of_the_same_id():
    here = Owner.here()
    assert Owner.on(here.labels()) == here
    assert not here.is_gone()
    assert Owner(here.pid, "0", here.machine).is_gone()
    assert Owner(2**22 + 1, here.start_time, here.machine).is_gone()
    assert Owner.on({}) is None
    assert Owner.on({PID_LABEL: "x", START_LABEL: "1", MACHINE_LABEL: "m"}) is None


def test_a_label_cannot_have_any_other_folder_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    own, other = tmp_path / f"{FOLDER_PREFIX}abc", tmp_path / "other"
    deeper = tmp_path / "deeper" / f"{FOLDER_PREFIX}abc"
    for folder in (own, other, deeper):
        folder.mkdir(parents=True)
    for path in ("", "/", str(own / ".." / "other"), str(other), str(deeper)):
        remove_folder(path)
    assert all(folder.is_dir() for folder in (own, other, deeper))
    remove_folder(str(own))
    assert not own.exists()
