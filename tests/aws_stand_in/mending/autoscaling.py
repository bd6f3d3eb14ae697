"""Scalable targets and scaling policies made by a stack."""

from __future__ import annotations

from typing import Any

from moto.applicationautoscaling.models import applicationautoscaling_backends
from moto.cloudformation.exceptions import ValidationError
from moto.sagemaker.models import sagemaker_backends

from tests.aws_stand_in.mending.inference_components import components
from tests.aws_stand_in.mending.recorded import Recorded, stands_for


class Scaling(Recorded):
    @property
    def backend(self) -> Any:
        return applicationautoscaling_backends[self.account][self.region]

    def target(self) -> tuple[str, str, str]:
        return tuple(self.properties[name] for name in ("ServiceNamespace", "ResourceId", "ScalableDimension"))


@stands_for("AWS::ApplicationAutoScaling::ScalableTarget")
class ScalableTarget(Scaling):
    def apply(self) -> None:
        self.check_resource()
        self.backend.register_scalable_target(
            *self.target(),
            int(self.properties["MinCapacity"]),
            int(self.properties["MaxCapacity"]),
            self.properties.get("RoleARN", ""),
            self.properties.get("SuspendedState"),
        )
        self.schedule()

    def schedule(self) -> None:
        """The scheduled actions of the target: CloudFormation keeps exactly those that the template names."""
        wanted = {action["ScheduledActionName"]: action for action in self.properties.get("ScheduledActions", [])}
        namespace, resource, dimension = self.target()
        for action in list(self.backend.scheduled_actions):
            there = (action.service_namespace, action.resource_id, action.scalable_dimension) == self.target()
            if there and action.scheduled_action_name not in wanted:
                self.backend.delete_scheduled_action(namespace, action.scheduled_action_name, resource, dimension)
        for name, action in wanted.items():
            self.backend.put_scheduled_action(
                namespace,
                action["Schedule"],
                action.get("Timezone", "UTC"),
                name,
                resource,
                dimension,
                action.get("StartTime"),
                action.get("EndTime"),
                action.get("ScalableTargetAction"),
            )

    def check_resource(self) -> None:
        """A target that names no endpoint variant or component: a lost dependency in the template, nearly always."""
        resource = self.properties["ResourceId"]
        sagemaker = sagemaker_backends[self.account][self.region]
        match resource.split("/"):
            case ["endpoint", endpoint, "variant", variant]:
                known = sagemaker.endpoints.get(endpoint)
                found = known and variant in [v["VariantName"] for v in known.production_variants]
            case ["inference-component", component]:
                found = component in components(sagemaker)
            case _:
                found = True
        if not found:
            raise ValidationError(message=f"Scalable target's resource does not exist: {resource}")

    def remove(self) -> None:
        self.properties = {**self.properties, "ScheduledActions": []}
        self.schedule()
        self.backend.deregister_scalable_target(*self.target())

    @property
    def physical_resource_id(self) -> str:
        namespace, resource, dimension = self.target()
        return f"{resource}|{dimension}|{namespace}"


@stands_for("AWS::ApplicationAutoScaling::ScalingPolicy")
class ScalingPolicy(Scaling):
    def target(self) -> tuple[str, str, str]:
        if "ScalingTargetId" not in self.properties:
            return super().target()
        resource, dimension, namespace = self.properties["ScalingTargetId"].split("|")
        return namespace, resource, dimension

    def apply(self) -> None:
        body = (
            self.properties.get("TargetTrackingScalingPolicyConfiguration")
            or self.properties.get("StepScalingPolicyConfiguration")
            or {}
        )
        self.backend.put_scaling_policy(self.name, *self.target(), body, self.properties["PolicyType"])

    def remove(self) -> None:
        self.backend.delete_scaling_policy(self.name, *self.target())

    @property
    def physical_resource_id(self) -> str:
        return self.arn
