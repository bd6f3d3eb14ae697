"""Who holds a port: processes of another kind, on IPv4 and IPv6, and what may not be seen."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.local.doctor import ports
from cdk_modelbuilder.local.doctor.ports import Holder, holder_of
from cdk_modelbuilder.local.doctor.proc_net import parse_socket

LISTENS = """
import os, socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
listener = socket.socket(family)
listener.bind((sys.argv[1], 0))
listener.listen()
if "--as-nobody" in sys.argv:
    os.setuid(65534)
if "--fork" in sys.argv and os.fork() == 0:
    time.sleep(600)
print(listener.getsockname()[1], flush=True)
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def no_docker(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


@contextlib.contextmanager
def listening(address, *arguments):
    with tempfile.NamedTemporaryFile("w", prefix="listens", suffix=".py") as script:
        script.write(LISTENS)
        script.flush()
        command = [sys.executable, "-S", script.name, address, *arguments]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        port = int(child.stdout.readline())
    try:
        yield port, child.pid
    finally:
        os.killpg(child.pid, 9)
        child.wait()
        child.stdout.close()


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1", "::", "::ffff:127.0.0.1"])
def test_the_holder_is_another_process(address):
    with listening(address, "--password", "hunter2") as (port, pid):
        holder = holder_of(port)
    assert holder is not None
    assert (holder.pid, holder.port, holder.container) == (pid, port, None)
    assert holder.name.startswith("python")
    assert "--password ***" in str(holder)
    assert "hunter2" not in str(holder)
    assert holder.commands == (f"kill {pid}",)


def test_another_loopback_address_holds_nothing_of_ours():
    with listening("127.0.0.2") as (port, _):
        assert holder_of(port) is None
        socket.create_server(("127.0.0.1", port)).close()


def test_a_free_port_has_no_holder():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        holder = holder_of(port)
    assert holder.pid == os.getpid()
    assert "this process itself" in str(holder)
    assert holder.commands == ()
    assert holder_of(port) is None


def test_of_a_server_and_its_workers_the_server_is_named():
    with listening("127.0.0.1", "--fork") as (port, pid):
        assert holder_of(port).pid == pid


def test_the_end_of_a_connection_holds_its_port():
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
    ):
        holder = holder_of(client.getsockname()[1])
    assert holder.pid == os.getpid()


def test_a_process_that_may_not_be_seen_is_told_by_its_user(monkeypatch):
    monkeypatch.setattr("cdk_modelbuilder.local.doctor.proc_net._has_open", lambda *_: False)
    with listening("127.0.0.1") as (port, _):
        holder = holder_of(port)
    assert holder.pid is None
    assert "may not be seen" in str(holder)
    assert holder.commands == (f"sudo lsof -nP -iTCP:{port} -sTCP:LISTEN",)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can start a process of another user")
def test_another_users_process_is_seen_by_root_and_its_user_named():
    with listening("127.0.0.1", "--as-nobody") as (port, pid):
        holder = holder_of(port)
    assert holder.pid == pid
    assert holder.user == "nobody"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_what_another_user_cannot_see_is_still_told():
    # Linux hides even a process's own /proc from it once it has changed its user: the prctl undoes that.
    ask = "import ctypes, os, sys; from cdk_modelbuilder.local.doctor.ports import holder_of; "
    ask += "holder_of(1); os.setuid(65534); "  # what it imports may lie where others may not read
    ask += "ctypes.CDLL(None).prctl(4, 1); print(holder_of(int(sys.argv[1])))"
    with listening("127.0.0.1") as (port, _):
        done = subprocess.run([sys.executable, "-c", ask, str(port)], capture_output=True, text=True)
    assert done.stdout == "a process of root that may not be seen from here\n", done.stderr


@pytest.mark.skipif(not shutil.which("lsof"), reason="no lsof here")
def test_lsof_tells_the_same_where_there_is_no_proc(monkeypatch, tmp_path):
    with listening("127.0.0.1") as (port, pid):
        expected = holder_of(port)
        monkeypatch.setattr("cdk_modelbuilder.local.doctor.proc_net.PROC", tmp_path)
        assert holder_of(port) == expected
        assert expected.pid == pid


def test_lsof_output_of_several_processes_and_of_none():
    assert ports.parse_lsof(80, "") is None
    assert ports.parse_lsof(80, "pabc\ncx\n") is None
    found = ports.parse_lsof(80, "p2000000001\ncnode\nLsome one\nf12\np7\ncother\nLroot\n")
    assert found == Holder(80, 2000000001, "node", "", "some one")


@given(st.text(max_size=200))
def test_a_line_of_proc_net_never_raises(line):
    parse_socket(line)


@given(st.binary(max_size=200))
def test_output_of_lsof_never_raises(data):
    text = data.decode("latin-1").replace("p", "q")  # no line that names a process: ps is not asked
    assert ports.parse_lsof(80, text) is None


def test_nothing_that_goes_wrong_reaches_the_caller(monkeypatch):
    monkeypatch.setattr(ports, "_by_proc", lambda port: 1 / 0)
    monkeypatch.setattr(ports, "_by_lsof", lambda port: 1 / 0)
    assert holder_of(80) is None
