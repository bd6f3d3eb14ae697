"""Scaling an inference component by its copies and serverless warm capacity, dimensions that moto does not list.

They are checked against an Enum, which takes no new member; so both checks are told to let them through.
"""

from __future__ import annotations

from moto.applicationautoscaling import models, responses

UNLISTED = ("sagemaker:inference-component:DesiredCopyCount", "sagemaker:variant:DesiredProvisionedConcurrency")


def mend() -> None:
    target_is_valid = models._target_params_are_valid
    response = responses.ApplicationAutoScalingResponse
    validate = response._validate_params

    def target_or_unlisted(namespace: str, resource_id: str, dimension: str) -> bool:
        return dimension in UNLISTED or target_is_valid(namespace, resource_id, dimension)

    def validate_unless_unlisted(self: responses.ApplicationAutoScalingResponse) -> None:
        if self._get_param("ScalableDimension") not in UNLISTED:
            validate(self)

    models._target_params_are_valid = target_or_unlisted
    response._validate_params = validate_unless_unlisted
