"""Virtual environments to build bundles in, as users have them, and what was built there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.dependencies.record import DependencyRecord, read_record
from cdk_modelbuilder.dependencies.trial.fresh_environment import bare_environment
from cdk_modelbuilder.dependencies.trying import Trial, try_bundle
from cdk_modelbuilder.dependencies.uv_tool import find_uv
from tests.conftest import MASTER_KEY

VARYING = {"typing-extensions"} if sys.version_info >= (3, 13) else set()
"""What some packages of the proof require on older Pythons only."""
PROJECTS = Path(__file__).with_name("projects")
CHECKOUT = Path(__file__).parents[3]


@dataclass(frozen=True, slots=True)
class Environment:
    """A virtual environment.

    Attributes:
        folder: Where it lies.
        variables: What is set for everything that runs in it.
    """

    folder: Path
    variables: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def create(cls, folder: Path, *requirements: str | Path) -> Environment:
        """One with this Python, and ``requirements`` in it."""
        uv("venv", "--no-project", "--python", sys.executable, folder)
        made = cls(folder)
        if requirements:
            made.install(*requirements)
        return made

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    def install(self, *requirements: str | Path) -> None:
        """Install with uv."""
        uv("pip", "install", "--python", self.python, *requirements)

    def run(self, *arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run its interpreter."""
        return subprocess.run(
            [self.python, *arguments],
            capture_output=True,
            text=True,
            cwd=cwd,
            env={**_compiling(), "MODELBUILDER_MASTER_KEY": MASTER_KEY, **self.variables},
        )

    def build(self, project: Path, bundle: Path, *arguments: str) -> Built:
        """Run ``build.py`` of a project, which builds a bundle at ``bundle``."""
        ended = self.run("build.py", bundle, *arguments, cwd=project)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return Built.read(bundle)

    def refusal(self, project: Path, bundle: Path, *arguments: str) -> str:
        """What ``build.py`` says when it is refused."""
        ended = self.run("build.py", bundle, *arguments, cwd=project)
        assert ended.returncode != 0, f"it built {bundle}"
        return ended.stderr


@dataclass(frozen=True, slots=True)
class Built:
    """A bundle that was built, and what it says about its packages."""

    bundle: ModelBundle
    record: DependencyRecord

    @classmethod
    def read(cls, path: Path) -> Built:
        bundle = ModelBundle.read(path)
        record = read_record(bundle)
        assert record is not None
        return cls(bundle, record)

    @property
    def names(self) -> set[str]:
        """The packages that are pinned."""
        return {package.name for package in self.record.packages}

    @property
    def requirements(self) -> dict[str, str]:
        return {package.name: package.requirement for package in self.record.packages}

    @property
    def reasons(self) -> dict[str, str]:
        return {package.name: package.reason for package in self.record.packages}

    def code(self) -> set[str]:
        """The files of the user's source, and of what is shipped as source."""
        code = self.bundle.model_dir / "code"
        ours = (
            "inference.py", "modelbuilder_runtime/", "modelbuilder_verify.py", "modelbuilder_public_signature.py",
            "modelbuilder_stored_key.py", "cdk_modelbuilder/", "requirements.txt", "wheels/",
        )  # fmt: skip
        files = {path.relative_to(code).as_posix() for path in code.rglob("*") if path.is_file()}
        return {file for file in files if not file.startswith(ours)}

    def try_it(self) -> Trial:
        """Run it where nothing but what it lists is installed, on the Python that built it; it must answer the same."""
        trial = try_bundle(self.bundle, python=sys.executable)
        assert trial.tried == "golden"
        assert set(trial.packages) - {"pip", "setuptools"} - set(self.record.vendored) == self.names
        return trial

    def texts(self) -> dict[str, bytes]:
        """Every file of the bundle but the archive."""
        root = self.bundle.path
        files = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
        return {name: path.read_bytes() for name, path in files.items() if name != "model.tar.gz"}


def _compiling() -> dict[str, str]:
    """Without bytecode of large packages every run would compile them again."""
    return {name: value for name, value in bare_environment().items() if name != "PYTHONDONTWRITEBYTECODE"}


def project(name: str, folder: Path) -> Path:
    """A copy of a project, as its files would be written to."""
    return shutil.copytree(PROJECTS / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))


def write_project(folder: Path, files: Mapping[str, str]) -> Path:
    """A project whose files are few and short."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def uv(*arguments: str | Path) -> None:
    """Run uv."""
    run([find_uv("to install what the proof is about"), "--quiet", "--no-config", *arguments])


def run(command: Sequence[str | Path], *, cwd: Path | None = None, variables: Mapping[str, str] | None = None) -> str:
    """Run a tool that must not fail; what it printed."""
    ended = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**bare_environment(), **(variables or {})},
    )
    assert ended.returncode == 0, f"{command}\n{ended.stdout}{ended.stderr}"
    return ended.stdout.strip()
