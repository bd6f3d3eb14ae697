"""Disk, memory, GPU and image: a file system that is nearly full, a driver that says what the test wants."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.local.doctor import disk, gpu, image, memory_room
from cdk_modelbuilder.local.doctor.check import Circumstances, examine
from cdk_modelbuilder.local.doctor.finding import Outcome
from cdk_modelbuilder.local.doctor.mounts import roomiest_mount
from cdk_modelbuilder.local.doctor.platforms import Platform
from tests.local.doctor.test_docker_daemon import INFO, VERSION, daemon

GIBI = 1 << 30


@pytest.fixture(autouse=True)
def own_docker(monkeypatch, tmp_path):
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 600 MiB, a tmpfs."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600m,nr_inodes=20000", "tmpfs", folder], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"this machine lets nobody mount: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def found(check, bundle=None, system=Platform.DEBIAN, folder=None):
    return examine([check], Circumstances(bundle=bundle, system=system, folder=folder or Path.cwd()))


def fill(folder, mebibytes):
    with (folder / "filling").open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, mebibytes << 20)


def test_a_disk_that_is_nearly_full_is_told_before_a_run(small_disk, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    temporary, bundles, docker = found(disk.CHECK, folder=small_disk)
    assert (temporary.outcome, bundles.outcome, docker.outcome) == (Outcome.OK, Outcome.OK, Outcome.SKIPPED)
    fill(small_disk, 200)
    temporary, bundles, _ = found(disk.CHECK, folder=small_disk)
    assert temporary.outcome is bundles.outcome is Outcome.FAILURE
    assert temporary.detail.startswith("only 400 MiB free for temporary files")
    assert any(line.startswith("export TMPDIR=") for line in temporary.commands)


def test_dockers_disk_is_judged_by_the_image_and_says_how_to_move(small_disk, changed_bundle, tmp_path):
    answers = {
        "/version": (200, VERSION),
        "/info": (200, {**INFO, "DockerRootDir": str(small_disk)}),
        "/images/json": (200, []),
    }
    bundle = changed_bundle(files={}, processor="gpu")  # no code: nothing but its container runs it
    with daemon(tmp_path / "docker.sock", answers):
        docker = found(disk.CHECK, bundle)[-1]
        assert docker.outcome is Outcome.FAILURE
        assert "30.5 GiB are needed" in docker.detail
        commands = "\n".join(docker.commands)
        for part in ("docker system df", "docker system prune", "data-root", "/etc/docker/daemon.json", "rsync -aHAX"):
            assert part in commands
        with_code = changed_bundle(processor="gpu")
        assert found(disk.CHECK, with_code)[-1].outcome is Outcome.WARNING
    here = {
        "RepoTags": [
            f"123456789012.dkr.ecr.x.amazonaws.com/{bundle.container.image.repository}:{bundle.container.image.tag}"
        ]
    }
    with daemon(tmp_path / "docker.sock", {**answers, "/images/json": (200, [here])}):
        assert found(disk.CHECK, bundle)[-1].outcome is Outcome.OK


def test_the_disk_of_dockers_virtual_machine_is_not_ours_to_judge(tmp_path):
    for info, system in (
        ({"OperatingSystem": "Docker Desktop"}, Platform.DEBIAN),
        ({}, Platform.MACOS),
        ({"DockerRootDir": "/no/such/folder"}, Platform.DEBIAN),
    ):
        with daemon(tmp_path / "docker.sock", {"/version": (200, VERSION), "/info": (200, {**INFO, **info})}):
            docker = found(disk.CHECK, system=system)[-1]
        assert docker.outcome is Outcome.SKIPPED
        assert docker.commands == ("docker system df", "docker system prune")


def test_a_large_bundle_needs_room_twice(changed_bundle):
    bundle = changed_bundle(model_bytes=1 << 43)
    temporary, bundles, _ = found(disk.CHECK, bundle)
    assert temporary.outcome is Outcome.FAILURE
    assert "8192.5 GiB are needed" in temporary.detail
    assert bundles.outcome is Outcome.WARNING
    assert "16384.5 GiB are needed" in bundles.detail
    [memory] = found(memory_room.CHECK, bundle)
    assert memory.outcome is Outcome.WARNING
    assert "may kill" in memory.detail


def test_few_inodes_are_told(small_disk, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(small_disk))
    for number in range(12_000):
        (small_disk / str(number)).touch()
    temporary = found(disk.CHECK, folder=small_disk)[0]
    assert temporary.outcome is Outcome.WARNING
    assert "inodes" in temporary.detail


def test_a_folder_that_cannot_be_written(monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert [one.outcome for one in found(disk.CHECK)[:2]] == [Outcome.FAILURE, Outcome.FAILURE]


def test_the_roomiest_disk(tmp_path):
    table = tmp_path / "mounts"
    table.write_text(f"dev {tmp_path} ext4 rw 0 0\nproc /proc proc rw 0 0\ndev /read/only ext4 ro,x 0 0\nx\n")
    assert roomiest_mount(table) == tmp_path
    spaced = tmp_path / "a b"
    spaced.mkdir()
    table.write_text(f"dev {tmp_path}/a\\040b xfs rw 0 0\n")
    assert roomiest_mount(table) == spaced
    table.write_text("")
    assert roomiest_mount(table) is None
    assert roomiest_mount(tmp_path / "none") is None


def test_memory_counts_the_control_groups_limit(tmp_path):
    (tmp_path / "meminfo").write_text("MemTotal: 999 kB\nMemAvailable:   2097152 kB\n")
    assert memory_room.available_bytes(tmp_path / "meminfo", tmp_path) == 2 * GIBI
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text(f"{GIBI}\n")
    assert memory_room.available_bytes(tmp_path / "meminfo", tmp_path) == 2 * GIBI
    (tmp_path / "memory.max").write_text(f"{GIBI + 4096}\n")
    assert memory_room.available_bytes(tmp_path / "meminfo", tmp_path) == 4096
    assert memory_room.available_bytes(tmp_path / "none", tmp_path) is None


def test_the_memory_of_dockers_virtual_machine_is_judged_on_macos(tmp_path):
    info = {**INFO, "MemTotal": 100 << 20}
    with daemon(tmp_path / "docker.sock", {"/version": (200, VERSION), "/info": (200, info)}):
        *_, finding = found(memory_room.CHECK, system=Platform.MACOS)
    assert finding.outcome is Outcome.WARNING
    assert finding.commands == ("colima stop", "colima start --memory 8")


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """A driver whose tool prints what it is told."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def prints(text, status=0):
        (tmp_path / "says").write_text(text)
        script = (
            f"#!{sys.executable} -S\nimport sys\nprint(open({str(tmp_path / 'says')!r}).read())\nsys.exit({status})\n"
        )
        (folder / "nvidia-smi").write_text(script)
        (folder / "nvidia-smi").chmod(0o755)

    return prints


def test_a_bundle_for_gpus_without_a_driver(changed_bundle, nvidia_smi):
    bundle = changed_bundle(processor="gpu", tag="2.6-gpu-py312-cu130")
    [finding] = found(gpu.CHECK, bundle)
    assert finding.outcome is Outcome.FAILURE
    assert finding.commands[0] == "sudo apt-get install nvidia-driver"
    assert found(gpu.CHECK, bundle, Platform.MACOS)[0].outcome is Outcome.FAILURE
    assert [one.outcome for one in found(gpu.CHECK)] == [Outcome.SKIPPED]
    assert found(gpu.CHECK, changed_bundle(processor="cpu"))[0].outcome is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("driver", "tag", "outcome"),
    [
        ("535.129.03", "x-cu124-y", Outcome.OK),
        ("535.129.03", "server-sagemaker-cuda-v2.3", Outcome.OK),
        ("535.129.03", "x-gpu-py312-cu130", Outcome.FAILURE),
        ("580.65.06", "x-gpu-py312-cu130", Outcome.OK),
        ("450.10", "x-cu121", Outcome.FAILURE),
    ],
)
def test_the_driver_against_the_images_cuda(changed_bundle, nvidia_smi, tmp_path, driver, tag, outcome):
    nvidia_smi(f"NVIDIA A10G, {driver}\nNVIDIA A10G, {driver}")
    bundle = changed_bundle(processor="gpu", tag=tag)
    info = {**INFO, "Runtimes": {"runc": {}, "nvidia": {}}}
    with daemon(tmp_path / "docker.sock", {"/version": (200, VERSION), "/info": (200, info)}):
        first, second = found(gpu.CHECK, bundle)
    assert first.outcome is outcome
    assert "A10G, NVIDIA A10G" in first.detail
    assert second.outcome is Outcome.OK


def test_a_daemon_that_knows_no_gpus(changed_bundle, nvidia_smi, tmp_path):
    nvidia_smi("NVIDIA A10G, 580.1")
    with daemon(tmp_path / "docker.sock", {"/version": (200, VERSION), "/info": (200, INFO)}):
        needed = found(gpu.CHECK, changed_bundle(processor="gpu"))[-1]
        not_needed = found(gpu.CHECK)[-1]
    assert (needed.outcome, not_needed.outcome) == (Outcome.FAILURE, Outcome.WARNING)
    assert "sudo nvidia-ctk runtime configure --runtime=docker" in needed.commands
    (tmp_path / "cdi").mkdir()
    (tmp_path / "cdi" / "nvidia.yaml").touch()
    for info in (
        {"CDISpecDirs": [str(tmp_path / "cdi")]},
        {"DiscoveredDevices": [{"Source": "cdi", "ID": "nvidia.com/gpu=all"}]},
    ):
        with daemon(tmp_path / "docker.sock", {"/version": (200, VERSION), "/info": (200, {**INFO, **info})}):
            assert found(gpu.CHECK)[-1].outcome is Outcome.OK


@pytest.mark.parametrize(("text", "status"), [("No devices were found", 6), ("Failed to initialize NVML", 0), ("", 0)])
def test_a_driver_that_sees_no_gpu(changed_bundle, nvidia_smi, text, status):
    nvidia_smi(text, status)
    assert found(gpu.CHECK, changed_bundle(processor="gpu"))[0].outcome is Outcome.FAILURE
    assert found(gpu.CHECK)[0].outcome is Outcome.WARNING


def test_neuron_is_not_here(changed_bundle):
    [finding] = found(gpu.CHECK, changed_bundle(processor="neuron"))
    assert finding.outcome is Outcome.FAILURE
    assert "inf2" in finding.remedy


def test_how_to_get_an_image_that_is_not_here(changed_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(image.platform, "machine", lambda: "x86_64")
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    ecr = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    answers = {"/version": (200, VERSION), "/images/json": (200, [])}
    with daemon(tmp_path / "docker.sock", answers):
        [own] = found(image.CHECK, changed_bundle(uri=f"{ecr}/mine:1"))
        [public] = found(image.CHECK, changed_bundle(uri="example.com/mine:1"))
        [aws] = found(image.CHECK, changed_bundle())
        [built] = found(image.CHECK, changed_bundle(build="image"))
        monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
        [china] = found(image.CHECK, changed_bundle())
    assert own.commands == (
        f"aws ecr get-login-password --region eu-west-1 | docker login --username AWS --password-stdin {ecr}",
        f"docker pull {ecr}/mine:1",
    )
    assert public.commands == ("docker pull example.com/mine:1",)
    assert "ACCOUNT.dkr.ecr.REGION.amazonaws.com" in aws.commands[1]
    assert (built.outcome, built.commands) == (Outcome.WARNING, ())
    assert "450853457545.dkr.ecr.cn-north-1.amazonaws.com.cn/" in china.commands[-1]


def test_an_image_that_is_here(changed_bundle, tmp_path, monkeypatch):
    monkeypatch.setattr(image.platform, "machine", lambda: "x86_64")
    answers = {"/version": (200, VERSION), "/images/example.com/mine:1/json": (200, {"Size": 1_500_000_000})}
    with daemon(tmp_path / "docker.sock", answers):
        [finding] = found(image.CHECK, changed_bundle(uri="example.com/mine:1"))
    assert (finding.outcome, "1.5 GB" in finding.detail) == (Outcome.OK, True)


def test_an_image_for_another_processor(changed_bundle, monkeypatch, tmp_path):
    monkeypatch.setattr(image.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(image, "_BINFMT", tmp_path)
    bundle = changed_bundle(architecture="arm64")
    finding = found(image.CHECK, bundle)[0]
    assert finding.outcome is Outcome.FAILURE
    assert "exec format error" in finding.detail
    (tmp_path / "qemu-aarch64").touch()
    assert found(image.CHECK, bundle)[0].outcome is Outcome.WARNING
    monkeypatch.setattr(image.platform, "machine", lambda: "aarch64")
    assert found(image.CHECK, bundle)[0].outcome is Outcome.SKIPPED


@given(st.text(max_size=80))
def test_any_text_as_an_images_name_is_matched_or_not(text):
    match = image.ECR_URI.fullmatch(text)
    assert match is None or match["repository"]
