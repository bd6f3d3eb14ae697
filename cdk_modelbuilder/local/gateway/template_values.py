"""Values of a CloudFormation template, with its functions worked out as far as a machine without AWS can.

Source: "Intrinsic function reference" and "Pseudo parameters reference" in the CloudFormation guide; what Ref and
Fn::GetAtt return for SageMaker's types, in their reference pages.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\$\{(!?[^}]*)\}")
NAMES = {
    "AWS::SageMaker::Endpoint": ("EndpointName", "endpoint"),
    "AWS::SageMaker::EndpointConfig": ("EndpointConfigName", "endpoint-config"),
    "AWS::SageMaker::InferenceComponent": ("InferenceComponentName", "inference-component"),
    "AWS::SageMaker::Model": ("ModelName", "model"),
}
"""Type -> the property that names it, and the word for it in its ARN."""


class UnresolvedError(Exception):
    """A value that only a deployment knows; the text says which."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack of the assembly.

    Attributes:
        name: Its name.
        account: Its account.
        region: Its region.
        template: Its template.
    """

    name: str
    account: str
    region: str
    template: Mapping[str, Any]


_NO_VALUE = object()


class TemplateValues:
    """Works out the values of one stack's template.

    Args:
        stack: The stack.
        exports: Looks up an export of another stack by its name, as Fn::ImportValue does.
    """

    def __init__(self, stack: Stack, exports: Callable[[str], Any]) -> None:
        self._stack = stack
        self._exports = exports
        self._resources: Mapping[str, Any] = stack.template.get("Resources", {})
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self._condition,
            "Fn::And": lambda value: all(map(self.resolve, value)),
            "Fn::Base64": lambda value: base64.b64encode(str(self.resolve(value)).encode()).decode(),
            "Fn::Equals": lambda value: str(self.resolve(value[0])) == str(self.resolve(value[1])),
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": lambda value: self._value(value[1 if self._condition(value[0]) else 2]),
            "Fn::ImportValue": lambda value: self._exports(self.resolve(value)),
            "Fn::Join": lambda value: value[0].join(map(str, self.resolve(value[1]))),
            "Fn::Not": lambda value: not self.resolve(value[0]),
            "Fn::Or": lambda value: any(map(self.resolve, value)),
            "Fn::Select": lambda value: self.resolve(value[1])[int(self.resolve(value[0]))],
            "Fn::Split": lambda value: self.resolve(value[1]).split(value[0]),
            "Fn::Sub": self._sub,
        }

    def resolve(self, value: Any) -> Any:
        """``value`` without functions.

        Raises:
            UnresolvedError: Only a deployment knows it.
        """
        found = self._value(value)
        return None if found is _NO_VALUE else found

    def name_of(self, logical_id: str) -> str:
        """The physical name of one of SageMaker's resources; the same each time where the template gives none."""
        resource = self._resources[logical_id]
        given = resource.get("Properties", {}).get(NAMES[resource["Type"]][0])
        return str(self.resolve(given)) if given is not None else f"{self._stack.name}-{logical_id}"[:63].rstrip("-")

    def _value(self, value: Any) -> Any:
        if isinstance(value, list):
            return [found for item in value if (found := self._value(item)) is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function in self._functions:
                return self._run(function, argument)
            if function.startswith("Fn::"):
                raise UnresolvedError(f"{function} is not worked out in local mode")
        return {name: found for name, item in value.items() if (found := self._value(item)) is not _NO_VALUE}

    def _run(self, function: str, argument: Any) -> Any:
        try:
            return self._functions[function](argument)
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise UnresolvedError(f"{function} of {argument!r} cannot be worked out ({error!r})") from None

    def _ref(self, name: str) -> Any:
        stack = self._stack
        pseudo = {
            "AWS::AccountId": stack.account,
            "AWS::NoValue": _NO_VALUE,
            "AWS::Partition": "aws-cn" if stack.region.startswith("cn-") else "aws",
            "AWS::Region": stack.region,
            "AWS::StackId": f"arn:aws:cloudformation:{stack.region}:{stack.account}:stack/{stack.name}/local",
            "AWS::StackName": stack.name,
            "AWS::URLSuffix": "amazonaws.com.cn" if stack.region.startswith("cn-") else "amazonaws.com",
        }
        if name in pseudo:
            return pseudo[name]
        parameters = stack.template.get("Parameters", {})
        if name in parameters:
            if "Default" not in parameters[name]:
                raise UnresolvedError(f"the parameter {name} has no default")
            return parameters[name]["Default"]
        resource = self._resources.get(name)
        if resource is None:
            raise UnresolvedError(f"there is no {name} in stack {stack.name}")
        if resource["Type"] in NAMES:
            return self._arn(name)
        if resource["Type"] == "AWS::S3::Bucket":
            return self._bucket(name)
        return f"{stack.name}-{name}"

    def _get_att(self, argument: Any) -> Any:
        name, attribute = argument if isinstance(argument, list) else argument.split(".", 1)
        resource = self._resources.get(name)
        if resource is None:
            raise UnresolvedError(f"there is no {name} in stack {self._stack.name}")
        if resource["Type"] in NAMES and attribute == NAMES[resource["Type"]][0]:
            return self.name_of(name)
        if resource["Type"] in NAMES and attribute.endswith("Arn"):
            return self._arn(name)
        if resource["Type"] == "AWS::S3::Bucket" and attribute == "Arn":
            return f"arn:aws:s3:::{self._bucket(name)}"
        return f"{self._stack.name}-{name}.{attribute}"

    def _arn(self, logical_id: str) -> str:
        kind = NAMES[self._resources[logical_id]["Type"]][1]
        return f"arn:aws:sagemaker:{self._stack.region}:{self._stack.account}:{kind}/{self.name_of(logical_id)}"

    def _bucket(self, logical_id: str) -> str:
        given = self._resources[logical_id].get("Properties", {}).get("BucketName")
        if given is not None:
            return str(self.resolve(given))
        return re.sub(r"[^a-z0-9-]+", "-", f"{self._stack.name}-{logical_id}".lower())[:63].strip("-")

    def _condition(self, name: str) -> bool:
        return bool(self.resolve(self._stack.template["Conditions"][name]))

    def _find_in_map(self, argument: list[Any]) -> Any:
        table, first, second = (self.resolve(part) for part in argument[:3])
        return self._stack.template["Mappings"][table][first][second]

    def _sub(self, argument: Any) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument

        def put_in(found: re.Match[str]) -> str:
            name = found[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in own:
                return str(self.resolve(own[name]))
            return str(self._get_att(name) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(put_in, text)
