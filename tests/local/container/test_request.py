"""What the daemon is asked for, from the container spec and the user's options; no daemon is needed for that."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder import Mode
from cdk_modelbuilder.container_spec import ContainerSpec, ImageReference
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.local.container.ending import Ending, start_failure
from cdk_modelbuilder.local.container.options import ContainerOptions
from cdk_modelbuilder.local.container.recording import lines_of, memory_of
from cdk_modelbuilder.local.container.refusals import refusal
from cdk_modelbuilder.local.container.request import Mount, creation
from cdk_modelbuilder.resources import ResourceRequirements

SPEC = ContainerSpec(ImageReference(uri="example.com/a:1"), "builtin", {"B": "2", "A": "1"}, {"KEY": "id"})
MIB = 1 << 20


def ask(options: ContainerOptions, **changes):
    values = {"image": "sha256:0", "secrets": {"KEY": "secret"}, "mount": None, "labels": {"l": "v"}, "port": 0}
    return creation(SPEC, options, **(values | changes))


def test_what_is_asked_for_by_default():
    mount = Mount(Path("/somewhere/model"), "/opt/ml/model")
    assert ask(ContainerOptions(), mount=mount, port=8081) == {
        "Image": "sha256:0",
        "Cmd": ["serve"],
        "Env": ["A=1", "B=2", "KEY=secret"],
        "Labels": {"l": "v"},
        "StopTimeout": 30,
        "ExposedPorts": {"8080/tcp": {}},
        "HostConfig": {
            "AutoRemove": False,
            "CapAdd": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID"],
            "CapDrop": ["ALL"],
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
            "Mounts": [{"Type": "bind", "Source": "/somewhere/model", "Target": "/opt/ml/model", "ReadOnly": True}],
            "PidsLimit": 8192,
            "PortBindings": {"8080/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}]},
            "ReadonlyRootfs": False,
            "SecurityOpt": ["no-new-privileges"],
        },
    }


def test_isolation_publishes_nothing():
    asked = ask(ContainerOptions(network_isolation=True), port=8081)
    assert asked["HostConfig"]["NetworkMode"] == "none"
    assert "PortBindings" not in asked["HostConfig"]
    assert "ExposedPorts" not in asked


def test_limits_come_from_arguments_first_and_from_requirements_else():
    needs = ResourceRequirements(
        requests={"memory": 1024, "num_cpus": 2, "num_accelerators": 3}, limits={"memory": 2048}
    )
    host = ask(ContainerOptions(resources=needs))["HostConfig"]
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (2048 * MIB, 2048 * MIB, 2_000_000_000)
    assert host["DeviceRequests"] == [{"Driver": "", "Count": 3, "Capabilities": [["gpu"]]}]
    host = ask(ContainerOptions(resources=needs, memory_mb=512, cpus=0.5, gpus="all", shm_mb=64))["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["ShmSize"]) == (512 * MIB, 500_000_000, 64 * MIB)
    assert host["DeviceRequests"][0]["Count"] == -1
    only_least = ResourceRequirements(requests={"memory": 256})
    assert ContainerOptions(resources=only_least).memory_limit == 256 * MIB
    assert ContainerOptions(resources=only_least, gpus=0).accelerators == 0


@given(st.integers(6, 1 << 20), st.floats(0.01, 512), st.integers(1, 1 << 20))
def test_any_sensible_limit_is_handed_on(memory_mb, cpus, pids):
    host = ask(ContainerOptions(memory_mb=memory_mb, cpus=cpus, pids=pids))["HostConfig"]
    assert host["Memory"] == memory_mb * MIB
    assert abs(host["NanoCpus"] - cpus * 1e9) <= 1
    assert host["PidsLimit"] == pids


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"memory_mb": 5}, "memory_mb=5 is too small.*6 or more"),
        ({"memory_mb": 6.5}, "no whole number"),
        ({"memory_mb": "1g"}, "memory_mb='1g' is no number"),
        ({"cpus": 0}, "cpus=0 is too small"),
        ({"cpus": float("nan")}, "no number"),
        ({"gpus": -1}, "gpus=-1 is too small"),
        ({"gpus": "some"}, "gpus='some' is no number"),
        ({"gpus": True}, "no number"),
        ({"pull": "sometimes"}, "pull='sometimes' is unknown.*missing, always, never"),
        ({"memory": 5}, "memory= is no option of a local container.*memory_mb"),
    ],
)
def test_options_that_docker_would_not_take(options, words):
    with pytest.raises(UsageError, match=words):
        ContainerOptions.of(options)


def test_deploy_hands_options_to_containers_alone(probe_bundle):
    with pytest.raises(UsageError, match=r"LOCAL_PROCESS\) has no option memory_mb"):
        probe_bundle.deploy(mode=Mode.LOCAL_PROCESS, memory_mb=100)
    with pytest.raises(UsageError, match="memory= is no option"):
        probe_bundle.deploy(mode=Mode.LOCAL_CONTAINER, memory=100)
    with pytest.raises(UsageError, match="memory_mb= is no option of deploy"):
        probe_bundle.deploy(mode=Mode.SAGEMAKER_ENDPOINT, memory_mb=100)


@given(st.lists(st.text(st.characters(exclude_characters="\n\r", codec="utf-8"), max_size=30)), st.randoms())
def test_lines_survive_being_cut_anywhere(lines, random):
    data = "".join(f"{line}\n" for line in lines).encode()
    chunks = []
    while data:
        size = random.randint(1, len(data))
        chunks.append(data[:size])
        data = data[size:]
    assert list(lines_of(iter(chunks))) == lines


def test_an_endless_line_is_cut_and_a_last_one_needs_no_end():
    assert sum(map(len, lines_of(iter([b"x" * 50_000] * 4)))) == 200_000
    assert max(map(len, lines_of(iter([b"x" * 50_000] * 4)))) <= 100_000
    assert list(lines_of(iter([b"a\r\nb"]))) == ["a", "b"]


def test_memory_is_what_docker_s_own_command_shows():
    version_1 = {"memory_stats": {"usage": 100, "stats": {"total_inactive_file": 30, "inactive_file": 10}}}
    version_2 = {"memory_stats": {"usage": 100, "stats": {"inactive_file": 10}}}
    assert (memory_of(version_1), memory_of(version_2)) == (70, 90)
    assert memory_of({"memory_stats": {}}) is None
    assert memory_of({}) is None


class Said:
    """An error of the SDK's."""

    status_code = 500

    def __init__(self, explanation: str) -> None:
        self.explanation = explanation


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            'OCI runtime create failed: exec: "serve": executable file not found in $PATH: unknown',
            "has no program 'serve'.*ENTRYPOINT",
        ),
        ('exec: "/run.sh": stat /run.sh: no such file or directory: unknown', "has no program '/run.sh'"),
        ('could not select device driver "" with capabilities: [[gpu]]', "NVIDIA Container Toolkit"),
        ("range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available", "cpus is more than"),
        ("write /var/lib/docker/x: no space left on device", "docker system df"),
        ("driver failed: Bind for 127.0.0.1:80 failed: port is already allocated", "port 80 on 127.0.0.1 is taken"),
        ("exec /serve: exec format error", "was built for"),
        ("invalid mount config: bind source path does not exist: /x", "does not see the model's folder"),
        ("anything else", "does not start churn: anything else"),
    ],
)
def test_each_refusal_of_the_daemon_says_the_way_out(said, words):
    error = refusal(Said(said), name="churn", image="example.com/a:1", port=80)
    with pytest.raises(type(error), match=words):
        raise error


@pytest.mark.parametrize(
    ("ending", "log", "words"),
    [
        (Ending(137, out_of_memory=True, limit=64 * MIB, peak=63 * MIB), [], "limit of 64 MiB; .* 63 MiB were seen"),
        (Ending(137), [], r"status 137 \(SIGKILL\).*dmesg"),
        (
            Ending(137, limit=64 * MIB, peak=60 * MIB),
            [],
            "limit of 64 MiB, of which 60 were seen in use: give memory_mb",
        ),
        (Ending(139), ["bad"], r"(?s)status 139 \(SIGSEGV\). Its last words:\n  bad"),
        (Ending(132), [], r"SIGILL.*instructions"),
        (Ending(127), ["sh: serve: not found"], "missing or cannot be run"),
        (Ending(1), ["exec /usr/bin/python3: exec format error"], "built for arm64, and the daemon's machine is amd64"),
        (Ending(1), ["the model folder was refused: model.pkl was changed"], "restore it, or build again"),
        (Ending(3), ['{"event": "load failed", "error": "no weights"}'], "(?s)\n  load failed: no weights\n"),
    ],
)
def test_each_ending_says_why(ending, log, words):
    error = start_failure("churn", ending, image="a:1", architectures=("arm64", "amd64"), log=log)
    with pytest.raises(type(error), match=words):
        raise error
