"""Model data: what SageMaker fetches from S3 and mounts at /opt/ml/model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_cdk import aws_sagemaker as sagemaker

from cdk_modelbuilder.constructs.arguments import check_s3_uri
from cdk_modelbuilder.constructs.permissions import Statement, allow, decrypt_with, read_object, read_prefixes
from cdk_modelbuilder.errors import UsageError

if TYPE_CHECKING:  # each of these costs a tenth of a second and more
    from aws_cdk import aws_kms as kms


@dataclass(frozen=True, kw_only=True)
class ModelData:
    """Where a container's model is. Make one with the class methods.

    Attributes:
        url: Value of ``ModelDataUrl``; None where ``source`` says it.
        source: Value of ``ModelDataSource``.
        permissions: What the role needs to fetch it.
        uri: The S3 URI, for messages and for model packages.
    """

    uri: str
    url: str | None = None
    source: sagemaker.CfnModel.S3DataSourceProperty | None = None
    permissions: Sequence[Statement] = ()

    @classmethod
    def archive(
        cls, s3_uri: str, *, accept_eula: bool | None = None, encryption_key: kms.IKey | None = None
    ) -> ModelData:
        """A ``model.tar.gz`` that SageMaker unpacks.

        It is named by ``ModelDataUrl``, as serverless endpoints, batch transform and packages want it; by
        ``ModelDataSource`` only where that has to say more, or where the key does not end in ``.tar.gz``.

        Args:
            s3_uri: The object. SageMaker takes no object version: let the key name the content.
            accept_eula: Accept the licence of a gated model.
            encryption_key: Key of the object, where S3 encrypts it with one of yours: the role may decrypt with it.

        Raises:
            UsageError: No S3 URI of an object.
        """
        check_s3_uri("model data", s3_uri)
        if s3_uri.endswith("/"):
            raise UsageError(
                f"{s3_uri} is a prefix, not an archive.", remedy="Use ModelData.folder() for files as they are."
            )
        if accept_eula is None and _may_end_in(s3_uri, ".tar.gz"):
            return by_url(s3_uri, encryption_key)
        permissions = [read_object(s3_uri), *_decrypt(encryption_key)]
        return cls(uri=s3_uri, source=_source(s3_uri, "S3Object", "Gzip", accept_eula, None), permissions=permissions)

    @classmethod
    def archive_url(cls, s3_uri: str, *, encryption_key: kms.IKey | None = None) -> ModelData:
        """The same, by ``ModelDataUrl`` and in no other way.

        Raises:
            UsageError: The key does not end in ``.tar.gz``.
        """
        check_s3_uri("model data", s3_uri)
        if not _may_end_in(s3_uri, ".tar.gz"):
            raise UsageError(
                f"{s3_uri} does not end in .tar.gz, as ModelDataUrl asks for.", remedy="Use ModelData.archive()."
            )
        return by_url(s3_uri, encryption_key)

    @classmethod
    def folder(
        cls,
        s3_uri: str,
        *,
        accept_eula: bool | None = None,
        hub_content_arn: str | None = None,
        encryption_key: kms.IKey | None = None,
    ) -> ModelData:
        """Files below a prefix as they are, without an archive: what large models want.

        Args:
            s3_uri: The prefix, with a slash at its end.
            accept_eula: Accept the licence of a gated model.
            hub_content_arn: The private hub's content that grants the access.
            encryption_key: Key of the objects, where S3 encrypts them with one of yours.

        Raises:
            UsageError: No S3 URI of a prefix.
        """
        check_s3_uri("model data", s3_uri)
        if not _may_end_in(s3_uri, "/"):
            raise UsageError(
                f"the prefix {s3_uri} has no slash at its end; SageMaker would take other names that begin like it.",
                remedy=f"Write {s3_uri}/, or use ModelData.archive() for an archive.",
            )
        permissions = [*read_prefixes([s3_uri]), *_decrypt(encryption_key)]
        if hub_content_arn is not None:
            actions = ["sagemaker:DescribeHubContent"]
            permissions.append(allow("ReadHubContent", actions, [hub_content_arn]))
        source = _source(s3_uri, "S3Prefix", "None", accept_eula, hub_content_arn)
        return cls(uri=s3_uri, source=source, permissions=permissions)

    @classmethod
    def many_archives(cls, s3_uri: str, *, encryption_key: kms.IKey | None = None) -> ModelData:
        """The prefix below which a multi-model container finds an archive for each model.

        Raises:
            UsageError: No S3 URI of a prefix.
        """
        permissions = cls.folder(s3_uri, encryption_key=encryption_key).permissions
        return cls(uri=s3_uri, url=s3_uri, permissions=permissions)


def by_url(s3_uri: str, encryption_key: kms.IKey | None) -> ModelData:
    """An archive by ``ModelDataUrl``, whatever its key ends in."""
    return ModelData(uri=s3_uri, url=s3_uri, permissions=[read_object(s3_uri), *_decrypt(encryption_key)])


def _may_end_in(uri: str, ending: str) -> bool:
    """Whether it does; True where a token at its end decides that when deploying."""
    return uri.endswith((ending, "]}"))


def _decrypt(key: kms.IKey | None) -> list[Statement]:
    return [] if key is None else [decrypt_with("DecryptModel", key.key_arn)]


def _source(
    uri: str, kind: str, compression: str, accept_eula: bool | None, hub_content_arn: str | None
) -> sagemaker.CfnModel.S3DataSourceProperty:
    model = sagemaker.CfnModel
    return model.S3DataSourceProperty(
        s3_uri=uri,
        s3_data_type=kind,
        compression_type=compression,
        model_access_config=None if accept_eula is None else model.ModelAccessConfigProperty(accept_eula=accept_eula),
        hub_access_config=None
        if hub_content_arn is None
        else model.HubAccessConfigProperty(hub_content_arn=hub_content_arn),
    )
