"""What is kept of deployments in ``.cdk-modelbuilder/<name>``: the app, and what each deployment was made of.

    .cdk-modelbuilder/tumour/
      app.py, cdk.json, stacks/ ...   the app, which a team may adopt
      deployment.json                 account, region, stack and endpoint
      deployments/0001/
        deployment.json               number, root digest, how it ended
        app.json                      what the app was generated from
        bundle/                       the bundle's text files
        assembly/                     manifest, template and list of assets, as they were deployed

Nothing in it is secret: templates hold references to secrets, and a signature tells nobody the key.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle, json_bytes
from cdk_modelbuilder.deploying.assembly import Assembly
from cdk_modelbuilder.errors import DeploymentError, UsageError
from cdk_modelbuilder.generating.marker import read_marker
from cdk_modelbuilder.generating.plan import AppPlan

FORMAT_VERSION = 1
STATE_FILE, PLAN_FILE, HISTORY = "deployment.json", "app.json", "deployments"
_TEXT_SUFFIXES = frozenset({".json", ".lock", ".toml", ".sig"})


class Outcome(Enum):
    """How a deployment ended, as far as it is known."""

    UNKNOWN = "unknown"
    """It was begun, and nobody has looked since."""
    DEPLOYED = "deployed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class KeptDeployment:
    """One deployment of the history.

    Attributes:
        folder: Where it is kept.
        number: Its number, from 1.
        root_sha256: The bundle's root digest.
        outcome: How it ended.
        rolled_back_to: Number of the deployment that this one brought back; None for one of a bundle.
    """

    folder: Path
    number: int
    root_sha256: str
    outcome: Outcome
    rolled_back_to: int | None = None

    @property
    def bundle(self) -> ModelBundle:
        """The bundle's text files."""
        return ModelBundle.read(self.folder / "bundle")

    @property
    def plan(self) -> AppPlan | None:
        """What the app was generated from; None where it was not kept."""
        try:
            return AppPlan.from_json(json.loads((self.folder / PLAN_FILE).read_bytes()))
        except (OSError, ValueError, UsageError):
            return None

    @property
    def assembly(self) -> Assembly:
        """The template as it was deployed."""
        return Assembly.read(self.folder / "assembly")


@dataclass(frozen=True, slots=True)
class KeptState:
    """What is known of a deployment without asking AWS.

    Attributes:
        name: Name of the bundle.
        account: Account number.
        region: Region.
        stack_name: The stack.
        endpoint_name: The endpoint.
        components: Names of inference components.
    """

    name: str
    account: str
    region: str
    stack_name: str
    endpoint_name: str
    components: tuple[str, ...]


class Kept:
    """The folder of one deployment.

    Args:
        root: ``.cdk-modelbuilder``, or what the user chose instead.
        name: Name of the bundle.
    """

    def __init__(self, root: Path | str, name: str) -> None:
        self.name = name
        self.folder = Path(root) / name

    @classmethod
    def all(cls, root: Path | str) -> Iterator[Kept]:
        """Those in ``root``, in the order of their names."""
        for file in sorted(Path(root).glob(f"*/{STATE_FILE}")):
            yield cls(root, file.parent.name)

    @property
    def cloud_assembly(self) -> Path:
        """Where the CDK CLI writes what it synthesizes."""
        return self.folder / "cdk.out"

    def plan(self) -> AppPlan | None:
        """What was deployed last and well; for an app that was never deployed from here, what it was generated from.

        None where there is neither: what a deployment that failed was made of does not count.

        Raises:
            UsageError: The app's marker cannot be read.
        """
        history = self.history()
        for kept in reversed(history):
            if kept.outcome is Outcome.DEPLOYED:
                return kept.plan
        marker = read_marker(self.folder) if not history and self.folder.is_dir() else None
        return None if marker is None else marker.plan

    def state(self) -> KeptState | None:
        """What was kept; None for nothing.

        Raises:
            DeploymentError: It cannot be read.
        """
        file = self.folder / STATE_FILE
        try:
            data = json.loads(file.read_bytes())
            if data["format_version"] != FORMAT_VERSION:
                raise ValueError(f"format version {data['format_version']!r}")
            return KeptState(
                name=data["name"],
                account=data["account"],
                region=data["region"],
                stack_name=data["stack_name"],
                endpoint_name=data["endpoint_name"],
                components=tuple(data["components"]),
            )
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DeploymentError(
                f"{file} cannot be read: {error}.",
                remedy="Restore it, or delete it and deploy again; the stack in AWS stays as it is.",
            ) from None

    def keep_state(self, state: KeptState) -> None:
        """Write ``state``."""
        _write(self.folder / STATE_FILE, {"format_version": FORMAT_VERSION, **asdict(state)})

    def forget(self) -> None:
        """Remove state and history after the stack is gone; the app stays."""
        (self.folder / STATE_FILE).unlink(missing_ok=True)
        shutil.rmtree(self.folder / HISTORY, ignore_errors=True)
        shutil.rmtree(self.cloud_assembly, ignore_errors=True)

    def history(self) -> list[KeptDeployment]:
        """Deployments, oldest first; what cannot be read is left out."""
        found: list[KeptDeployment] = []
        for file in (self.folder / HISTORY).glob(f"*/{STATE_FILE}"):
            try:
                data = json.loads(file.read_bytes())
                found.append(
                    KeptDeployment(
                        folder=file.parent,
                        number=int(data["number"]),
                        root_sha256=str(data["root_sha256"]),
                        outcome=Outcome(data["outcome"]),
                        rolled_back_to=data.get("rolled_back_to"),
                    )
                )
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return sorted(found, key=lambda kept: kept.number)

    def begin(
        self, bundle: ModelBundle, assembly: Assembly, plan: AppPlan | None, *, rolled_back_to: int | None = None
    ) -> KeptDeployment:
        """Keep what is about to be deployed."""
        number = max((kept.number for kept in self.history()), default=0) + 1
        folder = self.folder / HISTORY / f"{number:04}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".new-") as aside:
            _copy_texts(bundle.path, Path(aside, "bundle"))
            _copy_texts(assembly.folder, Path(aside, "assembly"))
            kept = KeptDeployment(Path(aside), number, bundle.root_sha256, Outcome.UNKNOWN, rolled_back_to)
            _write_entry(kept)
            if plan is not None:
                _write(Path(aside, PLAN_FILE), plan.to_json())
            Path(aside).replace(folder)
            Path(aside).mkdir()  # for the context manager to take away
        return replace(kept, folder=folder)

    def settle(self, kept: KeptDeployment, outcome: Outcome) -> KeptDeployment:
        """Write down how ``kept`` ended."""
        settled = replace(kept, outcome=outcome)
        _write_entry(settled)
        return settled

    def running(self, template: Mapping[str, Any] | None, *, settled: bool) -> KeptDeployment | None:
        """The latest deployment with ``template``, which is the stack's.

        Args:
            template: The template of the stack.
            settled: Whether the stack is at rest: a deployment that nobody followed to its end is known to be done.
        """
        for kept in reversed(self.history()):
            try:
                if kept.outcome is Outcome.FAILED or kept.assembly.template != template:
                    continue
            except DeploymentError:
                continue
            return self.settle(kept, Outcome.DEPLOYED) if settled and kept.outcome is Outcome.UNKNOWN else kept
        return None


def _write_entry(kept: KeptDeployment) -> None:
    data: dict[str, Any] = {
        "number": kept.number,
        "root_sha256": kept.root_sha256,
        "outcome": kept.outcome.value,
    }
    if kept.rolled_back_to is not None:
        data["rolled_back_to"] = kept.rolled_back_to
    _write(kept.folder / STATE_FILE, data)


def _write(file: Path, data: Mapping[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.new")
    aside.write_bytes(json_bytes(data))
    aside.replace(file)


def _copy_texts(source: Path, target: Path) -> None:
    target.mkdir()
    for file in sorted(source.iterdir()):
        if file.is_file() and not file.is_symlink() and file.suffix in _TEXT_SUFFIXES:
            shutil.copyfile(file, target / file.name)
