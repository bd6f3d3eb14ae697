"""Resources that moto's CloudFormation does not make."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Self


class Recorded:
    """A resource with its properties, a name, and attributes that look right.

    Moto skips what it does not know: Ref and Fn::GetAtt then give None, and listing the stack's resources fails.
    Subclasses make a moto object in `apply` and delete it in `remove`.
    """

    cfn_type = "AWS::Recorded::Resource"
    types: ClassVar[dict[str, type[Recorded]]] = {}

    def __init__(self, name: str, properties: dict[str, Any], account: str, region: str) -> None:
        self.name = name
        self.properties = properties
        self.account = account
        self.region = region

    @property
    def arn(self) -> str:
        _, service, *kind = self.cfn_type.lower().split("::")
        return f"arn:aws:{service}:{self.region}:{self.account}:{''.join(kind) or 'resource'}/{self.name}"

    @property
    def physical_resource_id(self) -> str:
        return self.name

    def get_cfn_attribute(self, attribute: str) -> str:
        return self.arn if attribute.endswith("Arn") else f"{self.name}-{attribute}"

    def apply(self) -> None:
        """Create or update whatever stands behind this resource."""

    def remove(self) -> None:
        """Delete it."""

    # What moto asks of a resource.

    def is_created(self) -> bool:
        return True

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @classmethod
    def cloudformation_type(cls) -> str:
        return cls.cfn_type

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return True

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str, **kwargs: Any
    ) -> Self:
        resource = cls(resource_name, cloudformation_json.get("Properties", {}), account_id, region_name)
        resource.apply()
        return resource

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Self,
        new_resource_name: str,
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> Self:
        before = original_resource.properties
        original_resource.properties = cloudformation_json.get("Properties", {})
        try:
            original_resource.apply()
        except Exception:
            original_resource.properties = before
            raise
        return original_resource

    def delete(self, account_id: str, region_name: str) -> None:
        self.remove()

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, region_name: str
    ) -> None:
        """Nothing: `delete` has run."""


def stands_for(cfn_type: str) -> Callable[[type[Recorded]], type[Recorded]]:
    """Register a class for a CloudFormation type."""

    def register(cls: type[Recorded]) -> type[Recorded]:
        cls.cfn_type = cfn_type
        Recorded.types[cfn_type] = cls
        return cls

    return register
