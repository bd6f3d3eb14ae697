"""What the error of a failed start calls for: real errors, raised as they are raised."""

from __future__ import annotations

import errno
import os
import socket
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local.doctor import disk, explain, packages
from cdk_modelbuilder.local.doctor.explain import explain_start_failure
from cdk_modelbuilder.local.doctor.finding import Outcome


@pytest.fixture(autouse=True)
def no_docker(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none.sock")


def names(error, bundle=None):
    return [finding.check for finding in explain_start_failure(error, bundle=bundle)]


def test_a_port_that_is_taken_names_its_holder(built_bundle):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(OSError, match="in use") as raised:
            socket.create_server(("127.0.0.1", port))
        for error, given_port in (
            (raised.value, port),
            (f"OSError: [Errno 98] Address already in use: ('127.0.0.1', {port})", port),
            (f"Bind for 127.0.0.1:{port} failed: port is already allocated", None),
        ):
            [finding] = explain_start_failure(error, bundle=built_bundle, port=given_port)
            assert finding.outcome is Outcome.FAILURE
            assert f"port {port} of 127.0.0.1 is held, by this process itself ({os.getpid()})" in finding.detail
            assert finding.commands == ()
    assert explain_start_failure(raised.value, bundle=built_bundle, port=port) == []  # it is free by now


def test_a_module_that_is_missing_names_its_package(changed_bundle):
    bundle = changed_bundle(packages=[{"name": "PyThing", "version": "1.2", "modules": ["thing_of_it"]}])
    log = "Traceback (most recent call last):\n  ...\nModuleNotFoundError: No module named 'thing_of_it.parts'"
    [finding] = explain_start_failure(log, bundle=bundle)
    assert finding.commands[0].endswith("pip install PyThing==1.2")
    # The lock is asked as a whole where the module is there, and what it needs is not.
    [finding] = explain_start_failure("ImportError: cannot import name 'x' from 'json'", bundle=bundle)
    assert "PyThing==1.2" in finding.detail


def test_a_part_that_another_version_lacks_names_the_locked_one(changed_bundle):
    bundle = changed_bundle(packages=[{"name": "click", "version": "0.1", "modules": ["click"]}])
    [finding] = explain_start_failure("No module named 'click.old_part'", bundle=bundle)
    assert "the bundle is locked to 0.1" in finding.detail
    assert finding.commands[0].endswith("pip install click==0.1")


def test_too_many_open_files(monkeypatch):
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 2048))
    [finding] = explain_start_failure(OSError(errno.EMFILE, os.strerror(errno.EMFILE)), bundle=None)
    assert finding.commands == ("ulimit -n 2048",)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 256))
    [finding] = explain_start_failure("OSError: [Errno 24] Too many open files", bundle=None)
    assert (finding.check, finding.commands) == ("open-files", ())
    monkeypatch.setattr(resource, "getrlimit", lambda _: (4096, resource.RLIM_INFINITY))
    assert explain_start_failure("OSError: [Errno 24] Too many open files", bundle=None) == []


def test_the_cause_of_an_error_counts(changed_bundle):
    def start():
        try:
            import thing_of_it  # noqa: F401
        except ImportError as error:
            raise LocalEndpointError("it did not start.", remedy="Look.") from error

    with pytest.raises(LocalEndpointError) as raised:
        start()
    assert names(raised.value, changed_bundle(packages=[])) == ["packages"]


def test_no_space_is_told_by_errno_and_by_words(monkeypatch, tmp_path):
    monkeypatch.setattr(disk, "_SPARE", 1 << 60)
    for error in (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), "write /var/lib/docker/x: no space left on device"):
        found = explain_start_failure(error, bundle=None)
        assert {one.check for one in found} == {"disk"}
        assert any("export TMPDIR=" in line for one in found for line in one.commands)


def test_the_daemon_is_asked_where_the_error_speaks_of_it():
    said = "Error while fetching server API version: ('Connection aborted.', FileNotFoundError(2, 'No such file'))"
    assert names(said) == ["docker-daemon"]
    assert names("failed to create endpoint: could not find bridge docker0") == ["docker-daemon"]
    assert names("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.") == ["docker-daemon"]


@pytest.mark.parametrize(
    ("text", "change", "check"),
    [
        ("could not select device driver with capabilities: [[gpu]]", {"processor": "gpu"}, "gpu"),
        ("RuntimeError: Found no NVIDIA driver on your system", {"processor": "neuron"}, "gpu"),
        ("_pickle.UnpicklingError: invalid load key", {"info": {"python": "3.99"}}, "python"),
        (
            "the server ended with status -11",
            {"info": {"python": "3.99", "model": {"format": "cloudpickle"}}},
            "python",
        ),
        ("the server ended with status -9", {"model_bytes": 1 << 43}, "memory"),
        ("MemoryError", {"model_bytes": 1 << 43}, "memory"),
        ("IntegrityError: model.ubj is not what was signed", {}, "bundle"),
    ],
)
def test_each_symptom_has_its_check(changed_bundle, monkeypatch, text, change, check):
    monkeypatch.setenv("PATH", "")
    if "python" in change.get("info", {}) and "model" not in change["info"]:
        change = {"info": {**change["info"], "model": {"format": "pickle"}}}
    assert names(text, changed_bundle(packages=[], **change)) == [check]


def test_an_image_for_another_processor(changed_bundle, monkeypatch, tmp_path):
    from cdk_modelbuilder.local.doctor import image

    monkeypatch.setattr(image, "_BINFMT", tmp_path)
    monkeypatch.setattr(image.platform, "machine", lambda: "x86_64")
    said = "exec /usr/bin/serve: exec format error"
    assert names(said, changed_bundle(architecture="arm64")) == ["image"]


def test_what_says_nothing_is_answered_with_nothing(built_bundle):
    for error in ("", "ValueError: the model is of no use", ValueError("x"), KeyboardInterrupt()):
        assert explain_start_failure(error, bundle=built_bundle) == []


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=200) | st.sampled_from(["port 99999999 address already in use", "no module named '...'"]))
def test_no_text_raises(text):
    explain_start_failure(text, bundle=None)


def test_what_hangs_or_fails_is_left_behind(monkeypatch, changed_bundle):
    monkeypatch.setattr(explain, "_SECONDS", 0.05)
    monkeypatch.setattr(packages, "missing_module", lambda *_: time.sleep(0.5))
    assert explain_start_failure("No module named 'x'", bundle=None) == []
    monkeypatch.setattr(packages, "missing_module", lambda *_: 1 / 0)
    assert explain_start_failure("No module named 'x'", bundle=None) == []
