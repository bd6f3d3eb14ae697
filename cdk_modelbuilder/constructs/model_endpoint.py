"""ModelEndpoint: bundles as a SageMaker endpoint, with defaults that pass a review."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aws_cdk as cdk
from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from constructs import Construct

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.constructs.acknowledgements import no_storage_key, rolls_by_component, sleeps
from cdk_modelbuilder.constructs.adapter import adapter_uri
from cdk_modelbuilder.constructs.arguments import check_name, is_token
from cdk_modelbuilder.constructs.artifact import Artifact
from cdk_modelbuilder.constructs.container import BundleContainer, Container
from cdk_modelbuilder.constructs.data_capture import DataCapture
from cdk_modelbuilder.constructs.deployment_policy import BlueGreen, Rolling
from cdk_modelbuilder.constructs.endpoint import Endpoint, RetainedProperty
from cdk_modelbuilder.constructs.endpoint_config import EndpointConfig, EndpointMetricsOptions
from cdk_modelbuilder.constructs.execution_role import ExecutionRole
from cdk_modelbuilder.constructs.explainer import ClarifyExplainer
from cdk_modelbuilder.constructs.grants import EndpointGrants
from cdk_modelbuilder.constructs.hosting import (
    LONGEST_COMPONENT,
    AnyHosting,
    AsynchronousHosting,
    ComponentHosting,
    EndpointComponent,
    EndpointVariant,
    RealTimeHosting,
    ServerlessHosting,
    hosting_from,
)
from cdk_modelbuilder.constructs.imported_secret import ImportedSecret
from cdk_modelbuilder.constructs.inference_component import (
    ComponentContainer,
    ComponentSpecification,
    InferenceComponent,
    without_adapters,
)
from cdk_modelbuilder.constructs.instance_type import has_local_nvme, newer_with_disks
from cdk_modelbuilder.constructs.integrity import Integrity
from cdk_modelbuilder.constructs.matching_hosts import check_hosts, inference_ami_of, startup_of
from cdk_modelbuilder.constructs.metrics import EndpointMetrics
from cdk_modelbuilder.constructs.model import Model
from cdk_modelbuilder.constructs.served import check_one_of, component_of, role_of, shares_instances
from cdk_modelbuilder.constructs.tuned import instance_types_of, tuned_on
from cdk_modelbuilder.constructs.variants import DEFAULT_VARIANT_NAME, InstanceVariant, ServerlessVariant
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.resources import EndpointType, ResourceRequirements

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_cloudwatch as cloudwatch
    from aws_cdk import aws_ec2 as ec2
    from aws_cdk import aws_secretsmanager as secretsmanager
    from aws_cdk import aws_sns as sns

    from cdk_modelbuilder.constructs.autoscaling import Autoscaling, ScalingTarget, ScheduledCapacity
    from cdk_modelbuilder.constructs.golden_gate import GoldenGate, GoldenTest
    from cdk_modelbuilder.constructs.monitoring import AlarmThresholds, Monitoring


class ModelEndpoint(Construct):
    """An endpoint that serves a bundle, or several.

    The template pins each bundle's root digest and names its key by key id, so another model is a diff that a reviewer
    sees, and whoever writes to the artifact bucket changes nothing. Models and the EndpointConfig have no fixed names:
    CloudFormation replaces them and updates the Endpoint in place. What SageMaker does not update in place is the kind
    of hosting: from instances to serverless, or from models to inference components, it is another endpoint, with
    another id and another ``endpoint_name``.

    One of ``bundle``, ``pipeline``, ``variants`` and ``components`` says what it serves.

    Args:
        scope: Parent construct.
        id: Id within the parent.
        bundle: One bundle, or its folder. Only text files are read.
        signing_secret: Secret whose JSON maps key ids to bundle keys; ``cdk-modelbuilder keys push`` fills it. Short
            for ``integrity=Integrity.hmac(signing_secret)``.
        integrity: How the container gets what it verifies ``bundle`` with.
        artifact: Where the model data of ``bundle`` lies. Default: an asset of the app.
        environment: More variables for the container of ``bundle``; not for secrets.
        secrets: More variables that are secret.
        tuning: When the serving properties that ``tune()`` wrote into ``bundle`` are used: on ``matching`` instances,
            which is the default, ``always`` or ``never``.
        pipeline: Up to 15 containers, each of which gets the answer of the one before.
        variants: Several variants, which share the requests by weight.
        shadow: A variant that gets a copy of the requests and whose answers nobody gets.
        components: Inference components on shared instances.
        hosting: One of ``Hosting``'s kinds.
        instance_type: Short for ``hosting=Hosting.real_time(instance_type=...)``.
        initial_instance_count: The same.
        endpoint_type: ``EndpointType.INFERENCE_COMPONENT_BASED`` makes ``bundle`` an inference component.
        resources: What one copy of it takes.
        endpoint_name: Fixed name. Default: one made of the construct's path, the same in every deployment.
        role: Execution role. Default: a new one that may read these artifacts, pull these images and write this log.
        network_isolation: Cut the containers off the network. Default: where that can work; why it cannot stands in
            the template.
        vpc: Give the containers network interfaces in this VPC.
        vpc_subnets: Which of its subnets.
        security_groups: Default: a new one.
        allow_all_outbound: Whether the new security group lets everything out.
        encryption_key: Key for the instances' storage volumes. Default: a new one, where the instance type takes one.
            A serverless endpoint has no volumes; there it is for SageMaker's copy of the image.
        encrypt_storage: False leaves the volumes to SageMaker's own key.
        data_capture: Keep a share of requests and answers.
        explainer: Explain answers.
        metrics: More metrics.
        deployment: How the endpoint moves to another model.
        retain_variant_properties: Keep on updates what autoscaling changed. ``autoscale()`` sets it.
        verify_on_deploy: Ask the endpoint the golden tests of its bundles after each change; a wrong answer fails the
            deployment, and CloudFormation goes back. A ``GoldenTest`` says how alike numbers must be.

    Attributes:
        endpoint: The Endpoint.
        config: The EndpointConfig.
        models: The Models: by variant, or by component.
        containers: The containers of each Model, as they were given.
        components: The inference components by name.
        role: The execution role.
        hosting: How it is hosted.
        golden_gate: What asks the golden tests; None without ``verify_on_deploy``.
        bundles: The bundles it serves.

    Raises:
        BundleError: A folder is no complete bundle, or has no model data that can be deployed in this way.
        IntegrityError: The text files of a bundle contradict each other.
        ImageError: AWS does not offer the image in the stack's region.
        UsageError: Arguments that cannot work, with the way out.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - the CDK's name for it
        *,
        bundle: ModelBundle | Path | str | None = None,
        signing_secret: secretsmanager.ISecret | ImportedSecret | None = None,
        integrity: Integrity | None = None,
        artifact: Artifact | None = None,
        environment: Mapping[str, str] | None = None,
        secrets: Mapping[str, secretsmanager.ISecret | ImportedSecret | cdk.SecretValue] | None = None,
        tuning: str | None = None,
        pipeline: Sequence[Container] = (),
        variants: Sequence[EndpointVariant] = (),
        shadow: EndpointVariant | None = None,
        components: Sequence[EndpointComponent] = (),
        hosting: AnyHosting | None = None,
        instance_type: str | None = None,
        initial_instance_count: int | None = None,
        endpoint_type: EndpointType | None = None,
        resources: ResourceRequirements | None = None,
        endpoint_name: str | None = None,
        role: iam.IRole | None = None,
        network_isolation: bool | None = None,
        vpc: ec2.IVpc | None = None,
        vpc_subnets: ec2.SubnetSelection | None = None,
        security_groups: Sequence[ec2.ISecurityGroup] | None = None,
        allow_all_outbound: bool = True,
        encryption_key: kms.IKey | None = None,
        encrypt_storage: bool = True,
        data_capture: DataCapture | None = None,
        explainer: ClarifyExplainer | None = None,
        metrics: EndpointMetricsOptions | None = None,
        deployment: BlueGreen | Rolling | None = None,
        retain_variant_properties: bool | Sequence[RetainedProperty] = False,
        verify_on_deploy: bool | GoldenTest = False,
    ) -> None:
        super().__init__(scope, id)
        single: Container | None = None
        if bundle is not None:
            single = Container.from_bundle(
                bundle, signing_secret=signing_secret, integrity=integrity, artifact=artifact,
                environment=environment, secrets=secrets, tuning=tuning or "matching",
            )  # fmt: skip
        elif any(value is not None for value in (signing_secret, integrity, artifact, environment, secrets, tuning)):
            raise UsageError(
                "signing_secret, integrity, artifact, environment, secrets and tuning belong to bundle=.",
                remedy="With several bundles give them to Container.from_bundle(...).",
            )
        check_one_of(bundle=single, pipeline=pipeline, variants=variants, components=components)
        shared = shares_instances(hosting, components, endpoint_type, resources)
        self.hosting = hosting_from(hosting, instance_type, initial_instance_count, components=shared)
        self._network: dict[str, Any] = {
            "vpc": vpc,
            "vpc_subnets": vpc_subnets,
            "security_groups": security_groups,
            "allow_all_outbound": allow_all_outbound,
        }
        self._isolation = False if isinstance(self.hosting, ServerlessHosting) else network_isolation
        if isinstance(self.hosting, ServerlessHosting) and (vpc is not None or network_isolation):
            raise UsageError(
                "a serverless endpoint has neither VPC nor network isolation.",
                remedy="Leave them out, or use Hosting.real_time(...).",
            )
        self._name = endpoint_name or cdk.Names.unique_resource_name(self, max_length=63, separator="-")
        self._access = ExecutionRole(self, role or role_of(single, self))
        self.role = self._access.role
        self.bundles: list[ModelBundle] = []
        self.models: dict[str, Model] = {}
        self.containers: dict[str, list[Container]] = {}
        self.components: dict[str, InferenceComponent] = {}
        self._callers: list[iam.IGrantable] = []
        if isinstance(self.hosting, ComponentHosting):
            if single is not None:
                components = [component_of(single, resources)]
            if not components or shadow is not None:
                raise UsageError(
                    "an endpoint of inference components serves components, without a shadow.",
                    remedy="Give bundle= with resources=, or components=[EndpointComponent(...)].",
                )
            served = [component.container for component in components]
            chosen: list[Any] = [InstanceVariant(**self._matched(self.hosting.variant_options(), served))]
            shadows: list[InstanceVariant] = []
            for component in components:
                self._add_model(component.name, component.container, self._types())
        else:
            chosen, shadows = self._variants(single, pipeline, variants, shadow)
        self._asynchronous = self.hosting.asynchronous if isinstance(self.hosting, AsynchronousHosting) else None
        self.encryption_key = self._storage_key(encryption_key, [*chosen, *shadows], encrypt=encrypt_storage)
        self.config = EndpointConfig(
            self,
            "Config",
            variants=chosen[0] if isinstance(chosen[0], ServerlessVariant) else chosen,
            shadow_variants=shadows,
            asynchronous=self._asynchronous,
            data_capture=data_capture,
            explainer=explainer,
            encryption_key=self.encryption_key,
            metrics=metrics,
            endpoint_name=self._name,
            **self._component_options(),
        )
        if not encrypt_storage and encryption_key is None:
            no_storage_key(self.config.resource, "The user chose encrypt_storage=False.")
        elif self.encryption_key is None:
            guessed = newer_with_disks(
                name for one in [*chosen, *shadows] for name in getattr(one, "instance_types", ())
            )
            if guessed:
                reason = f"By their names {', '.join(guessed)} have local disks, for which SageMaker refuses a key."
                no_storage_key(self.config.resource, reason)
        self.endpoint = Endpoint(
            self,
            "Endpoint",
            endpoint_config=self.config,
            endpoint_name=self._name,
            deployment=deployment,
            retain_variant_properties=retain_variant_properties,
        )
        for component in components:
            self._add_component(component)
        self._acknowledge()
        self.golden_gate = self._verified(verify_on_deploy) if verify_on_deploy else None

    @property
    def endpoint_name(self) -> str:
        """Name of the endpoint."""
        return self._name

    @property
    def endpoint_arn(self) -> str:
        """ARN of the endpoint, as a token."""
        return self.endpoint.endpoint_arn

    @property
    def grants(self) -> EndpointGrants:
        """Who may call it."""
        return self.endpoint.grants

    @property
    def metrics(self) -> EndpointMetrics:
        """Its metrics."""
        return self.endpoint.metrics

    @property
    def connections(self) -> ec2.Connections:
        """For security group rules between its containers and others.

        Raises:
            UsageError: It is in no VPC.
        """
        if self.config.holds_components:
            return self.config.connections
        every = [model.connections for model in self.models.values()]
        if len(every) == 1:
            return every[0]
        from aws_cdk import aws_ec2 as ec2  # noqa: PLC0415 - see above

        groups = {id(group): group for one in every for group in one.security_groups}
        return ec2.Connections(security_groups=list(groups.values()))

    def grant_invoke(self, grantee: iam.IGrantable) -> iam.Grant:
        """Let ``grantee`` send requests, asynchronous ones if it is so, and to its components, later ones too."""
        if isinstance(self.hosting, AsynchronousHosting):
            return self.grants.invoke_async(grantee)
        self._callers.append(grantee)
        return self.grants.invoke(grantee, *self.components.values())

    def add_component(self, component: EndpointComponent) -> InferenceComponent:
        """One more inference component.

        Raises:
            UsageError: The endpoint is not for components, or has one of that name.
        """
        if not isinstance(self.hosting, ComponentHosting):
            raise UsageError(
                "this endpoint serves models of its own.", remedy="Use hosting=Hosting.inference_components(...)."
            )
        if component.name in self.components:
            raise UsageError(f"there is a component {component.name!r} already.", remedy="Give it another name.")
        model = self._add_model(component.name, component.container, self._types())
        if self.config.resource.enable_network_isolation and not model.is_isolated:
            raise UsageError(
                f"the component {component.name!r} needs the network, but the endpoint is isolated for the others.",
                remedy="Give the endpoint network_isolation=False.",
            )
        return self._add_component(component)

    def add_adapter(
        self,
        name: str,
        *,
        artifact_s3_uri: str | None = None,
        folder: str | Path | None = None,
        base: str | None = None,
    ) -> InferenceComponent:
        """A LoRA adapter on one of the components.

        Args:
            name: Its id; the component's own name is made of it and the endpoint's.
            artifact_s3_uri: Archive of its weights.
            folder: Instead: the folder here that PEFT wrote. It is packed, and becomes an asset named by its digest.
            base: Name of the component. Default: the only one.

        Raises:
            UsageError: No such component, or several and no ``base``; both places or none; or the component's bundle
                has no room for it.
            ModelError: The folder is no adapter that servers load, or is one of another model.
        """
        if (artifact_s3_uri is None) == (folder is None):
            raise UsageError(
                f"the adapter {name!r} has {'no weights' if folder is None else 'its weights in two places'}.",
                remedy="Give artifact_s3_uri= or folder=.",
            )
        weights = artifact_s3_uri if folder is None else Path(folder)
        assert weights is not None
        bases = list(without_adapters(self.components))
        chosen = base or (bases[0] if len(bases) == 1 else "")
        if chosen not in bases:
            raise UsageError(
                f"there is no component {base!r} to adapt." if base else "base does not say which component to adapt.",
                remedy=f"Give base= one of {', '.join(bases) or 'the components; there is none'}.",
            )
        check_name("the adapter's name", name, longest=LONGEST_COMPONENT)
        if name in self.components:
            raise UsageError(f"there is a component {name!r} already.", remedy="Give the adapter another name.")
        served = self.containers.get(chosen, [])
        uri = adapter_uri(self, name, weights, served[0] if len(served) == 1 else None)
        made = InferenceComponent(
            self,
            f"Adapter{name}",
            endpoint=self.endpoint,
            base=self.components[chosen],
            inference_component_name=self._component_name(name),
            specification=ComponentSpecification(container=ComponentContainer(artifact_s3_uri=uri)),
        )
        return self._hold(name, made)

    def autoscale(
        self,
        *,
        max_capacity: int,
        min_capacity: int = 1,
        target: ScalingTarget | Sequence[ScalingTarget] = (),
        schedule: Sequence[ScheduledCapacity] = (),
        scale_in_cooldown: Duration | None = None,
        scale_out_cooldown: Duration | None = None,
        disable_scale_in: bool = False,
        of: str | None = None,
    ) -> list[Autoscaling]:
        """Let the number of instances, of a component's copies or of warm serverless capacity follow the load.

        From then on updates keep the number of instances that is there, and ``initial_instance_count`` counts for new
        variants alone. SageMaker refuses to change the instance type of a variant that is scaled, or to take it away:
        deploy once without ``autoscale()``, change it, and scale again. A component begins again with the ``copies`` of
        its resources when it moves to another model, as CloudFormation says them each time.

        Args:
            max_capacity: At most this many.
            min_capacity: At least this many; for 0 use :meth:`scale_to_zero`.
            target: One metric or several; the one that asks for most wins.
            schedule: Other limits at certain times.
            scale_in_cooldown: Wait so long after removing some. Default: Application Auto Scaling's, five minutes.
            scale_out_cooldown: Wait so long after adding some.
            disable_scale_in: Only ever add.
            of: Name of one variant or component. Default: all of them alike.

        Raises:
            UsageError: Limits or metrics that do not fit, or nothing called ``of``.
        """
        from cdk_modelbuilder.constructs import endpoint_scaling  # noqa: PLC0415 - loads CDK modules of its own

        return endpoint_scaling.autoscale(
            self,
            of,
            min_capacity=min_capacity,
            max_capacity=max_capacity,
            target=target,
            schedule=schedule,
            scale_in_cooldown=scale_in_cooldown,
            scale_out_cooldown=scale_out_cooldown,
            disable_scale_in=disable_scale_in,
        )

    def scale_to_zero(
        self,
        *,
        max_capacity: int,
        target: ScalingTarget | Sequence[ScalingTarget] = (),
        wake_to: int = 1,
        schedule: Sequence[ScheduledCapacity] = (),
        scale_in_cooldown: Duration | None = None,
        scale_out_cooldown: Duration | None = None,
        of: str | None = None,
    ) -> list[Autoscaling]:
        """The same, down to nothing, with the alarm and the step policy that start it again.

        Inference components refuse requests until a copy runs, which takes minutes; asynchronous requests wait.

        Args:
            max_capacity: At most this many.
            target: Default: one request at once for each copy; one waiting request for each asynchronous instance.
            wake_to: How many to start.
            schedule: Other limits at certain times.
            scale_in_cooldown: Wait so long after removing some.
            scale_out_cooldown: Wait so long after adding some.
            of: Name of one component. Default: all of them alike.

        Raises:
            UsageError: Hosting that cannot sleep, or instances that would stay.
        """
        from cdk_modelbuilder.constructs import endpoint_scaling  # noqa: PLC0415 - loads CDK modules of its own

        return endpoint_scaling.scale_to_zero(
            self,
            of,
            max_capacity=max_capacity,
            target=target,
            schedule=schedule,
            scale_in_cooldown=scale_in_cooldown,
            scale_out_cooldown=scale_out_cooldown,
            wake_to=wake_to,
        )

    def monitor(
        self,
        *,
        thresholds: AlarmThresholds | None = None,
        notify: Sequence[sns.ITopic] = (),
        alarm_actions: Sequence[cloudwatch.IAlarmAction] = (),
        dashboard: bool = True,
        rollback: bool = True,
    ) -> Monitoring:
        """Alarms on errors, latency, capacity, disk and memory, and a dashboard.

        Args:
            thresholds: When alarms go off. Default: those of ``AlarmThresholds()``; a latency only you can say.
            notify: Topics to tell.
            alarm_actions: Anything else to do.
            dashboard: Make a dashboard too.
            rollback: While the endpoint moves to another model, errors and latency make it go back. Components go back
                if they have a ``rolling_update``.

        Raises:
            UsageError: More rollback alarms than SageMaker takes.
        """
        from cdk_modelbuilder.constructs import endpoint_monitoring  # noqa: PLC0415 - loads CDK modules of its own

        return endpoint_monitoring.monitor(
            self,
            thresholds=thresholds,
            notify=notify,
            alarm_actions=alarm_actions,
            with_dashboard=dashboard,
            rollback=rollback,
        )

    def _acknowledge(self) -> None:
        """What a review would ask about this kind of hosting, answered."""
        if isinstance(self.hosting, ComponentHosting):
            rolls_by_component(self.endpoint.resource)
            scaling = self.hosting.managed_scaling()
            if scaling is not None and scaling.min_instance_count < 2:
                sleeps(self.config.resource)
        elif isinstance(self.hosting, AsynchronousHosting):
            sleeps(self.config.resource)

    def _verified(self, wanted: bool | GoldenTest) -> GoldenGate:
        from cdk_modelbuilder.constructs import endpoint_verification  # noqa: PLC0415 - loads CDK modules of its own

        return endpoint_verification.verify(self, wanted)

    def _variants(
        self,
        single: Container | None,
        pipeline: Sequence[Container],
        variants: Sequence[EndpointVariant],
        shadow: EndpointVariant | None,
    ) -> tuple[list[Any], list[InstanceVariant]]:
        given = list(variants)
        if not given:
            given = [EndpointVariant(name=DEFAULT_VARIANT_NAME, containers=single if single is not None else pipeline)]
        if isinstance(self.hosting, ServerlessHosting):
            if len(given) > 1 or shadow is not None:
                raise UsageError(
                    "a serverless endpoint has one variant.", remedy="Use Hosting.real_time(...) for several."
                )
            serverless = ServerlessVariant(
                model=self._add_model(given[0].name, given[0].containers, ()),
                name=given[0].name,
                memory_size=self.hosting.memory_size,
                max_concurrency=self.hosting.max_concurrency,
                provisioned_concurrency=self.hosting.provisioned_concurrency,
            )
            return [serverless], []
        assert isinstance(self.hosting, RealTimeHosting)
        made = [self._instance_variant(variant, self.hosting) for variant in given]
        shadows = [] if shadow is None else [self._instance_variant(shadow, self.hosting)]
        return made, shadows

    def _instance_variant(self, variant: EndpointVariant, hosting: RealTimeHosting) -> InstanceVariant:
        wanted = (variant.hosting or hosting).variant_options()
        model = self._add_model(variant.name, variant.containers, instance_types_of(wanted))
        options = self._matched(wanted, self.containers[variant.name])
        options["startup_health_check_timeout"] = startup_of(
            self.containers[variant.name], wanted["startup_health_check_timeout"]
        )
        return InstanceVariant(name=variant.name, model=model, weight=variant.weight, **options)

    def _matched(self, options: dict[str, Any], containers: Sequence[Container]) -> dict[str, Any]:
        """The options of a variant, with the host's image that its containers need."""
        types = [options["instance_type"], *(pool.instance_type for pool in options["instance_pools"])]
        check_hosts(containers, [name for name in types if name is not None])
        return {**options, "inference_ami_version": inference_ami_of(containers, options["inference_ami_version"])}

    def _types(self) -> Sequence[str]:
        """The types of the instances that components share."""
        assert isinstance(self.hosting, ComponentHosting)
        return instance_types_of(self.hosting.variant_options())

    def _add_model(self, name: str, containers: Container | Sequence[Container], types: Sequence[str]) -> Model:
        given = tuned_on(self, [containers] if isinstance(containers, Container) else list(containers), types)
        self.bundles += [one.bundle for one in given if isinstance(one, BundleContainer)]
        self.containers[name] = given
        network = {} if isinstance(self.hosting, ComponentHosting) else self._network
        self.models[name] = Model(
            self,
            "Model" if name == DEFAULT_VARIANT_NAME else f"Model{name}",
            containers=given,
            role=self._access,
            network_isolation=self._isolation,
            endpoint_name=self._name,
            **network,
        )
        return self.models[name]

    def _add_component(self, component: EndpointComponent) -> InferenceComponent:
        made = InferenceComponent(
            self,
            f"Component{component.name}",
            endpoint=self.endpoint,
            inference_component_name=self._component_name(component.name),
            rolling_update=component.rolling_update,
            specification=ComponentSpecification(
                model=self.models[component.name],
                resources=component.resources,
                cache_data=component.cache_data,
                scheduling=component.scheduling,
                startup_health_check_timeout=startup_of(
                    self.containers[component.name], component.startup_health_check_timeout
                ),
                model_data_download_timeout=component.model_data_download_timeout,
            ),
        )
        self._hold(component.name, made)
        for name, weights in component.adapters.items():
            place = {"folder": weights} if isinstance(weights, Path) else {"artifact_s3_uri": weights}
            self.add_adapter(name, base=component.name, **place)
        return made

    def _hold(self, name: str, component: InferenceComponent) -> InferenceComponent:
        for caller in self._callers:
            component.grants.invoke(caller)
        self.components[name] = component
        return component

    def _component_options(self) -> dict[str, Any]:
        if not isinstance(self.hosting, ComponentHosting):
            return {}
        isolated = all(model.is_isolated for model in self.models.values())
        return {"components": True, "role": self._access, "network_isolation": isolated, **self._network}

    def _component_name(self, name: str) -> str:
        room = 62 - len(name)
        if is_token(self._name) or len(self._name) <= room:
            return f"{self._name}-{name}"
        # The end of the endpoint's name may be all that tells it from another.
        digest = hashlib.sha256(self._name.encode()).hexdigest()[:8]
        return f"{self._name[: room - 9].rstrip('-')}-{digest}-{name}"

    def _storage_key(self, given: kms.IKey | None, variants: Sequence[Any], *, encrypt: bool) -> kms.IKey | None:
        if given is not None or not encrypt or isinstance(self.hosting, ServerlessHosting):
            return given
        names = [name for variant in variants for name in variant.instance_types]
        if newer_with_disks(names) or any(has_local_nvme(name) for name in names):
            return None
        return kms.Key(
            self,
            "StorageKey",
            enable_key_rotation=True,
            description=f"Storage volumes of the endpoint {self._name}",
            removal_policy=cdk.RemovalPolicy.DESTROY,  # the volumes end with the endpoint, and nothing else uses it
        )
