"""Makes a virtual environment and installs packages into it: with uv where it is installed, else with venv and pip."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cdk_modelbuilder.dependencies.index_options import for_pip, for_uv
from cdk_modelbuilder.dependencies.index_settings import UvSettings, uv_settings
from cdk_modelbuilder.dependencies.pip_tool import last_words, pip_environment
from cdk_modelbuilder.dependencies.tool_output import run_tool
from cdk_modelbuilder.dependencies.trial.interpreters import Interpreter
from cdk_modelbuilder.dependencies.uv_tool import find_uv_or_none
from cdk_modelbuilder.errors import TrialError

_NOT_THERE = re.compile(
    r"No matching distribution found for (?P<pip>\S+)|you require\s+(?P<uv>[A-Za-z0-9][^\s,]*?==[^\s,]+)", re.IGNORECASE
)
_KEPT_OUT = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "VIRTUAL_ENV", "PIP_TARGET", "PIP_PREFIX", "PIP_USER")


@dataclass(frozen=True, slots=True)
class FreshEnvironment:
    """A virtual environment.

    Attributes:
        folder: Where it lies.
    """

    folder: Path

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.folder / "bin" / "python"

    @classmethod
    def create(cls, folder: Path, interpreter: Interpreter) -> FreshEnvironment:
        """An empty environment at ``folder``.

        Raises:
            TrialError: The interpreter cannot make one.
        """
        uv = find_uv_or_none()
        command = (
            [uv, "venv", "--quiet", "--no-project", "--no-config", "--python", interpreter.path, str(folder)]
            if uv
            else [interpreter.path, "-I", "-m", "venv", str(folder)]
        )
        made = subprocess.run(command, capture_output=True, text=True, check=False, env=bare_environment())
        if made.returncode != 0:
            raise TrialError(
                f"{interpreter.path} makes no virtual environment:\n{last_words(made.stdout + made.stderr)}\n",
                remedy="Install its venv module (python3-venv on Debian), or pip install 'cdk-modelbuilder[lock]'.",
            )
        return cls(folder)

    def install(
        self,
        requirements: str,
        *,
        index_options: Sequence[str],
        with_requirements: bool = True,
        on_line: Callable[[str], object],
    ) -> None:
        """Install what a requirements file lists.

        Args:
            requirements: The text of the file.
            index_options: Options of pip that say where packages come from.
            with_requirements: What the packages require, too.
            on_line: Called with each line that the installer says.

        Raises:
            TrialError: Something does not install; the message names it where the installer does.
        """
        place = self.folder.parent
        listed = place / "requirements.txt"
        listed.write_text(requirements, "utf-8")
        words = [*([] if with_requirements else ["--no-deps"]), "--requirement", str(listed)]
        is_alone = "--no-index" in index_options  # then the user's own settings are not to help out
        uv = find_uv_or_none()
        if uv:
            command = [uv, "pip", "install", "--python", str(self.python), *for_uv(index_options)]
            with _settings(is_alone=is_alone).in_folder(place) as environment:
                status, said = run_tool([*command, *words], environment=environment, folder=place, on_line=on_line)
        else:
            command = [str(self.python), "-I", "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
            command += [*(["--isolated"] if is_alone else []), *for_pip(index_options)]
            environment = pip_environment(bare_environment())
            status, said = run_tool([*command, *words], environment=environment, folder=place, on_line=on_line)
        if status != 0:
            named = _NOT_THERE.search(said)
            what = f"{named['pip'] or named['uv']} does not install" if named else "the packages do not install"
            raise TrialError(
                f"{what} on Python {self._version()}:\n{last_words(said)}\n",
                remedy="cdk-modelbuilder deps --check names the versions that there are for the container's Python.",
            )

    def _version(self) -> str:
        for line in (self.folder / "pyvenv.cfg").read_text("utf-8").splitlines():
            name, _, value = line.partition("=")
            if name.strip() in ("version", "version_info"):
                return value.strip()
        return "of the environment"


def bare_environment() -> dict[str, str]:
    """This process's environment without what leads Python to other packages, and without keys of ours."""
    return {
        name: value
        for name, value in os.environ.items()
        if name not in _KEPT_OUT and not name.startswith("MODELBUILDER_")
    } | {"PYTHONNOUSERSITE": "1", "NO_COLOR": "1"}


def _settings(*, is_alone: bool) -> UvSettings:
    if not is_alone:
        return uv_settings(bare_environment())
    kept = {name: value for name, value in bare_environment().items() if name[:3] != "UV_" or name == "UV_CACHE_DIR"}
    return UvSettings({**kept, "UV_NO_CONFIG": "1"})
