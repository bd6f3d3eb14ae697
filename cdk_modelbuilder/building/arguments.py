"""The arguments of ModelBuilder, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cdk_modelbuilder.building.hosting import HostingWishes
from cdk_modelbuilder.building.naming import is_name
from cdk_modelbuilder.bundle import is_bundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.schema.schema_builder import SchemaBuilder
from cdk_modelbuilder.secret_reference import HUB_TOKEN, SecretReference, refuse_tokens
from cdk_modelbuilder.servers import ModelServer, known_servers, server_adapter
from cdk_modelbuilder.serving.variables import PROPERTIES, VariableError, number
from cdk_modelbuilder.spec import InferenceSpec

_VARIABLE = re.compile(r"[a-zA-Z_]\w{0,1023}")


def check_sources(model: Any, inference_spec: Any, schema_builder: Any, image_uri: str | None) -> None:
    """Check that exactly one thing is to be packaged, and that it is what it is given as.

    Raises:
        UsageError: It is not.
    """
    if model is not None and inference_spec is not None:
        raise UsageError(
            "model= and inference_spec= both say what to package.",
            remedy="Give the fitted model, or an InferenceSpec that loads it.",
        )
    if model is None and inference_spec is None and image_uri is None:
        raise UsageError(
            "ModelBuilder needs a model= or an inference_spec=.",
            remedy="Give the fitted model, or an InferenceSpec that loads it; or image_uri= of an image that holds "
            "its model.",
        )
    if not isinstance(schema_builder, SchemaBuilder):
        raise UsageError(
            f"schema_builder is a {type(schema_builder).__name__}.",
            remedy="Give SchemaBuilder(sample_input, sample_output).",
        )
    if inference_spec is not None and not isinstance(inference_spec, InferenceSpec):
        raise UsageError(
            f"inference_spec is a {type(inference_spec).__name__}.",
            remedy="Give an instance of a subclass of InferenceSpec.",
        )


def holds_files(path: str | Path | None) -> bool:
    """Whether there is a folder with files, and no bundle, at ``path``."""
    return path is not None and Path(path).is_dir() and any(Path(path).iterdir()) and not is_bundle(Path(path))


def name_and_path(name: str | None, model_path: str | Path | None, default: str) -> tuple[str, Path]:
    """A bundle's name and folder.

    Raises:
        UsageError: No bundle can have the name.
    """
    path = Path("build") / (name or default) if model_path is None else Path(model_path)
    chosen = path.absolute().name if name is None else name
    if not is_name(chosen):
        raise UsageError(
            f"{chosen!r} cannot name a bundle.",
            remedy="Use up to 63 letters, digits and single hyphens between them: name='churn'.",
        )
    return chosen, path


def checked_env(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables, checked.

    Raises:
        UsageError: A name or a value that the container cannot have, a name of our own, or a hub's token.
    """
    refuse_tokens(variables, "env_vars")
    for name, value in variables.items():
        if name in PROPERTIES and isinstance(value, str):
            _check_property(name, value)
        elif name.startswith("MODELBUILDER_") or not isinstance(value, str) or not _VARIABLE.fullmatch(name):
            raise UsageError(
                f"env_vars: {name!r} cannot be set to {type(value).__name__} {value!r}.",
                remedy="Use letters, digits and underscores, not beginning with MODELBUILDER_ but for "
                f"{', '.join(PROPERTIES)}; values are text.",
            )
    return dict(variables)


def _check_property(name: str, value: str) -> None:
    try:
        number(value, name, called=name)
    except VariableError as error:
        raise UsageError(f"env_vars: {error}.", remedy="See the table of properties in docs/serving.md.") from None


def checked_secrets(hub_token_secret: str | None) -> dict[str, str]:
    """The variables whose values are in Secrets Manager, and where.

    Raises:
        UsageError: It names no secret.
    """
    if hub_token_secret is None:
        return {}
    SecretReference.parse(hub_token_secret, "hub_token_secret")
    return {HUB_TOKEN: hub_token_secret}


def hosting_wishes(
    model_server: ModelServer | str | None,
    image_uri: str | None,
    base_image: str | None,
    instance_type: str | None,
    *,
    has_model: bool,
    verifying: bool,
    max_payload_mb: int | None,
    invocation_timeout_seconds: int | None,
) -> HostingWishes:
    """What the user said about server, image, processor and limits.

    Raises:
        UsageError: Two that exclude each other, or one that is not known.
    """
    if image_uri is not None and model_server is None and has_model:
        raise UsageError(
            "image_uri without model_server: the files' layout depends on the server.",
            remedy=f"Name the server inside the image: {', '.join(known_servers())}.",
        )
    if image_uri is not None and base_image is not None:
        raise UsageError(
            "image_uri names an image that is ready, and base_image one to build on.", remedy="Give one of the two."
        )
    server = None if model_server is None else server_adapter(str(model_server)).name
    _check_limit("max_payload_mb", max_payload_mb, 1024, "MiB; an asynchronous endpoint takes 1024")
    _check_limit("invocation_timeout_seconds", invocation_timeout_seconds, 3600, "s; an asynchronous endpoint has 3600")
    wishes = HostingWishes(
        server,
        image_uri,
        base_image,
        verifying=verifying,
        max_payload_bytes=None if max_payload_mb is None else max_payload_mb << 20,
        invocation_seconds=invocation_timeout_seconds,
    )
    if instance_type is None:
        return wishes
    from cdk_modelbuilder.images import processor_of  # noqa: PLC0415 - it reads the table of instance types

    processor, architecture = processor_of(instance_type)
    return replace(
        wishes, processor=processor, architecture=architecture, has_instance_type=True, instance_type=instance_type
    )


def _check_limit(name: str, value: int | None, largest: int, words: str) -> None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest):
        raise UsageError(f"{name} is {value!r}.", remedy=f"Give a whole number of {words} at most.")
