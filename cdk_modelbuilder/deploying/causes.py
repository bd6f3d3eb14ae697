"""Known causes of failed deployments, found in what CloudFormation, SageMaker, the container and the CLI said.

Each cause is a pattern, where to look for it, what it means, and the way out. Sources of the wordings: the API
references of CloudFormation, SageMaker and IAM ("Common Errors"); the SageMaker guide's "Troubleshoot Amazon SageMaker
AI model deployments"; the messages in the source of the CDK CLI (aws/aws-cdk-cli); those of this package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from cdk_modelbuilder.deploying.account import CDK_CLI


class Source(Enum):
    """Who said something, in the order in which they are believed."""

    REASON = "reason"
    """CloudFormation's reason of the first resource that failed, and SageMaker's FailureReason."""
    LOG = "log"
    """The container's last lines."""
    CLI = "cli"
    """The CDK CLI's output."""


@dataclass(frozen=True, slots=True)
class Cause:
    """A known cause.

    Attributes:
        name: Its short name.
        pattern: What is said then; its named groups may stand in the words.
        where: In whose words.
        meaning: With ``{group}`` and ``{fact}``.
        remedy: The same.
    """

    name: str
    pattern: re.Pattern[str]
    where: tuple[Source, ...]
    meaning: str
    remedy: str


def _cause(name: str, pattern: str, meaning: str, remedy: str, *where: Source) -> Cause:
    return Cause(name, re.compile(pattern, re.IGNORECASE), where or (Source.REASON, Source.CLI), meaning, remedy)


_ANYWHERE = (Source.REASON, Source.LOG, Source.CLI)

CAUSES: tuple[Cause, ...] = (
    # The CLI and the account, before anything of the stack.
    _cause(
        "expired-token",
        r"ExpiredToken|security token included in the request is expired|token has expired|SSO session.{0,80}expired",
        "the AWS credentials expired.",
        "Log in again (aws sso login, or fetch new credentials) and deploy again; what is there already stays.",
    ),
    _cause(
        "no-credentials",
        r"Unable to resolve AWS account|no credentials have been configured|Could not load credentials|"
        r"InvalidClientTokenId|UnrecognizedClientException|security token included in the request is invalid",
        "AWS did not accept the credentials, or there were none.",
        "Log in, or name a profile (profile=, AWS_PROFILE), and try `aws sts get-caller-identity` first.",
    ),
    _cause(
        "not-bootstrapped",
        r"SSM parameter /cdk-bootstrap/\S+ not found|has the environment been bootstrapped|"
        r"Is account .{0,40} bootstrapped|No bucket named 'cdk-|is not bootstrapped",
        "account {account} is not bootstrapped for the CDK in {region}.",
        f"Run once: {CDK_CLI} bootstrap aws://{{account}}/{{region}}   and deploy again.",
    ),
    _cause(
        "cli-too-old",
        r"Cloud assembly schema version mismatch|CLI is not compatible with the CDK library|"
        r"Maximum schema version supported is",
        "the CDK CLI is too old for the aws-cdk-lib that is installed here.",
        "Install a newer one in the project: npm install --save-dev aws-cdk@2   and deploy again.",
    ),
    _cause(
        "docker",
        r"Cannot connect to the Docker daemon|docker: command not found|spawn docker ENOENT|docker exited with",
        "the image could not be built or pushed: Docker does not run here.",
        "Start Docker (cdk-modelbuilder doctor says what is missing) and deploy again.",
        Source.CLI,
    ),
    # States of the stack that refuse any work.
    _cause(
        "stack-update-rollback-failed",
        r"UPDATE_ROLLBACK_FAILED",
        "the stack {stack} is in UPDATE_ROLLBACK_FAILED: going back after a failed update failed too.",
        "Mend what its events name, then run: cdk-modelbuilder rollback {name}   (it continues the rollback), and "
        "deploy again.",
    ),
    _cause(
        "stack-rollback-complete",
        r"is in ROLLBACK_COMPLETE state|is in the ROLLBACK_COMPLETE|ROLLBACK_COMPLETE state and can ?not be updated",
        "the stack {stack} is what a failed creation left behind; CloudFormation does not update it.",
        "Run: cdk-modelbuilder destroy {name}   and deploy again.",
    ),
    _cause(
        "stack-busy",
        r"is in \w+_IN_PROGRESS state and can ?not be updated|another (?:deployment|update) is in progress",
        "the stack {stack} is being changed by somebody else.",
        "Wait for it (cdk-modelbuilder status {name}) and deploy again.",
    ),
    # What SageMaker refuses when the endpoint is made.
    _cause(
        "quota",
        r"account-level service limit '(?P<quota>[^']+)' is (?P<limit>[\d.]+)"
        r"(?:.{0,40}current utilization of (?P<used>[\d.]+).{0,40}request delta of (?P<delta>[\d.]+))?",
        "the account's quota '{quota}' is {limit}, and this deployment needs more.",
        "Ask for more:\n"
        "  aws service-quotas request-service-quota-increase --region {region} --service-code sagemaker \\\n"
        '    --desired-value {more} --quota-code "$(aws service-quotas list-service-quotas --region {region} \\\n'
        '    --service-code sagemaker --query "Quotas[?QuotaName==\'{quota}\'].QuotaCode" --output text)"\n'
        "or deploy with another instance_type= that the account may have; the stack goes back by itself until then.",
        *_ANYWHERE,
    ),
    _cause(
        "capacity",
        r"InsufficientInstanceCapacity|Unable to provision requested ML compute capacity|"
        r"InsufficientCapacity|insufficient (?:instance )?capacity|Request to service failed.{0,60}capacity",
        "AWS has no free {instance_type} in {region} at the moment; this is no limit of the account.",
        "Try again later, or deploy with another instance_type= or in another region.",
        *_ANYWHERE,
    ),
    _cause(
        "model-data",
        r"Could not find model data|Could not access model data|Failed to download model data|"
        r"The specified key does not exist|Unable to locate at least 1 object|model data.{0,60}(?:not found|denied)",
        "SageMaker could not read the model data in S3: {said}",
        "See that it is there (cdk-modelbuilder publish), in this region, and that the endpoint's role may read it "
        "(s3:GetObject, and kms:Decrypt for a key of your own); then deploy again.",
        Source.REASON,
    ),
    _cause(
        "image",
        r"CannotPullContainer|Error pulling image|"
        r"(?:repository|image).{0,200}(?:does not exist|not found|does not grant|no (?:basic auth|permission))|"
        r"ecr:(?:BatchGetImage|GetDownloadUrlForLayer|GetAuthorizationToken|BatchCheckLayerAvailability)",
        "SageMaker could not pull the container's image: {said}",
        "See that the image is in this region (cdk-modelbuilder images), and that the endpoint's role and the "
        "repository's policy allow ecr:BatchGetImage and ecr:GetDownloadUrlForLayer; then deploy again.",
        Source.REASON,
    ),
    _cause(
        "role",
        r"Could not assume role (?P<role>[^\s.,]+)|role with name (?P<name_of_role>\S+) cannot be found|"
        r"Role (?P<role_found>\S+) (?:not found|does not exist)|is not authorized to perform: iam:PassRole",
        "the endpoint's role cannot be used: {said}",
        "See that it exists in this account, that its trust policy names sagemaker.amazonaws.com, and that whoever "
        "deploys may iam:PassRole it; or leave role= out for a new one. Then deploy again.",
        Source.REASON,
    ),
    _cause(
        "name-taken",
        r"Cannot create already existing (?:endpoint|model|inference component)|"
        r"(?P<taken>[\w./:-]+) already exists|AlreadyExists|already exists in stack",
        "a name is taken by something that is not of the stack {stack}: {said}",
        "Choose another endpoint_name= (--endpoint-name), or remove what has the name; then deploy again.",
        Source.REASON,
    ),
    _cause(
        "permission",
        r""
        r"(?:User: (?P<who>\S+) is )?not authorized to perform:? (?P<action>[\w-]+:[\w*]+)"
        r"(?: on (?:resource:? ?)?(?P<resource>[^\s,;]+))?",
        "AWS did not allow {action} on {resource}.",
        "Ask who manages the account to allow {action} on {resource} to {who}; then deploy again.",
        Source.REASON,
        Source.CLI,
    ),
    _cause(
        "golden-test",
        r"Custom::ModelBuilderGoldenTest: ?(?P<answer>[^\n]{0,400})",
        "the endpoint came up, and did not pass its golden test: {answer}.",
        "Compare with a run here: cdk-modelbuilder run {bundle}. The endpoint keeps serving the model before.",
        Source.REASON,
    ),
    # What the container does: its own words first, for SageMaker's are the same for all of these.
    _cause(
        "key",
        r"keys push`|lacks .{0,80}, so the model cannot be verified|must say how to check the signature|"
        r"was signed with key \S+, but key",
        "the container could not verify the model, as it was given another key, or none: {said}",
        "Run: cdk-modelbuilder keys push {bundle}   and deploy again with ModelEndpoint, which hands it over.",
        Source.LOG,
    ),
    _cause(
        "tampered",
        r"model verification failed|model folder was refused|IntegrityError|were signed\b|was not signed|"
        r"was changed (?:after signing|or cut)|"
        r"is not the one that was reviewed|is not the pinned|changed after signing|is neither a file nor a folder|"
        r"a model folder holds files only|Restore the published artifact|is missing\. Restore|is not a regular file",
        "the container refused the model: its files are not those that were signed and reviewed.",
        "Find out who wrote to the bucket. Then build again, or restore the bundle, and deploy; nothing unverified was "
        "loaded.",
        Source.LOG,
        Source.REASON,
    ),
    _cause(
        "out-of-memory",
        r"\bOOM\b|out of memory|OutOfMemory|MemoryError|Cannot allocate memory|std::bad_alloc|"
        r"(?:exit(?:ed)?(?: with)?(?: code| status)?|code|signal)[ :=]*(?:137|-9\b|9 \(SIGKILL|SIGKILL)|Killed process",
        "the container ran out of memory on {instance_type}.",
        "Deploy with an instance_type= of more memory (more accelerator memory, if the log speaks of CUDA), or with "
        "fewer workers in environment=.",
        Source.LOG,
        Source.REASON,
    ),
    _cause(
        "packages",
        r"No matching distribution found|Could not find a version that satisfies|ModuleNotFoundError|"
        r"ImportError: |Could not install packages|pip.{0,40}(?:Read timed out|NewConnectionError)",
        "the container lacks a package: {said}",
        'See what the model needs (cdk-modelbuilder deps), build with dependencies={{"packaging": "wheels"}} if the '
        "container has no network, and deploy again.",
        Source.LOG,
    ),
    _cause(
        "inference-code",
        r"Traceback \(most recent call last\)|Worker failed|model_fn|Failed to load model|Load model failed|"
        r"Backend worker process died",
        "the model's code failed in the container: {said}",
        "Run it here the same way: cdk-modelbuilder run {bundle} --container   (or --strict, without Docker). "
        "Then build and deploy again.",
        Source.LOG,
    ),
    _cause(
        "ping",
        r"did not pass the ping health check|ping health check|failed to pass the health check|"
        r"container startup health check",
        "the container did not answer its health check within {startup} s.",
        "Read its log: cdk-modelbuilder logs {name}. A large model needs a longer startup time; no log at all means "
        "that the image did not start.",
        Source.REASON,
    ),
    _cause(
        "network",
        r"ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|getaddrinfo|socket hang up|Could not connect to the "
        r"endpoint URL",
        "AWS could not be reached from here.",
        "Check the network and the proxy (HTTPS_PROXY), and deploy again; what is there already stays.",
        Source.CLI,
    ),
)
