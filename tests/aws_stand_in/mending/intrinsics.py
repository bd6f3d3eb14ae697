"""A key that a mapping lacks is the template's fault, not the server's: moto answers it with a KeyError."""

from __future__ import annotations

from typing import Any

from moto.cloudformation import parsing
from moto.cloudformation.exceptions import ValidationError


def mend() -> None:
    clean_json = parsing.clean_json

    def clean(value: Any, resources: parsing.ResourceMap) -> Any:
        if not isinstance(value, dict) or "Fn::FindInMap" not in value:
            return clean_json(value, resources)
        path = [clean(step, resources) for step in value["Fn::FindInMap"]]
        try:
            return clean_json({"Fn::FindInMap": path}, resources)
        except KeyError:
            raise ValidationError(message=f"Template error: Unable to get mapping for {'::'.join(path)}") from None

    parsing.clean_json = clean  # it calls itself by this name, so nested values come here as well
