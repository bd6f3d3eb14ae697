"""Plans LoRA adapters that are packaged with a language model: checked, placed, and named to its server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cdk_modelbuilder.container_spec import ModelData
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.images import ContainerImage
from cdk_modelbuilder.language_models import Overrides
from cdk_modelbuilder.language_models.fitting import DEFAULT_ADAPTER_RANK
from cdk_modelbuilder.language_models.lora import LoraAdapter, weights_in
from cdk_modelbuilder.language_models.lora_settings import (
    FILES,
    FOLDER,
    check_server,
    leads_to_adapters,
    lora_environment,
    lora_record,
    room_for,
)
from cdk_modelbuilder.language_models.server_rules import rules_of
from cdk_modelbuilder.language_models.server_settings import LOADS_ADAPTERS, variables
from cdk_modelbuilder.staging import place_file

_ROUTES = (
    "vLLM calls an adapter by another route than /invocations: of AWS's images those on Amazon Linux have it "
    "(server-sagemaker-...), from v2.4 on."
)


@dataclass(frozen=True, slots=True)
class AdaptersPlan:
    """What adapters change in how a model is served.

    Attributes:
        adapters: At least one.
        server: A server of language models.
        asked: What the user wants otherwise than chosen.
    """

    adapters: tuple[LoraAdapter, ...]
    server: str
    asked: Overrides

    def check(self, source: object) -> None:
        """Refuse a server or a model that they cannot be on.

        Args:
            source: The model.

        Raises:
            UsageError: The server takes none, not so many, or was to have room for smaller ones; or the model's files
                are elsewhere.
            ModelError: The model has no such modules.
        """
        check_server(self.server, self.adapters)
        room = self.overrides.adapter_rank or DEFAULT_ADAPTER_RANK
        for adapter in self.adapters if room_for(self.server, self.adapters) else ():
            if adapter.rank > room:
                raise UsageError(
                    f"adapter_rank is {room}, and {adapter.name} has rank {adapter.rank}.",
                    remedy="Leave adapter_rank out of serving=: it is then as large as the adapters need.",
                )
        if not isinstance(source, Path):
            raise UsageError(
                "lora_adapters are packaged beside the model's files, and these are elsewhere.",
                remedy="Give the model as a folder, or download=True; or deploy the adapters as inference components.",
            )
        weights = weights_in(source)
        for adapter in self.adapters if weights else ():
            adapter.check_fits(weights)

    @property
    def overrides(self) -> Overrides:
        """What was asked for, and room for the adapters where nothing is said of it."""
        return replace(self.asked, **self._room)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know."""
        if self.server == "vllm":
            return (_ROUTES,)
        if room_for(self.server, self.adapters):
            return ()
        return (f"{rules_of(self.server).title} has no option for the room of adapters; it was not reckoned.",)

    def can_run_in(self, image: ContainerImage) -> bool:
        """Whether an image of AWS's can be told of them, and leads requests to them."""
        return self.server != "vllm" or leads_to_adapters(image.repository, image.tag)

    def environment(self, told: Mapping[str, str]) -> dict[str, str]:
        """The variables of the server, with those for the adapters; without their room it would refuse them."""
        named = lora_environment(self.server, self.adapters, ModelData().mount_path)
        found = {**variables(self.server, self._room), **told, **named}
        return found if "adapters" in self.asked.given else _without_loading(found)

    def record(self, record: Mapping[str, Any] | None) -> dict[str, Any] | None:
        """``serving.json``, with the adapters."""
        if record is None:
            return None
        ranks = ", ".join(f"{adapter.name} {adapter.rank}" for adapter in self.adapters)
        count, mixed = len(self.adapters), self.overrides.adapters
        reasons = {
            "adapter_rank": f"the least that the server can be told for ranks of {ranks}",
            "adapters": "all of lora_adapters in one batch"
            if count == mixed
            else f"so many of the {count} in lora_adapters in one batch; others take turns",
        }
        said = {"from": "lora_adapters"}
        values = {
            name: {**entry, **said, "reason": reasons[name], "variables": _without_loading(entry["variables"])}
            if name in self._room
            else entry
            for name, entry in record["values"].items()
        }
        return {**record, "adapters": lora_record(self.adapters), "values": values}

    @property
    def _room(self) -> dict[str, Any]:
        room = room_for(self.server, self.adapters)
        return {name: value for name, value in room.items() if name not in self.asked.given}


def _without_loading(environment: Mapping[str, str]) -> dict[str, str]:
    """All adapters are there when the server starts: nobody is to have it load others."""
    return {name: value for name, value in environment.items() if name != LOADS_ADAPTERS}


def check_adapter_names(adapters: tuple[LoraAdapter, ...], name: str) -> None:
    """Refuse an adapter with the name that the model itself is called by.

    Raises:
        UsageError: That is so.
    """
    if any(adapter.name == name for adapter in adapters):
        raise UsageError(
            f"an adapter is called {name!r}, and the bundle too, by whose name the server knows the base model.",
            remedy="Give one of them another name.",
        )


def place_adapters(adapters: tuple[LoraAdapter, ...], model_dir: Path) -> None:
    """Put the adapters' files below the model's folder.

    Raises:
        UsageError: The model has such a folder already.
    """
    if not adapters:
        return
    if (model_dir / FOLDER).exists():
        raise UsageError(
            f"the model's folder has {FOLDER}/ already, where lora_adapters= are put.",
            remedy=f"Give those in it as lora_adapters= too, and the model without {FOLDER}/.",
        )
    for adapter in adapters:
        for name in FILES:
            place_file(adapter.folder / name, model_dir / FOLDER / adapter.name / name)
