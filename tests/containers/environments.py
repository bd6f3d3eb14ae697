"""Environments that hold a toolkit of AWS: made once and kept, with a fresh layer on top for each container."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cdk_modelbuilder.dependencies.selection import Wishes, select


def _as_it_is(folder: Path) -> None:
    """Nothing to mend."""


@dataclass(frozen=True)
class KeptEnvironment:
    """An environment of a toolkit and of what models need, in the versions of the environment that builds the bundles.

    Attributes:
        name: Of its folder among the temporary files.
        folder_variable: Names another folder.
        requirements: The toolkit and all that it needs, pinned; installed with ``--no-deps``.
        model_packages: What the models need.
        mend: Changes what is installed as AWS's images do.
        instead: Package -> another version of it, which the toolkit asks for.
    """

    name: str
    folder_variable: str
    requirements: Path
    model_packages: Sequence[str]
    mend: Callable[[Path], None] = _as_it_is
    instead: Mapping[str, str] = field(default_factory=dict)

    def python(self) -> Path:
        """Its Python; made when it is not there or not complete."""
        folder = Path(os.environ.get(self.folder_variable) or Path(tempfile.gettempdir(), self.name))
        text = self.requirements.read_text("utf-8")
        selected = select(dict.fromkeys(self.model_packages, "the models"), Wishes()).pins
        pins = [
            pin.requirement.partition("+")[0] for pin in selected if pin.name not in self.instead
        ]  # no local versions
        pins += [f"{name}=={version}" for name, version in self.instead.items()]
        wanted = hashlib.sha256("\n".join([sys.version, text, *pins]).encode()).hexdigest()
        done = folder / "complete"
        python = folder / "bin" / "python"
        with only_one_at_a_time(folder.with_name(f"{folder.name}.lock")):
            if not done.is_file() or done.read_text() != wanted:
                if folder.exists() and not (folder / "pyvenv.cfg").is_file():
                    raise RuntimeError(
                        f"{folder} is no environment that could be replaced; {self.folder_variable} names it"
                    )
                shutil.rmtree(folder, ignore_errors=True)
                subprocess.run([sys.executable, "-m", "venv", folder], check=True)
                pip = [python, "-m", "pip", "install", "--quiet", "--no-deps"]
                builders = [line for line in text.splitlines() if line.startswith("setuptools")]
                subprocess.run([*pip, *builders], check=True)
                subprocess.run([*pip, "--no-build-isolation", "-r", self.requirements, *pins], check=True)
                self.mend(folder)
                done.write_text(wanted)
        if done.stat().st_uid != os.getuid():
            raise RuntimeError(f"{folder} belongs to someone else; set {self.folder_variable}")
        return python


def make_layer(python: Path, folder: Path, commands: dict[str, str]) -> Path:
    """An empty environment that sees the packages of another, so that what a start installs goes with the test.

    Args:
        python: The other's Python.
        folder: Where the layer is made.
        commands: Name -> Python source of the scripts that come first on its PATH.
    """
    subprocess.run([python, "-m", "venv", "--without-pip", folder], check=True)
    below = next(python.parents[1].glob("lib/python*/site-packages"))
    (packages_of(folder) / "below.pth").write_text(f"import site; site.addsitedir({str(below)!r})\n")
    for name, source in commands.items():
        script = folder / "bin" / name
        script.write_text(f"#!{folder}/bin/python\n{source}")
        script.chmod(0o755)
    return folder


def packages_of(folder: Path) -> Path:
    """Where an environment's packages are."""
    return next(folder.glob("lib/python*/site-packages"))


@contextlib.contextmanager
def only_one_at_a_time(path: Path) -> Iterator[None]:
    """Waits until no other process is inside for the same lock file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
