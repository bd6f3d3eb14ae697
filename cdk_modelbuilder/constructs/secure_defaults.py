"""What a security review asks, asked at every synth: a validation plugin with Guard rules of our own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import cache
from importlib import resources

import aws_cdk as cdk
import jsii

from cdk_modelbuilder._version import __version__
from cdk_modelbuilder.errors import UsageError

_FILE = "secure_defaults.guard"
_SOURCE = "SecureDefaults"
# A rule without parameters; one with them is a part of others.
_RULE = re.compile(r"^rule (\w+) when", flags=re.MULTILINE)
_UNWORDED = "Guard check `"
WARNINGS = frozenset({"endpoint_rolls_back", "two_instances"})
"""Rules that a test account may well break: they warn, and fail nothing."""


@jsii.implements(cdk.IPolicyValidationPlugin)
class SecureDefaults:
    """Fails the synth of an app whose models, endpoints, roles or secrets a security review would refuse.

    ::

        cdk.Validations.of(app).add_plugins(SecureDefaults())

    One finding is accepted with its reason, which the report keeps::

        cdk.Validations.of(model).acknowledge(
            cdk.Acknowledgment(id="SecureDefaults::model_isolated", reason="it asks the feature store")
        )

    The rules lie in ``secure_defaults.guard``, and can be run by ``cfn-guard`` too. They cost about a second a process.

    Args:
        without: Names of rules that are not asked at all. Default: none.
        warnings: Names of rules whose findings are shown and fail nothing. Default: two_instances and
            endpoint_rolls_back, which are for production.

    Raises:
        UsageError: There is no rule of such a name.
    """

    def __init__(self, *, without: Collection[str] = (), warnings: Collection[str] = WARNINGS) -> None:
        if isinstance(without, str) or isinstance(warnings, str):
            raise UsageError("Rules are given as one text.", remedy="Give a list: without=['two_instances'].")
        for name in (*without, *warnings):
            if name not in rule_names():
                raise UsageError(f"SecureDefaults has no rule {name!r}.", remedy=f"It has {', '.join(rule_names())}.")
        self._without = frozenset(without)
        self._warnings = frozenset(warnings)

    @property
    def name(self) -> str:
        """Before the two colons of an acknowledgement's id."""
        return _SOURCE

    @property
    def version(self) -> str:
        """The package's version."""
        return __version__

    @property
    def rule_ids(self) -> list[str]:
        """The rules that are asked."""
        return [name for name in rule_names() if name not in self._without]

    def validate(self, context: cdk.IPolicyValidationContext) -> cdk.PolicyValidationPluginReport:
        """Ask all templates of an app; the CDK calls this."""
        found = _engine().validate(context).violations
        violations = self._worded(violation for violation in found if violation.rule_name in self.rule_ids)
        return cdk.PolicyValidationPluginReport(
            success=all(violation.severity != "error" for violation in violations), violations=violations
        )

    def _worded(self, found: Iterable[cdk.PolicyViolation]) -> list[cdk.PolicyViolation]:
        """One violation for each rule and message, with every resource once; the engine repeats them by property."""
        places: dict[tuple[str, str], dict[tuple[str | None, str | None], list[str]]] = {}
        for violation in found:
            message = violation.description
            for resource in violation.violating_resources:
                for location in resource.locations:
                    message = message.removeprefix(f"{location.removeprefix('Properties.')}: ")
                if message.startswith(_UNWORDED):  # what a filter left out, told again where its rule failed
                    continue
                at = places.setdefault((violation.rule_name, message), {})
                at.setdefault((resource.template_path, resource.resource_logical_id), []).extend(resource.locations)
        return [
            cdk.PolicyViolation(
                rule_name=rule,
                description=message,
                severity="warning" if rule in self._warnings else "error",
                violating_resources=[
                    cdk.PolicyViolatingResource(
                        template_path=path, resource_logical_id=logical_id, locations=sorted(set(locations))
                    )
                    for (path, logical_id), locations in at.items()
                ],
            )
            for (rule, message), at in places.items()
        ]


@cache
def rules_text() -> str:
    """The rules, in the language of CloudFormation Guard."""
    return resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")


@cache
def rule_names() -> tuple[str, ...]:
    """Names of all rules, in the file's order."""
    return tuple(_RULE.findall(rules_text()))


@cache
def _engine() -> cdk.CloudFormationValidatePlugin:
    # Starting it takes a second. It asks CloudFormation's own questions too, which are not ours to report.
    rules = cdk.ValidationRuleSource(name=_SOURCE, content=rules_text())
    return cdk.CloudFormationValidatePlugin(guard_rules=[rules], include_default_rules=False)
