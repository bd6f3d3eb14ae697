"""Values of a ``config.json``, looked up under the several names that architectures give them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from cdk_modelbuilder.errors import ModelError, NotReckonedError

_STATES = (
    "ssm_cfg",
    "mamba_d_state",
    "mamba_d_conv",
    "ssm_state_size",
    "state_size",
    "lru_width",
    "linear_conv_kernel_dim",
)
_STATELESS = frozenset(("full_attention", "sliding_attention", "chunked_attention", "attention"))
_MOST = 1 << 40


@cache
def _usual() -> Mapping[str, Mapping[str, Any]]:
    table = json.loads(resources.files(__package__).joinpath("config_defaults.json").read_text(encoding="utf-8"))
    found: Mapping[str, Mapping[str, Any]] = table["model_types"]
    return found


def usual_values(model_type: str) -> Mapping[str, Any]:
    """What a value is that a ``config.json`` of this type leaves out.

    From the configuration classes of the release of transformers that the table names; values that a class makes of
    others are not in it. ``tests/language_models/test_saved_models.py`` holds it to the classes.
    """
    return _usual().get(model_type, {})


@dataclass(frozen=True, slots=True)
class ConfigValues:
    """One object of a ``config.json``.

    Attributes:
        values: What it holds.
        place: Where it is from, for messages.
        defaults: What a value is that is left out, as `save_pretrained` leaves out what is as usual.
    """

    values: Mapping[str, Any]
    place: str
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def optional(self, *names: str) -> int | None:
        """A positive whole number under the first of these names that has one; None where none is set.

        Raises:
            ModelError: What is there is no positive whole number.
        """
        for name in names:
            found = self.values.get(name)
            if found is None:
                continue
            if isinstance(found, bool) or not isinstance(found, int) or not 0 < found < _MOST:
                raise self.wrong(name, found, "is no positive whole number")
            return found
        usual = (self.defaults.get(name) for name in names if name not in self.values)
        return next((value for value in usual if value is not None), None)

    def flag(self, name: str) -> bool | None:
        """A setting that is on or off; None where neither is said."""
        found = self.values.get(name, self.defaults.get(name))
        return found if isinstance(found, bool) else None

    def size(self, *names: str) -> int:
        """As `optional`, for a number that every model has.

        Raises:
            NotReckonedError: It is missing, as in an architecture that calls it otherwise.
            ModelError: It is no positive whole number.
        """
        found = self.optional(*names)
        if found is None:
            raise NotReckonedError(
                f"{self.place} has no {names[0]}" + (f" ({', '.join(names[1:])})." if names[1:] else "."),
                remedy="Take the config.json that the model was saved with: model.save_pretrained(folder) writes it.",
            )
        return found

    def wrong(self, name: str, value: object, why: str) -> ModelError:
        """The error for a value that cannot be."""
        return ModelError(
            f"{name} is {value!r} in {self.place}, which {why}.",
            remedy="Take the config.json that the model was saved with.",
        )

    def refuse_states(self) -> None:
        """Refuse layers that keep a state instead of keys and values.

        Raises:
            NotReckonedError: The model has such layers.
        """
        kinds = self.values.get("layer_types")
        others = sorted({str(kind) for kind in kinds} - _STATELESS) if isinstance(kinds, list) else []
        found = [name for name in _STATES if self.values.get(name) is not None] + others
        if found:
            raise NotReckonedError(
                f"{self.place} describes layers that keep a state ({', '.join(found)}), which are not reckoned here.",
                remedy="Give the server's options yourself, with env_vars=.",
            )
