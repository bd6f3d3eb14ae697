"""Runs the CDK CLI for a kept app: synthesize, compare, deploy, destroy."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from cdk_modelbuilder.deploying.account import Account
from cdk_modelbuilder.deploying.assembly import Assembly
from cdk_modelbuilder.deploying.causes import Source
from cdk_modelbuilder.deploying.cdk_tool import CdkTool, find_cdk
from cdk_modelbuilder.deploying.child import Child, app_command, child_environment
from cdk_modelbuilder.deploying.diagnosis import Evidence, diagnose
from cdk_modelbuilder.errors import DeploymentError

_LAST_LINES = 12
_NOISE = re.compile(r"^\s*$|^NOTICES|cdk acknowledge|^\s+at |node:internal|Subprocess exited with error")


class CdkRuns:
    """The CLI in the folder of one app.

    Args:
        folder: The app's folder.
        account: Where to, and as whom.
        say: Called with a line for each step that takes long.
    """

    def __init__(self, folder: Path, account: Account, say: Callable[[str], object]) -> None:
        self.folder = folder
        self.account = account
        self._tool: CdkTool | None = None
        self._say = say

    @property
    def tool(self) -> CdkTool:
        """The CLI.

        Raises:
            UsageError: There is none, and none can be installed.
        """
        if self._tool is None:
            self._tool = find_cdk(self.folder, on_progress=self._say)
        return self._tool

    def synth(self, output: Path) -> Assembly:
        """The cloud assembly of the app.

        Raises:
            DeploymentError: The app failed.
        """
        shutil.rmtree(output, ignore_errors=True)  # what lies there may be of another bundle
        child = self.start("synth", "--quiet", "--app", app_command(), "--output", str(output.resolve()))
        if child.wait() != 0:
            raise self.failed(child, f"the app in {self.folder} could not be synthesized")
        return Assembly.read(output)

    def diff(self, assembly: Assembly) -> str:
        """What ``cdk diff`` says, without making a change set.

        Raises:
            DeploymentError: It failed.
        """
        child = self.start("diff", "--app", str(assembly.folder.resolve()), "--method", "template")
        if child.wait() != 0:
            raise self.failed(child, f"the stack {assembly.stack_name} could not be compared with what is deployed")
        return child.text.strip() + "\n"

    def deploy(self, assembly: Assembly) -> Child:
        """Begin to deploy; what becomes of it is for who follows."""
        return self.start(
            *("deploy", "--app", str(assembly.folder.resolve())),
            *("--require-approval", "never", "--progress", "events"),
        )

    def destroy(self, assembly: Assembly) -> Child:
        """Begin to destroy the stack."""
        return self.start("destroy", "--app", str(assembly.folder.resolve()), "--force")

    def start(self, *words: str) -> Child:
        """Begin a run of the CLI with ``words``."""
        environment = child_environment(self.tool, self.account.environment())
        # Neither a question to AWS's page of notices, nor files beside what was asked for.
        return Child(self.tool, (*words, "--no-notices", "--no-color"), self.folder, environment)

    def failed(self, child: Child, what: str) -> DeploymentError:
        """The error of a run that failed, with its cause where that is known."""
        facts = {"account": self.account.number, "region": self.account.region, "who": self.account.caller}
        found = diagnose(Evidence({Source.CLI: child.text}, facts))
        if found is not None:
            return DeploymentError(f"{what}: {found.meaning}", remedy=found.remedy, cause=found.cause)
        return DeploymentError(
            f"{what}: {last_words(child.text)}",
            remedy=f"Mend that and try again; `npx cdk {child.words[0]}` in that folder says the same.",
        )


def last_words(text: str) -> str:
    """The lines of the CLI that say why it failed: its own error, else the last ones."""
    lines = [line for line in text.splitlines() if not _NOISE.search(line)]
    for index, line in enumerate(lines):
        if re.search(r"\b[Ee]rror\b|❌|[Ff]ailed", line):
            lines = lines[index:]
            break
    return "\n".join(lines[-_LAST_LINES:]).strip() or "it said nothing."
