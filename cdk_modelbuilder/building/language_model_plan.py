"""Plans how a language model is served: what its server is told, with reasons, or why nothing was reckoned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from cdk_modelbuilder.building.adapters_plan import AdaptersPlan, check_adapter_names
from cdk_modelbuilder.building.hosting import HostingWishes
from cdk_modelbuilder.building.model_source import HubModel, S3Model
from cdk_modelbuilder.errors import NotReckonedError, UsageError
from cdk_modelbuilder.images import processor_of
from cdk_modelbuilder.instances import instance_type
from cdk_modelbuilder.language_models import ModelFacts, Overrides, choose, read_model, smallest_instance_type
from cdk_modelbuilder.language_models.asked_values import asked_values
from cdk_modelbuilder.language_models.lora import LoraAdapter, read_adapters
from cdk_modelbuilder.language_models.server_options import check_variables
from cdk_modelbuilder.language_models.server_rules import is_served_as_language_model, rules_of
from cdk_modelbuilder.language_models.serving_record import record_of, record_without_choice, set_by, variables_in

_PROPERTIES = "serving.properties"
_NOTHING = "serving=False: nothing was chosen for the server, and whether the model fits not reckoned."
_LARGEST = "ml.p6-b300.48xlarge"
"""By the memory of its accelerators; what it does not hold, none does."""


@dataclass(frozen=True, slots=True)
class ServingWishes:
    """What the user says about it.

    Attributes:
        overrides: Values to take instead of choices.
        chooses: Whether anything is to be chosen at all.
        files: A copy here of a model that is elsewhere; None for none.
        env_vars: The user's variables, which win.
        adapters: LoRA adapters on the model.
    """

    overrides: Overrides = field(default_factory=Overrides)
    chooses: bool = True
    files: Path | None = None
    env_vars: Mapping[str, str] = field(default_factory=dict)
    adapters: tuple[LoraAdapter, ...] = ()

    @classmethod
    def of(
        cls,
        serving: Overrides | Mapping[str, Any] | bool | None,
        model_files: str | Path | None,
        env_vars: Mapping[str, str],
        lora_adapters: Mapping[str, str | Path] | None = None,
    ) -> ServingWishes:
        """The builder's arguments, checked.

        Raises:
            UsageError: ``serving`` has a name or a value that cannot be, there is no folder ``model_files``, or an
                adapter has a name that cannot be.
            ModelError: An adapter that servers do not load.
        """
        files = None if model_files is None else Path(model_files).expanduser()
        if files is not None and not files.is_dir():
            raise UsageError(
                f"model_files is {str(model_files)!r}, and there is no such folder.",
                remedy="Give the folder of a copy of the model; config.json, tokenizer and weights are read.",
            )
        overrides = Overrides() if serving in (None, True, False) else Overrides.of(serving)  # type: ignore[arg-type]
        adapters = read_adapters({} if lora_adapters is None else lora_adapters)
        return cls(overrides, serving is not False, files, dict(env_vars), adapters)

    @property
    def said(self) -> str:
        """Which arguments were given, for messages; empty for none."""
        given = {
            "serving=": bool(self.overrides.given) or not self.chooses,
            "model_files=": self.files is not None,
            "lora_adapters=": bool(self.adapters),
        }
        return " and ".join(name for name, is_given in given.items() if is_given)


@dataclass(frozen=True, slots=True)
class ServingPlan:
    """How a language model is served.

    Attributes:
        environment: The variables that its server is told with.
        record: What ``serving.json`` says; None where nothing is chosen.
        notes: What the user should know.
    """

    environment: Mapping[str, str]
    record: Mapping[str, Any] | None
    notes: tuple[str, ...] = ()


def serving_wishes(
    serving: Overrides | Mapping[str, Any] | bool | None,
    model_files: str | Path | None,
    env_vars: Mapping[str, str],
    lora_adapters: Mapping[str, str | Path] | None,
    *,
    server: str | None,
    name: str,
) -> ServingWishes:
    """The builder's arguments, checked against each other, too.

    Raises:
        UsageError: What :meth:`ServingWishes.of` refuses, an adapter with the bundle's name, or arguments about a
            language model for what is none.
        ModelError: An adapter that servers do not load.
    """
    wishes = ServingWishes.of(serving, model_files, env_vars, lora_adapters)
    check_adapter_names(wishes.adapters, name)
    check_is_language_model(server, wishes)
    return wishes


def check_is_language_model(server: str | None, wishes: ServingWishes) -> None:
    """Refuse arguments about a language model for what is none.

    Raises:
        UsageError: That is so.
    """
    if wishes.said and (server is None or not is_served_as_language_model(server)):
        raise UsageError(
            f"{wishes.said} is about language models, and "
            + (f"{server} serves others." if server else "no server of these is named."),
            remedy="Leave it out, or give model_server='vllm', 'sglang', 'djl_serving', 'tgi' or 'tei'.",
        )


def plan_serving(
    source: Path | HubModel | S3Model | None, server: str, wishes: ServingWishes, hosting: HostingWishes
) -> tuple[ServingPlan, HostingWishes]:
    """What the server is told, and where it runs: the instance type is proposed where none is named.

    Args:
        source: The model.
        server: A server of language models.
        wishes: What the user says about serving.
        hosting: What the user says about the host.

    Raises:
        ModelError: The folder is broken, cut short, or lacks its tokenizer.
        UsageError: The model does not fit, with the arithmetic and the smallest type that it fits on; or a wish that
            cannot be.
    """
    if not wishes.adapters:
        return _plan(source, server, wishes, hosting)
    adapters = AdaptersPlan(wishes.adapters, server, wishes.overrides)
    adapters.check(source)
    told, hosting = _plan(source, server, replace(wishes, overrides=adapters.overrides), hosting)
    notes = (*told.notes, *adapters.notes)
    return ServingPlan(adapters.environment(told.environment), adapters.record(told.record), notes), hosting


def _plan(
    source: Path | HubModel | S3Model | None, server: str, wishes: ServingWishes, hosting: HostingWishes
) -> tuple[ServingPlan, HostingWishes]:
    if not wishes.chooses:
        return ServingPlan({}, None, (_NOTHING,)), hosting
    folder = source if isinstance(source, Path) else wishes.files
    if isinstance(source, Path) and wishes.files is not None:
        raise UsageError(
            "model_files names a copy of the model, and model= is a folder here already.",
            remedy="Leave model_files out.",
        )
    notes = list(check_variables(server, wishes.env_vars, own_image=hosting.image_uri is not None))
    facts, why = _facts(folder, source, hosting)
    if facts is None:
        told = _unreckoned(server, why, wishes, hosting)
        return replace(told, notes=(*told.notes, *notes)), hosting
    if hosting.instance_type is None:
        hosting, note = _proposed(facts, server, wishes.overrides, hosting)
        notes.append(note)
    assert hosting.instance_type is not None
    choice = choose(facts, hosting.instance_type, server, wishes.overrides)
    record = record_of(choice, facts, wishes.overrides)
    notes += [*choice.notes, *_set_elsewhere(record, folder, server, wishes)]
    return ServingPlan(variables_in(record), record, tuple(notes)), hosting


def _facts(
    folder: Path | None, source: Path | HubModel | S3Model | None, hosting: HostingWishes
) -> tuple[ModelFacts | None, str]:
    """What is known of the model, or why nothing is."""
    if folder is None:
        what = {HubModel: "on a hub", S3Model: "in S3"}.get(type(source), "in the image")
        also = " or download=True gets it" if isinstance(source, HubModel) else ""
        return None, f"the model is {what} and nothing of it was read; model_files= names a copy here{also}"
    try:
        facts = read_model(folder)
    except NotReckonedError as error:  # no absolute path goes into a bundle
        return None, error.what.replace(f"{folder}/", "").replace(str(folder), "the folder").rstrip(".")
    named = hosting.instance_type
    kind = None if named is None else instance_type(named)
    if named is not None and kind is None:
        return None, f"{named} is newer than the table of instance types"
    if hosting.processor == "neuron":
        return None, f"{named} has AWS's own chips, whose compilers have limits of their own"
    return facts, ""


def _unreckoned(server: str, why: str, wishes: ServingWishes, hosting: HostingWishes) -> ServingPlan:
    named = hosting.instance_type
    kind = None if named is None else instance_type(named)
    count = 0 if kind is None else kind.accelerator_count
    values = asked_values(server, wishes.overrides, instance_type=named if kind else None, accelerators=count)
    record = record_without_choice(server, values, instance_type_name=named, why=why)
    notes = (
        f"what {rules_of(server).title} is told was not chosen, and whether the model fits not reckoned: {why}.",
        *set_by(record, wishes.env_vars, "env_vars"),
    )
    return ServingPlan(variables_in(record), record, notes)


def _proposed(
    facts: ModelFacts, server: str, overrides: Overrides, hosting: HostingWishes
) -> tuple[HostingWishes, str]:
    found = smallest_instance_type(facts, server, overrides)
    if found is None:
        return replace(hosting, instance_type=_LARGEST), ""  # choose() says why it does not fit, with the arithmetic
    processor, architecture = processor_of(found)
    made = replace(hosting, instance_type=found, processor=processor, architecture=architecture, has_instance_type=True)
    return made, f"no instance_type was named: the values are for {found}, the smallest that the model fits on."


def _set_elsewhere(record: dict[str, Any], folder: Path | None, server: str, wishes: ServingWishes) -> tuple[str, ...]:
    notes = set_by(record, wishes.env_vars, "env_vars")
    path = None if folder is None else folder / _PROPERTIES
    if server == "djl_serving" and path is not None and path.is_file():  # LMI prefers it to variables
        lines = [line.split("=", 1) for line in path.read_text("utf-8", "replace").splitlines() if "=" in line]
        given = {name.strip().replace(".", "_").upper(): value.strip() for name, value in lines if name[:1] not in "#!"}
        notes += set_by(record, given, _PROPERTIES)
    return notes
