"""Where a bundle lies in a bucket: under a key that its content decides.

    <prefix/><digest>/model.tar.gz      the archive
    <prefix/><digest>/model/            the files as they are

``digest`` is :attr:`cdk_modelbuilder.ModelBundle.artifact_digest`. Another content is another key, so nothing that was
published ever has to be replaced, and a rollback finds its own.
"""

from __future__ import annotations

import re
from typing import Final, Literal, get_args

from cdk_modelbuilder.errors import UsageError

ArtifactForm = Literal["archive", "folder"]
"""``archive`` is one object, which SageMaker unpacks; ``folder`` one object a file."""

ARTIFACT_FORMS: Final[tuple[ArtifactForm, ...]] = get_args(ArtifactForm)
KEY_BYTES: Final = 1024
"""Longest key of an object, in bytes of UTF-8 (Amazon S3 User Guide, "Naming Amazon S3 objects")."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
# The guide's "safe characters" without those that shells and URIs read in their own way: a key stands in URIs, policies
# (where * and ? are wild cards) and command lines alike.
_SEGMENT = re.compile(r"[A-Za-z0-9._=-]+")


def artifact_key(digest: str, *, prefix: str = "", form: ArtifactForm = "archive") -> str:
    """The key of the bundle with this artifact digest; that of a folder ends in a slash.

    Args:
        digest: :attr:`~cdk_modelbuilder.ModelBundle.artifact_digest`, 64 hexadecimal digits in lower case.
        prefix: What to put before it, such as ``models/churn``; one slash at its end makes no difference.
        form: How the bundle lies there.

    Raises:
        UsageError: ``digest``, ``prefix`` or ``form`` is malformed, or the key would be too long for S3.
    """
    if _DIGEST.fullmatch(digest) is None:
        raise UsageError(
            f"{digest!r} is not an artifact digest: that is 64 hexadecimal digits in lower case.",
            remedy="Give ModelBundle.artifact_digest, as `cdk-modelbuilder publish` prints it.",
        )
    if form not in ARTIFACT_FORMS:
        raise UsageError(f"{form!r} is no form of an artifact.", remedy=f"Give {' or '.join(ARTIFACT_FORMS)}.")
    key = f"{normal_prefix(prefix)}{digest}/" + ("model.tar.gz" if form == "archive" else "model/")
    if len(key.encode()) > KEY_BYTES:
        raise UsageError(
            f"the prefix has {len(prefix)} characters: S3's keys have at most {KEY_BYTES} bytes.",
            remedy="Give a shorter one.",
        )
    return key


def normal_prefix(prefix: str) -> str:
    """``prefix`` with one slash at its end, or nothing for none.

    Raises:
        UsageError: It begins with a slash, has an empty, ``.`` or ``..`` part, or a character that URIs, policies or
            shells read in their own way.
    """
    if not prefix:
        return ""
    parts = prefix.removesuffix("/").split("/")
    wrong = next((part for part in parts if part in (".", "..") or _SEGMENT.fullmatch(part) is None), None)
    if wrong is not None:
        raise UsageError(
            f"the prefix {prefix!r} has the part {wrong!r}.",
            remedy="Give parts of letters, digits and '.', '_', '=', '-' with single slashes between them, such as "
            "models/churn.",
        )
    return "/".join(parts) + "/"


def check_bucket_name(name: str) -> None:
    """Refuse what cannot name a bucket (User Guide, "General purpose bucket naming rules").

    Raises:
        UsageError: ``name`` is none.
    """
    if _BUCKET.fullmatch(name) is None:
        raise UsageError(
            f"{name!r} is not a bucket's name.",
            remedy="Give the name alone, such as my-artifacts: no s3://, no ARN; the prefix is an option of its own.",
        )
