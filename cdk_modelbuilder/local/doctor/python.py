"""The Python that runs this, against what a bundle needs."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.platforms import Commands

_LOWEST = (3, 11)
_CODE_FORMATS = frozenset({"cloudpickle"})
"""Code pickled by value is bytecode, which no other minor version of Python can run."""
_INSTALL = Commands(
    debian=("sudo apt-get install python3 python3-venv",),
    fedora=("sudo dnf install python3",),
    macos=("brew install python@3.12",),
)


def _run(about: Circumstances) -> Iterator[Finding]:
    here = f"{sys.version_info.major}.{sys.version_info.minor}"
    if sys.version_info < _LOWEST:
        yield Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"Python {here} is too old; 3.11 is the oldest that works.",
            "Install a newer one, and make an environment with it.",
            (*_INSTALL.on(about.system), "python3 -m venv .venv"),
        )
    elif sys.prefix == sys.base_prefix:
        yield Finding(
            CHECK.name,
            Outcome.WARNING,
            f"Python {sys.version.split()[0]} at {sys.prefix} is no virtual environment: what a model needs gets mixed "
            "with what else is installed there.",
            "Make one for the project.",
            ("python3 -m venv .venv", ". .venv/bin/activate", "pip install cdk-modelbuilder"),
        )
    else:
        yield Finding(CHECK.name, Outcome.OK, f"Python {sys.version.split()[0]}, in the environment {sys.prefix}.")
    if about.bundle is not None:
        yield _against(about.bundle, here)


def _against(bundle: ModelBundle, here: str) -> Finding:
    built = str(bundle.info.get("python", ""))
    model = bundle.info.get("model")
    form = str(model.get("format", "")) if isinstance(model, dict) else ""
    if not built or built == here:
        return Finding(CHECK.name, Outcome.OK, f"{bundle.name} was built with this Python's version, {here}.")
    if form in _CODE_FORMATS:
        return Finding(
            CHECK.name,
            Outcome.FAILURE,
            f"{bundle.name} holds code pickled by Python {built}, and this is {here}, which crashes when it loads it.",
            f"Run it in its container, or with Python {built}.",
            (f"python{built} -m venv .venv-{built}", f". .venv-{built}/bin/activate", "pip install cdk-modelbuilder"),
        )
    return Finding(
        CHECK.name,
        Outcome.WARNING if form == "pickle" else Outcome.OK,
        f"{bundle.name} was built with Python {built}, and this is {here}"
        + (
            ": most pickles can be read, but the versions of their packages may not be had."
            if form == "pickle"
            else "."
        ),
        f"If it does not load, run it with Python {built}." if form == "pickle" else "",
    )


CHECK = Check(
    "python",
    "Python",
    "the version, whether it is a virtual environment, and whether it can load what the bundle's Python pickled",
    "makes an environment with the right Python",
    _run,
)
