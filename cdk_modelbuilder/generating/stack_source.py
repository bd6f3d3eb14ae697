"""The source of one stack: a ModelEndpoint with those arguments alone that differ from its defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cdk_modelbuilder.generating.names import class_of
from cdk_modelbuilder.generating.plan import AsynchronousPlan, EndpointPlan, HostingKind, ResourcesPlan, ServerlessPlan
from cdk_modelbuilder.generating.source import Call, Code, source_of, text
from cdk_modelbuilder.rendering import render

_KINDS = {
    HostingKind.REAL_TIME: "a real-time endpoint",
    HostingKind.SERVERLESS: "a serverless endpoint",
    HostingKind.ASYNCHRONOUS: "an asynchronous endpoint",
    HostingKind.COMPONENTS: "an inference component on instances that others may share",
}
_SELF = Code("self")
_BODY = 8
"""Columns before the statements of a method."""


@dataclass(slots=True)
class _Statements:
    """What comes before the endpoint, and what all of it imports."""

    lines: list[str] = field(default_factory=list)
    constructs: set[str] = field(default_factory=lambda: {"ModelEndpoint"})
    modules: set[str] = field(default_factory=set)

    def of_constructs(self, function: str, *positional: Any, **keywords: Any) -> Call:
        """A call of something that the construct library exports."""
        self.constructs.add(function.partition(".")[0])
        return Call(function, positional, keywords)

    def of_cdk(self, module: str, function: str, *positional: Any, **keywords: Any) -> Call:
        """A call of something in ``aws_cdk.aws_<module>``."""
        self.modules.add(module)
        return Call(f"{module}.{function}", positional, keywords)

    def assign(self, name: str, value: Any) -> Code:
        """A statement ``name = value``."""
        self.lines.append(f"{name} = " + source_of(value, indent=_BODY, before=len(name) + 3))
        return Code(name)


def stack_source(endpoint: EndpointPlan) -> str:
    """The text of ``stacks/<name>_stack.py``."""
    statements = _Statements()
    arguments = {
        "bundle": Code("BUNDLE"),
        **_integrity(endpoint, statements),
        **_model_data(endpoint, statements),
        **_hosting(endpoint, statements),
        **_rest(endpoint, statements),
    }
    made = Call("ModelEndpoint", [_SELF, "Endpoint"], arguments)
    target = "self.endpoint = "
    description = source_of(
        Call(
            "super().__init__",
            [Code("scope"), Code("construct_id")],
            {"description": f"Endpoint of the model {endpoint.name}", "env": Code("env")},
        ),
        indent=_BODY,
    )
    return render(
        "app/stack.py.jinja",
        name=endpoint.name,
        class_name=class_of(endpoint),
        kind=_KINDS[endpoint.hosting],
        bundle=text(endpoint.bundle),
        app_path=endpoint.public_key is not None,
        constructs=imported("cdk_modelbuilder.constructs", sorted(statements.constructs)),
        modules=sorted(statements.modules),
        super_call=description,
        statements=statements.lines,
        endpoint=target + source_of(made, indent=_BODY, before=len(target)),
        monitor=endpoint.monitor,
    )


def imported(module: str, names: list[str]) -> str:
    """An import of ``names``, which are in the order in which they are to stand."""
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 88:
        return line
    return f"from {module} import (\n" + "".join(f"    {name},\n" for name in names) + ")"


def _integrity(endpoint: EndpointPlan, statements: _Statements) -> dict[str, Any]:
    if endpoint.public_key is not None:
        key = Code(f"APP / {text(endpoint.public_key)}")
        return {"integrity": statements.of_constructs("Integrity.public_key", key)}
    secret = endpoint.signing_secret
    make, by = "SigningSecret.from_name", {"secret_name": secret}
    if secret is None:
        return {"signing_secret": statements.of_constructs(make, _SELF, "SigningSecret", endpoint.name)}
    if secret.startswith("arn:"):
        return {"signing_secret": statements.of_constructs("SigningSecret.from_arn", _SELF, "SigningSecret", secret)}
    return {"signing_secret": statements.of_constructs(make, _SELF, "SigningSecret", **by)}


def _model_data(endpoint: EndpointPlan, statements: _Statements) -> dict[str, Any]:
    data = endpoint.artifact
    if data is None:
        return {}
    if data.uri is not None:
        return {"artifact": statements.of_constructs("Artifact.s3", data.uri, data.digest)}
    options = {"prefix": data.prefix or None, "form": data.form}
    given = {name: value for name, value in options.items() if value is not None}
    return {"artifact": statements.of_constructs("Artifact.published", data.bucket, **given)}


def _hosting(endpoint: EndpointPlan, statements: _Statements) -> dict[str, Any]:
    kind = endpoint.hosting
    if kind is HostingKind.SERVERLESS:
        numbers = endpoint.serverless or ServerlessPlan()
        options: dict[str, Any] = {
            "memory_size": Call("cdk.Size.mebibytes", [numbers.memory_mib])
            if numbers.memory_mib % 1024
            else Call("cdk.Size.gibibytes", [numbers.memory_mib // 1024]),
            "max_concurrency": numbers.max_concurrency,
        }
        if numbers.provisioned_concurrency is not None:
            options["provisioned_concurrency"] = numbers.provisioned_concurrency
        return {"hosting": statements.of_constructs("Hosting.serverless", **options)}
    instances: dict[str, Any] = {"instance_type": endpoint.instance_type}
    if endpoint.initial_instance_count is not None:
        instances["initial_instance_count"] = endpoint.initial_instance_count
    if kind is HostingKind.ASYNCHRONOUS:
        instances["asynchronous"] = _asynchronous(endpoint.asynchronous or AsynchronousPlan(), statements)
        return {"hosting": statements.of_constructs("Hosting.asynchronous", **instances)}
    if kind is HostingKind.COMPONENTS:
        if endpoint.max_instance_count is not None:
            instances["max_instance_count"] = endpoint.max_instance_count
        return {
            "hosting": statements.of_constructs("Hosting.inference_components", **instances),
            "resources": _resources(endpoint.resources or ResourcesPlan(), statements),
        }
    return {"hosting": statements.of_constructs("Hosting.real_time", **instances)}


def _resources(plan: ResourcesPlan, statements: _Statements) -> Call:
    requests = {
        "num_accelerators": plan.num_accelerators,
        "num_cpus": plan.num_cpus,
        "memory": plan.memory,
        "copies": plan.copies,
    }
    given: dict[str, Any] = {"requests": {name: value for name, value in requests.items() if value is not None}}
    if plan.max_memory is not None:
        given["limits"] = {"memory": plan.max_memory}
    return statements.of_constructs("ResourceRequirements", **given)


def _asynchronous(plan: AsynchronousPlan, statements: _Statements) -> Call:
    places = {
        "output_s3_uri": plan.output_s3_uri,
        "failure_s3_uri": plan.failure_s3_uri,
        "input_s3_uri": plan.input_s3_uri,
    }
    given: dict[str, Any] = {name: uri for name, uri in places.items() if uri is not None}
    if plan.output_s3_uri is None:
        bucket = _bucket(statements)
        own = {"output_s3_uri": "answers", "failure_s3_uri": "failures", "input_s3_uri": "requests/"}
        given = {name: given.get(name, Call(f"{bucket}.s3_url_for_object", [key])) for name, key in own.items()}
    if plan.max_concurrent_invocations_per_instance is not None:
        given["max_concurrent_invocations_per_instance"] = plan.max_concurrent_invocations_per_instance
    return statements.of_constructs("AsyncInference", **given)


def _bucket(statements: _Statements) -> str:
    statements.lines.append("# Requests, answers and failures; CloudFormation keeps the bucket when the stack goes.")
    days = Call("cdk.Duration.days", [30])
    made = statements.of_cdk(
        "s3",
        "Bucket",
        _SELF,
        "Bodies",
        block_public_access=Code("s3.BlockPublicAccess.BLOCK_ALL"),
        encryption=Code("s3.BucketEncryption.S3_MANAGED"),
        enforce_ssl=True,
        lifecycle_rules=[statements.of_cdk("s3", "LifecycleRule", expiration=days)],
        server_access_logs_prefix="access-logs/",
    )
    return statements.assign("bodies", made).text


def _rest(endpoint: EndpointPlan, statements: _Statements) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if endpoint.environment:
        given["environment"] = dict(sorted(endpoint.environment.items()))
    if endpoint.tuning is not None:
        given["tuning"] = endpoint.tuning
    if endpoint.endpoint_name is not None:
        given["endpoint_name"] = endpoint.endpoint_name
    if endpoint.role_arn is not None:
        given["role"] = statements.of_cdk("iam", "Role.from_role_arn", _SELF, "Role", endpoint.role_arn)
    if endpoint.network_isolation is not None:
        given["network_isolation"] = endpoint.network_isolation
    given |= _vpc(endpoint, statements)
    if not endpoint.encrypt_storage:
        given["encrypt_storage"] = False
    if endpoint.verify_on_deploy:
        given["verify_on_deploy"] = True
    return given


def _vpc(endpoint: EndpointPlan, statements: _Statements) -> dict[str, Any]:
    plan = endpoint.vpc
    if plan is None:
        return {}
    zones: list[Any] = list(plan.availability_zones)
    if not zones:
        statements.lines.append("# The subnets say where the containers are; the CDK wants to hear of a zone, too.")
        zones = [Call("cdk.Fn.select", [0, Call("cdk.Fn.get_azs")])]
    vpc = statements.of_cdk(
        "ec2",
        "Vpc.from_vpc_attributes",
        _SELF,
        "Vpc",
        vpc_id=plan.vpc_id,
        availability_zones=zones,
        private_subnet_ids=list(plan.subnets),
    )
    given: dict[str, Any] = {"vpc": statements.assign("vpc", vpc)}
    groups = [
        statements.of_cdk("ec2", "SecurityGroup.from_security_group_id", _SELF, f"SecurityGroup{number}", group)
        for number, group in enumerate(plan.security_groups, start=1)
    ]
    if groups:
        given["security_groups"] = groups
    if not plan.allow_all_outbound:
        given["allow_all_outbound"] = False
    return given
