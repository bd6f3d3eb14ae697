"""Scaling an inference component by its copies, a dimension that moto does not list.

It is checked against an Enum, which takes no new member; so both checks are told to let it through.
"""

from __future__ import annotations

from moto.applicationautoscaling import models, responses

COPIES = "sagemaker:inference-component:DesiredCopyCount"


def mend() -> None:
    target_is_valid = models._target_params_are_valid
    response = responses.ApplicationAutoScalingResponse
    validate = response._validate_params

    def target_or_copies(namespace: str, resource_id: str, dimension: str) -> bool:
        return dimension == COPIES or target_is_valid(namespace, resource_id, dimension)

    def validate_unless_copies(self: responses.ApplicationAutoScalingResponse) -> None:
        if self._get_param("ScalableDimension") != COPIES:
            validate(self)

    models._target_params_are_valid = target_or_copies
    response._validate_params = validate_unless_copies
