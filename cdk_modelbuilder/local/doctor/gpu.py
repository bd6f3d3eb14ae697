"""NVIDIA's driver and container runtime, against what a bundle's image needs.

Sources: NVIDIA CUDA Toolkit release notes, table "CUDA Toolkit and Corresponding Driver Versions"
(https://docs.nvidia.com/cuda/cuda-toolkit-release-notes/), and the install guide of the NVIDIA Container Toolkit
(https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html).
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.docker_api import DockerApi, NoAnswerError, answering_daemon
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.platforms import Commands, Platform
from cdk_modelbuilder.nvidia_smi import gpus

_DRIVERS = {11: 450, 12: 525, 13: 580}
"""The first driver branch for each major version of CUDA, which runs all its minor versions."""
_DRIVER = Commands(
    debian=("sudo apt-get install nvidia-driver", "# on Ubuntu: sudo ubuntu-drivers install", "sudo reboot"),
    fedora=("sudo dnf install akmod-nvidia  # from RPM Fusion", "sudo reboot"),
)
_TOOLKIT = Commands(
    debian=(
        "# add NVIDIA's repository first: see the install guide of the NVIDIA Container Toolkit",
        "sudo apt-get install nvidia-container-toolkit",
        "sudo nvidia-ctk runtime configure --runtime=docker",
        "sudo systemctl restart docker",
    ),
    fedora=(
        "# add NVIDIA's repository first: see the install guide of the NVIDIA Container Toolkit",
        "sudo dnf install nvidia-container-toolkit",
        "sudo nvidia-ctk runtime configure --runtime=docker",
        "sudo systemctl restart docker",
    ),
)


def _run(about: Circumstances) -> Iterator[Finding]:
    needed = about.bundle.container.image.processor if about.bundle is not None else "cpu"
    if needed == "neuron":
        yield _neuron(about.bundle)
        return
    wanting = Outcome.FAILURE if needed == "gpu" else Outcome.SKIPPED
    if about.system is Platform.MACOS:
        said = "no container on macOS has an NVIDIA GPU."
        yield Finding(CHECK.name, wanting, said, "Build the bundle for cpu to run it here." if needed == "gpu" else "")
        return
    if not shutil.which("nvidia-smi"):
        said = "there is no NVIDIA driver here (no nvidia-smi on PATH)"
        if needed == "gpu":
            yield Finding(
                CHECK.name,
                wanting,
                f"{said}, and the image of {_name(about.bundle)} wants a GPU.",
                "Install the driver, or build the bundle for cpu to run it here.",
                _DRIVER.on(about.system),
            )
        else:
            yield Finding(CHECK.name, wanting, f"{said}; nothing that was named needs a GPU.")
        return
    cards = gpus("driver_version")
    if not cards:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE if needed == "gpu" else Outcome.WARNING,
            "nvidia-smi is here but sees no GPU: the driver is not loaded, or not the kernel's.",
            "See what it says; after an update of the kernel a restart of the machine mends it.",
            ("nvidia-smi", "sudo reboot"),
        )
        return
    yield from _with_cards(cards, about, needed)


def _with_cards(cards: list[tuple[str, str]], about: Circumstances, needed: str) -> Iterator[Finding]:
    names, driver = ", ".join(name for name, _ in cards), cards[0][1]
    cuda = _cuda(about.bundle) if about.bundle is not None and needed == "gpu" else None
    lowest = _DRIVERS.get(cuda or 0, 0)
    if int(driver.partition(".")[0] or 0) < lowest:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"NVIDIA driver {driver} ({names}) is older than {lowest}, the first for CUDA {cuda}, which the image of "
            f"{_name(about.bundle)} brings.",
            "Install a newer driver.",
            _DRIVER.on(about.system),
        )
    else:
        yield Finding(CHECK.name, Outcome.OK, f"NVIDIA driver {driver}: {names}.")
    api = answering_daemon()
    if api is None:
        return
    if _daemon_knows_gpus(api):
        yield Finding(CHECK.name, Outcome.OK, "the Docker daemon can give GPUs to containers.")
        return
    yield Finding(
        CHECK.name,
        Outcome.FAILURE if needed == "gpu" else Outcome.WARNING,
        "the Docker daemon knows no NVIDIA runtime: a container cannot get a GPU.",
        "Install the NVIDIA Container Toolkit.",
        _TOOLKIT.on(about.system),
    )


def _daemon_knows_gpus(api: DockerApi) -> bool:
    try:
        info = api.get("/info")
    except NoAnswerError:
        return False
    # Since Docker 28.3 devices of CDI are listed too; Podman takes them from /etc/cdi and /var/run/cdi.
    devices = [str(device.get("ID", "")) for device in info.get("DiscoveredDevices") or ()]
    folders = [Path(folder) for folder in info.get("CDISpecDirs") or ()]
    described = any(next(folder.glob("nvidia*"), None) for folder in folders if folder.is_dir())
    return "nvidia" in (info.get("Runtimes") or {}) or described or any("nvidia.com/gpu" in one for one in devices)


def _cuda(bundle: ModelBundle) -> int | None:
    """The major version of CUDA in the image's tag, such as 13 in ``cu130``; None where it has none."""
    image = bundle.container.image
    found = re.search(r"cu(?:da)?-?v?(1[1-9])\d", image.tag or image.uri or "")
    return int(found.group(1)) if found else None


def _neuron(bundle: ModelBundle | None) -> Finding:
    if Path("/dev/neuron0").exists():
        return Finding(CHECK.name, Outcome.OK, "there is an AWS Neuron device, /dev/neuron0.")
    return Finding(
        CHECK.name,
        Outcome.FAILURE,
        f"the image of {_name(bundle)} wants AWS Inferentia or Trainium, and there is no /dev/neuron0 here.",
        "Deploy it to an inf2 or trn1 instance, or build the bundle for cpu to run it here.",
    )


def _name(bundle: ModelBundle | None) -> str:
    return bundle.name if bundle is not None else "the bundle"


CHECK = Check(
    "gpu",
    "GPU",
    "NVIDIA's driver against the image's CUDA, whether the daemon can give GPUs to containers, Neuron devices",
    "installs driver or NVIDIA Container Toolkit",
    _run,
)
