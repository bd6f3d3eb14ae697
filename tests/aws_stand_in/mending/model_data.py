"""CreateModel refuses model data that is not in S3. Moto takes any; then no test sees an asset nobody published."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.s3.models import s3_backends
from moto.sagemaker.exceptions import ValidationError
from moto.sagemaker.models import Model, SageMakerModelBackend

_switch = {"must exist": False}


def must_exist(wanted: bool) -> None:
    """Whether to look. Off, templates with made-up locations can be created."""
    _switch["must exist"] = wanted


def places(container: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Where a container's model data is: a URI, and whether it is a prefix instead of an object."""
    if "ModelDataUrl" in container:
        yield container["ModelDataUrl"], container.get("Mode") == "MultiModel"
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source:
        yield source["S3Uri"], source["S3DataType"] == "S3Prefix"


def missing(uri: str, is_prefix: bool, account: str) -> bool:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    known = s3_backends[account]["aws"].buckets.get(bucket)
    if known is None:
        return True
    return not any(name.startswith(key) for name in known.keys) if is_prefix else key not in known.keys


def mend() -> None:
    create_model = SageMakerModelBackend.create_model

    def create(self: SageMakerModelBackend, **options: Any) -> Model:
        if _switch["must exist"]:
            for container in [options.get("primary_container") or {}, *(options.get("containers") or [])]:
                for uri, is_prefix in places(container):
                    if missing(uri, is_prefix, self.account_id):
                        raise ValidationError(message=f"Could not find model data at {uri}.")
        return create_model(self, **options)

    SageMakerModelBackend.create_model = create
