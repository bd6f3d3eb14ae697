"""May the image be pulled from its registry in ECR."""

from __future__ import annotations

import json
from collections.abc import Iterator

from cdk_modelbuilder.local.doctor.aws_account import AwsAccount
from cdk_modelbuilder.local.doctor.aws_asking import asking
from cdk_modelbuilder.local.doctor.aws_failures import DENIED, code_of, denied_action, failure
from cdk_modelbuilder.local.doctor.check import Check, Circumstances
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.image import ECR_URI

_PULLING = "ecr:BatchGetImage, ecr:GetDownloadUrlForLayer and ecr:GetAuthorizationToken"
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)


def _image(account: AwsAccount, about: Circumstances) -> Iterator[Finding]:
    name, uri = "aws-image", account.question.image or _bundle_image(account, about)
    if not uri:
        return
    found = ECR_URI.fullmatch(uri)
    if found is None:
        yield Finding(name, Outcome.SKIPPED, f"{uri} is in no private registry of AWS; SageMaker takes only those.")
        return
    wanted = {"imageDigest": found["digest"]} if found["digest"] else {"imageTag": found["tag"] or "latest"}
    try:
        answer = account.client("ecr", region=found["region"]).batch_get_image(
            registryId=found["account"],
            repositoryName=found["repository"],
            imageIds=[wanted],
            acceptedMediaTypes=list(_MANIFESTS),
        )
    except Exception as error:  # noqa: BLE001 - whatever botocore raises is worded
        yield _image_failure(name, uri, found["account"], error, account)
        return
    if not answer.get("images"):
        reasons = {str(one.get("failureReason", "")) for one in answer.get("failures", ())}
        yield Finding(
            name,
            Outcome.FAILURE,
            f"{uri} is not there: {'; '.join(sorted(reasons)) or 'no such image'}.",
            "Check the tag; the bundle's images are listed by cdk-modelbuilder images.",
        )
        return
    size = _manifest_bytes(answer["images"][0].get("imageManifest", ""))
    said = f", {size / 1e9:.1f} GB to fetch" if size else ""
    yield Finding(name, Outcome.OK, f"{uri} may be pulled{said}.")


def _bundle_image(account: AwsAccount, about: Circumstances) -> str | None:
    if about.bundle is None:
        return None
    image = about.bundle.container.image
    if image.build is not None or image.uri:
        return image.uri
    region = account.region or ""
    registry = image.accounts.get(region)
    ending = ".cn" if region.startswith("cn-") else ""
    return f"{registry}.dkr.ecr.{region}.amazonaws.com{ending}/{image.repository}:{image.tag}" if registry else None


def _image_failure(name: str, uri: str, registry: str, error: Exception, account: AwsAccount) -> Finding:
    code = code_of(error)
    if code == "RepositoryNotFoundException":
        return Finding(name, Outcome.FAILURE, f"there is no repository for {uri}.", "Check name, account and region.")
    if code in DENIED:
        action = denied_action(error) or "ecr:BatchGetImage"
        other = registry != account.caller().account
        also = "; the repository's policy, in the other account, has to allow it too" if other else ""
        return Finding(
            name,
            Outcome.FAILURE,
            f"{uri} may not be pulled: AWS does not allow {action}.",
            f"Allow {_PULLING} to this user or role, and to the endpoint's{also}.",
        )
    return failure(name, error, account, doing=f"looking for {uri}")


def _manifest_bytes(text: str) -> int:
    """Bytes of all layers, as they are fetched; 0 for an index of several images."""
    try:
        return sum(int(layer["size"]) for layer in json.loads(text).get("layers", ()))
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0


CHECK = Check(
    "aws-image",
    "AWS",
    "may the image (`--image`, else the bundle's) be pulled from its registry in ECR, and how large is it",
    "names the actions to allow",
    asking("aws-image", "--image", _image),
)
