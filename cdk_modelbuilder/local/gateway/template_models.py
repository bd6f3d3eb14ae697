"""The models of one template, and the bundles behind their containers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.local.gateway.bundle_search import BundleSearch
from cdk_modelbuilder.local.gateway.hosted import HostedContainer, HostedModel

Properties = Mapping[str, Any]


class TemplateModels:
    """Models by their names.

    Args:
        properties: Name -> properties of each AWS::SageMaker::Model.
        search: Finds bundles.
        warn: Takes what local mode does otherwise, as a sentence.
    """

    def __init__(self, properties: Mapping[str, Properties], search: BundleSearch, warn: Callable[[str], None]) -> None:
        self._properties = properties
        self._search = search
        self._warn = warn
        self._found: dict[str, HostedModel | None] = {}

    def find(self, name: str) -> HostedModel | None:
        """The model of this name; None if it is not in the template, or a container of it has no bundle here."""
        if name not in self._found:
            self._found[name] = self._read(name)
        return self._found[name]

    def of_container(self, name: str, properties: Properties) -> HostedModel | None:
        """The model that an inference component's own container is."""
        container = self._container(name, "primary", properties)
        return None if container is None else HostedModel(name, (container,))

    def _read(self, name: str) -> HostedModel | None:
        properties = self._properties.get(name)
        if properties is None:
            self._warn(f"model {name} is not in the template.")
            return None
        several = properties.get("Containers") or []
        if several:
            named = [(one.get("ContainerHostname", f"container-{place}"), one) for place, one in enumerate(several, 1)]
        else:
            primary = properties.get("PrimaryContainer", {})
            named = [(primary.get("ContainerHostname", "primary"), primary)]
        containers = [self._container(name, hostname, one) for hostname, one in named]
        found = tuple(one for one in containers if one is not None)
        if len(found) < len(containers):
            return None
        direct = properties.get("InferenceExecutionConfig", {}).get("Mode") == "Direct"
        return HostedModel(name, found, direct)

    def _container(self, model: str, hostname: str, properties: Properties) -> HostedContainer | None:
        place = f"container {hostname} of model {model}"
        environment = {
            name: str(value)
            for name, value in properties.get("Environment", {}).items()
            # A key, or another secret, that only a deployment can read; the bundle's own key is derived here.
            if "{{resolve:" not in str(value) and name not in verifier.DELIVERIES
        }
        left_out = set(properties.get("Environment", {})) - set(environment) - set(verifier.DELIVERIES)
        if properties.get("Mode") == "MultiModel":
            self._warn_of(left_out, place)
            models = self._search.targets()
            if not models:
                self._warn(f"{place} has no target models: no bundle was found.")
                return None
            self._warn(f"{place}: its target models are the bundles that were found, {', '.join(sorted(models))}.")
            return HostedContainer(hostname, None, environment, models, multi_model=True)
        root = environment.get(verifier.ROOT_VARIABLE)
        if root is None:
            self._warn_of(left_out, place)
            image = properties.get("Image") or properties.get("ModelPackageName") or "without an image"
            self._warn(f"{place} ({image}) was not made from a bundle: it has no {verifier.ROOT_VARIABLE}.")
            return None
        bundle = self._search.find(root)
        if bundle is None:
            self._warn(f"{place}: no bundle with root digest {root} was found.")
            return None
        self._warn_of(left_out - set(bundle.container.secrets), place)  # those are the user's own here
        return HostedContainer(hostname, bundle, environment)

    def _warn_of(self, left_out: set[str], place: str) -> None:
        if left_out:
            names = ", ".join(sorted(left_out))
            self._warn(f"{place}: {names} is not set, because its value is a secret of the account.")
