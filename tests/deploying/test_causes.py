"""Which cause a failed deployment has, by what AWS, the container and the CDK CLI say. Wordings as they were seen."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.deploying.causes import CAUSES, Source
from cdk_modelbuilder.deploying.diagnosis import Evidence, diagnose
from tests.deploying.conftest import PING

FACTS = {
    "name": "churn", "stack": "churn-endpoint", "account": "123456789012", "region": "eu-west-1",
    "endpoint": "churn", "instance_type": "ml.g5.xlarge", "bundle": "build/churn", "startup": "480",
    "who": "arn:aws:iam::123456789012:user/eva",
}  # fmt: skip
QUOTA = (
    "Resource handler returned message: \"The account-level service limit 'ml.g5.xlarge for endpoint usage' is 0 "
    "Instances, with current utilization of 2 Instances and a request delta of 3 Instances. Please use AWS Service "
    'Quotas to request an increase for this quota. (Service: SageMaker, Status Code: 400)" (HandlerErrorCode: '
    "ServiceLimitExceeded)"
)
CASES = [
    (
        "quota",
        {
            Source.REASON: QUOTA,
        },
        ["ml.g5.xlarge for endpoint usage", "is 0", "--desired-value 5", "eu-west-1"],
    ),
    (
        "capacity",
        {
            Source.REASON: "Unable to provision requested ML compute capacity due to "
            "InsufficientInstanceCapacity error. Please retry using a different ML instance "
            "type.",
        },
        ["no free ml.g5.xlarge in eu-west-1"],
    ),
    (
        "model-data",
        {
            Source.REASON: "Could not find model data at s3://bucket/churn/model.tar.gz.",
        },
        ["s3://bucket/churn/model.tar.gz", "kms:Decrypt"],
    ),
    (
        "model-data",
        {
            Source.REASON: "Could not access model data at s3://b/model.tar.gz. Please ensure that the "
            'role "arn:aws:iam::1:role/r" exists and that its trust relationship policy '
            'allows the action "sts:AssumeRole"',
        },
        ["s3:GetObject"],
    ),
    (
        "image",
        {
            Source.REASON: "The repository 123.dkr.ecr.eu-west-1.amazonaws.com/x:1 does not grant "
            "ecr:GetDownloadUrlForLayer, ecr:BatchGetImage, ecr:BatchCheckLayerAvailability "
            "permission to sagemaker.amazonaws.com service principal.",
        },
        ["123.dkr.ecr", "ecr:BatchGetImage"],
    ),
    (
        "image",
        {
            Source.REASON: "Requested image 123.dkr.ecr.eu-west-1.amazonaws.com/x:2 not found.",
        },
        ["x:2"],
    ),
    (
        "name-taken",
        {
            Source.REASON: 'Cannot create already existing endpoint "arn:aws:sagemaker:eu-west-1:1:endpoint/churn".',
        },
        ["endpoint/churn", "--endpoint-name"],
    ),
    (
        "name-taken",
        {
            Source.REASON: "churn-role already exists in stack arn:aws:cloudformation:eu-west-1:1:stack/other/x",
        },
        ["stack/other"],
    ),
    (
        "permission",
        {
            Source.REASON: "User: arn:aws:sts::1:assumed-role/cdk-exec/x is not authorized to perform: "
            "sagemaker:CreateEndpoint on resource: "
            "arn:aws:sagemaker:eu-west-1:1:endpoint/churn because no identity-based policy "
            "allows the sagemaker:CreateEndpoint action",
        },
        ["sagemaker:CreateEndpoint", "arn:aws:sagemaker:eu-west-1:1:endpoint/churn"],
    ),
    (
        "permission",
        {
            Source.CLI: "User: arn:aws:iam::1:user/eva is not authorized to perform: "
            "cloudformation:DescribeStacks on resource: "
            "arn:aws:cloudformation:eu-west-1:1:stack/churn-endpoint/*",
        },
        ["cloudformation:DescribeStacks", "user/eva"],
    ),
    (
        "tampered",
        {
            Source.REASON: PING,
            Source.LOG: "model verification failed: model.ubj was changed after signing: its SHA-256 is "
            "not the listed one.",
        },
        ["refused the model", "bucket"],
    ),
    (
        "tampered",
        {
            Source.REASON: PING,
            Source.LOG: "IntegrityError: model.ubj has 3 bytes, but 5 were signed.",
        },
        ["refused the model", "bucket"],
    ),
    (
        "out-of-memory",
        {
            Source.REASON: PING,
            Source.LOG: "loading\ntorch.cuda.OutOfMemoryError: CUDA out of memory.",
        },
        ["ml.g5.xlarge", "instance_type="],
    ),
    (
        "out-of-memory",
        {
            Source.REASON: PING,
            Source.LOG: "Worker (pid:17) was sent SIGKILL! Perhaps out of memory?",
        },
        ["ran out of memory"],
    ),
    (
        "packages",
        {
            Source.REASON: PING,
            Source.LOG: 'Traceback (most recent call last):\n  File "x"\nModuleNotFoundError: No module '
            "named 'lightgbm'",
        },
        ["No module named 'lightgbm'", '"wheels"'],
    ),
    (
        "inference-code",
        {
            Source.REASON: PING,
            Source.LOG: 'Traceback (most recent call last):\n  File "/opt/ml/model/code/inference.py", '
            "line 3, in model_fn\n    raise ValueError(x)\nValueError: no weights",
        },
        ["ValueError: no weights", "cdk-modelbuilder run build/churn"],
    ),
    (
        "ping",
        {
            Source.REASON: PING,
        },
        ["480 s", "cdk-modelbuilder logs churn"],
    ),
    (
        "golden-test",
        {
            Source.REASON: "Custom::ModelBuilderGoldenTest: Received response status [FAILED] from "
            "custom resource. Message returned: "
            "OtherAnswerError: the golden test of churn: [1.0] instead of [2.0]",
        },
        ["instead of"],
    ),
    (
        "stack-rollback-complete",
        {
            Source.CLI: "ValidationError: "
            "Stack:arn:aws:cloudformation:eu-west-1:1:stack/churn-endpoint/x is in "
            "ROLLBACK_COMPLETE state and can not be updated.",
        },
        ["destroy churn"],
    ),
    (
        "stack-busy",
        {
            Source.CLI: "Stack:arn:x is in UPDATE_IN_PROGRESS state and can not be updated.",
        },
        ["status churn"],
    ),
    (
        "stack-update-rollback-failed",
        {
            Source.CLI: "❌ churn-endpoint failed: The stack named churn-endpoint is in a failed state: "
            "UPDATE_ROLLBACK_FAILED",
        },
        ["rollback churn"],
    ),
    (
        "not-bootstrapped",
        {
            Source.CLI: "❌  Deployment failed: Error: churn-endpoint: SSM parameter "
            "/cdk-bootstrap/hnb659fds/version not found. Has the environment been "
            "bootstrapped? Please run 'cdk bootstrap'",
        },
        ["bootstrap aws://123456789012/eu-west-1"],
    ),
    (
        "no-credentials",
        {
            Source.CLI: "Unable to resolve AWS account to use. It must be either configured when you "
            "define your CDK Stack, or through the environment",
        },
        ["aws sts get-caller-identity"],
    ),
    (
        "expired-token",
        {
            Source.CLI: "ExpiredToken: The security token included in the request is expired",
        },
        ["aws sso login"],
    ),
    (
        "cli-too-old",
        {
            Source.CLI: "This CDK CLI is not compatible with the CDK library used by your application. "
            "Please upgrade the CLI to the latest version. (Cloud assembly schema version "
            "mismatch: Maximum schema version supported is 43.x.x, but found 55.0.0)",
        },
        ["npm install --save-dev aws-cdk@2"],
    ),
    (
        "docker",
        {
            Source.CLI: "Error: spawn docker ENOENT",
        },
        ["doctor"],
    ),
    (
        "network",
        {
            Source.CLI: "Error: getaddrinfo ENOTFOUND sts.eu-west-1.amazonaws.com",
        },
        ["HTTPS_PROXY"],
    ),
    (
        "key",
        {
            Source.REASON: PING,
            Source.LOG: "the key in MODELBUILDER_KEY does not have the id 0123456789abcdef that "
            "MODELBUILDER_KEY_ID names. Push the bundle's own key: `cdk-modelbuilder keys "
            "push`.",
        },
        ["keys push build/churn"],
    ),
    (
        "role",
        {
            Source.REASON: "AWS::SageMaker::Model: Could not assume role arn:aws:iam::1:role/x. Please ensure that the "
            "role exists and allows principal 'sagemaker.amazonaws.com' to assume the role."
        },
        ["arn:aws:iam::1:role/x", "iam:PassRole"],
    ),
    (
        "role",
        {Source.REASON: "AWS::IAM::Policy: The role with name x cannot be found. (Service: Iam, Status Code: 404)"},
        ["role with name x", "leave role= out"],
    ),
]


@pytest.mark.parametrize(("cause", "said", "words"), CASES, ids=[f"{n}-{c[0]}" for n, c in enumerate(CASES)])
def test_each_cause_is_known_by_its_words_and_has_a_way_out(cause, said, words):
    found = diagnose(Evidence(said, FACTS))
    assert found is not None
    assert found.cause == cause
    text = f"{found.meaning} {found.remedy}"
    assert [word for word in words if word not in text] == []
    assert "{" not in text.replace('{"packaging": "wheels"}', "")


def test_every_cause_has_a_case():
    assert {cause.name for cause in CAUSES} == {name for name, _, _ in CASES}


def test_what_the_verifier_says_is_known(line_bundles, tmp_path):
    """The real messages of a container that refuses a bundle, not ones that somebody wrote down."""
    import shutil

    from cdk_modelbuilder.errors import IntegrityError

    def grown(file):
        file.write_bytes(file.read_bytes() + b"x")

    def flipped(file):
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)

    weights = next(path for path in line_bundles.first.model_dir.iterdir() if path.is_file()).name
    changes = {
        "grown": lambda folder: grown(folder / weights),
        "flipped": lambda folder: flipped(folder / weights),
        "removed": lambda folder: (folder / weights).unlink(),
        "added": lambda folder: (folder / "code" / "extra.py").write_text("x = 1\n"),
        "linked": lambda folder: (folder / "link").symlink_to("/etc/hostname"),
    }
    from cdk_modelbuilder import ModelBundle

    for name, change in changes.items():
        copy = tmp_path / name
        shutil.copytree(line_bundles.first.path, copy)
        change(copy / "model")
        with pytest.raises(IntegrityError) as refused:
            ModelBundle.read(copy).check_content()
        said = refused.value.remedy  # the verifier's own words, as the container writes them
        found = diagnose(Evidence({Source.REASON: PING, Source.LOG: said}, FACTS))
        assert found is not None, said
        assert found.cause == "tampered", said


def test_nothing_known_is_no_cause():
    assert diagnose(Evidence({Source.REASON: "Internal failure", Source.LOG: "hello"}, FACTS)) is None
    assert diagnose(Evidence({}, {})) is None


texts = st.text(string.printable, max_size=200) | st.sampled_from(
    [text for _, said, _ in CASES for text in said.values()]
)


@given(st.dictionaries(st.sampled_from(Source), texts | st.tuples(texts, texts).map("\n".join)))
def test_whatever_is_said_there_is_an_answer(said):
    """Braces and percent signs of a log are no formats, and facts that are not known are no error."""
    found = diagnose(Evidence(said, {}))
    assert found is None or (found.meaning and found.remedy)
