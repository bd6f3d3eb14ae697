"""Following a stack while it is made: events, the container's lines, the end, and Ctrl-C. Inside the test process."""

import json
import os
import sys
import threading

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from cdk_modelbuilder.deploying.account import Account
from cdk_modelbuilder.deploying.cdk_tool import CdkTool
from cdk_modelbuilder.deploying.child import Child
from cdk_modelbuilder.deploying.engine import follow_child
from cdk_modelbuilder.deploying.kept import Kept, Outcome
from cdk_modelbuilder.deploying.stack import Stack
from cdk_modelbuilder.deploying.target import Target
from cdk_modelbuilder.errors import DeploymentError
from tests.aws_stand_in import client, mended_aws
from tests.deploying.conftest import PING
from tests.deploying.test_bad_input import endpoint_template
from tests.deploying.test_kept import PLAN, assembly


class Notes:
    """A watcher that keeps what it is told, and may have enough of it."""

    def __init__(self, *, enough_at=None):
        self.steps, self.events, self.lines = [], [], []
        self.enough_at = enough_at

    def step(self, text):
        self.steps.append(text)

    def event(self, event):
        self.events.append(event)

    def log(self, line):
        self.lines.append(line.text)
        if line.text == self.enough_at:
            raise KeyboardInterrupt

    def close(self):
        pass


class Deploying:
    """A change set that is executed in a thread, and a process in the CDK CLI's place that ends with it."""

    def __init__(self, tmp_path, bundle, *, status=0, **start):
        text = json.dumps(start)
        client("ssm").put_parameter(Name="/stand-in/endpoint-start", Value=text, Type="String", Overwrite=True)
        account = Account.open()
        self.kept = Kept(tmp_path / "apps", "lines")
        self.entry = self.kept.begin(bundle, assembly(tmp_path / "assembly", 1), PLAN)
        self.bundle = bundle
        stack = Stack(client("cloudformation"), "lines-endpoint")
        self.target = Target("lines", account, self.kept, None, stack, "lines", ())
        self.flag = tmp_path / "done"
        wait = f"while not os.path.exists({str(self.flag)!r}): time.sleep(0.02)"
        code = f"import os, time\n{wait}\nraise SystemExit({status})"
        self.code, self.folder, self.child = code, tmp_path, None
        client("cloudformation").create_change_set(
            StackName="lines-endpoint",
            ChangeSetName="first",
            ChangeSetType="CREATE",
            TemplateBody=json.dumps(endpoint_template("lines")),
        )
        self.thread = threading.Thread(target=self.execute)

    def start(self):
        self.child = Child(CdkTool(sys.executable, "-c", ""), [self.code], self.folder, dict(os.environ))
        self.thread.start()
        return self.child

    def execute(self):
        client("cloudformation").execute_change_set(ChangeSetName="first", StackName="lines-endpoint")
        self.flag.write_text("")

    def follow(self, notes, **options):
        try:
            return follow_child(
                self.target, self.bundle, self.entry, self.start, notes, doing="the deployment of lines", pause=0.02,
                **options,
            )  # fmt: skip
        finally:
            self.thread.join()

    @property
    def outcome(self):
        return self.kept.history()[-1].outcome


@pytest.fixture(autouse=True)
def account():
    with mended_aws():
        yield


def test_events_and_lines_are_seen_in_order(tmp_path, line_bundles):
    notes = Notes()
    deploying = Deploying(tmp_path, line_bundles.first, seconds=0.5, log=["loading", "ready"])
    seen = deploying.follow(notes)
    assert seen.state.status == "CREATE_COMPLETE"
    assert notes.lines == ["loading", "ready"]
    told = [(event.logical_id, event.status) for event in notes.events]
    assert told[0] == ("lines-endpoint", "CREATE_IN_PROGRESS")
    assert told[-1] == ("lines-endpoint", "CREATE_COMPLETE")
    assert told[1:-1] == [(name, f"CREATE_{how}") for name in ("M", "C", "E") for how in ("IN_PROGRESS", "COMPLETE")]
    assert len({event.id for event in notes.events}) == len(notes.events)
    assert deploying.outcome is Outcome.DEPLOYED


def test_a_failure_has_the_first_resource_and_the_containers_words(tmp_path, line_bundles):
    deploying = Deploying(
        tmp_path, line_bundles.first, status=1, seconds=0.2, log=["the model folder was refused: x"], fails=PING
    )
    with pytest.raises(DeploymentError) as failed:
        deploying.follow(Notes(), instance_type="ml.m5.large")
    assert failed.value.cause == "tampered"
    assert "First to fail: E (AWS::SageMaker::Endpoint), CREATE_FAILED" in failed.value.what
    assert "the model folder was refused: x" in failed.value.what
    assert "ROLLBACK_COMPLETE" in failed.value.what
    assert deploying.outcome is Outcome.FAILED


def test_ctrl_c_detaches_and_the_deployment_goes_on(tmp_path, line_bundles):
    notes = Notes(enough_at="loading")
    deploying = Deploying(tmp_path, line_bundles.first, seconds=0.5, log=["loading", "ready"])
    with pytest.raises(KeyboardInterrupt):
        deploying.follow(notes)
    assert deploying.child.returncode is not None  # the CLI is of no more use
    assert "CloudFormation goes on" in notes.steps[-1]
    assert "cdk-modelbuilder logs lines --follow" in notes.steps[-1]
    assert deploying.target.state().status == "CREATE_COMPLETE"
    assert deploying.outcome is Outcome.UNKNOWN  # until somebody looks


def test_without_waiting_it_returns_when_cloudformation_has_begun(tmp_path, line_bundles):
    notes = Notes()
    deploying = Deploying(tmp_path, line_bundles.first, seconds=1, log=["ready"])
    seen = deploying.follow(notes, wait=False)
    assert seen.state.is_moving
    assert notes.lines == []
    assert "logs lines --follow" in notes.steps[-1]


def test_ctrl_c_before_cloudformation_begins_stops_it(tmp_path, line_bundles):
    deploying = Deploying(tmp_path, line_bundles.first)

    class Impatient(Notes):
        def step(self, text):
            super().step(text)
            if text.startswith("publishing"):
                raise KeyboardInterrupt

    deploying.code = "print('lines-endpoint: start: Publishing Endpoint/Model/model.tar.gz (1-x)', flush=True); input()"
    deploying.thread = threading.Thread(target=lambda: None)
    notes = Impatient()
    with pytest.raises(KeyboardInterrupt):
        deploying.follow(notes)
    assert notes.steps == [
        "publishing Endpoint/Model/model.tar.gz",
        "stopped before CloudFormation began: the stack is as it was.",
    ]
    assert deploying.target.state().status == "REVIEW_IN_PROGRESS"


THROTTLED = {"Error": {"Code": "Throttling", "Message": "Rate exceeded"}, "ResponseMetadata": {"HTTPStatusCode": 400}}


@pytest.mark.parametrize(
    "error",
    [EndpointConnectionError(endpoint_url="https://example.com"), ClientError(THROTTLED, "DescribeStackEvents")],
)
def test_a_network_that_is_gone_for_a_while(tmp_path, line_bundles, monkeypatch, error):
    events, asked = Stack.events, []

    def sometimes(self, **options):
        asked.append(1)
        if 1 < len(asked) < 5:
            raise error
        return events(self, **options)

    monkeypatch.setattr(Stack, "events", sometimes)
    notes = Notes()
    deploying = Deploying(tmp_path, line_bundles.first, seconds=0.3, log=["ready"])
    assert deploying.follow(notes).state.status == "CREATE_COMPLETE"
    assert [step for step in notes.steps if "no answer" in step] == [notes.steps[0]]
    assert notes.lines == ["ready"]


def test_events_that_must_not_be_seen_are_no_failure(tmp_path, line_bundles, monkeypatch):
    def denied(*_, **__):
        error = {"Code": "AccessDenied", "Message": "not authorized to perform: cloudformation:DescribeStackEvents"}
        raise ClientError({"Error": error}, "DescribeStackEvents")

    deploying = Deploying(tmp_path, line_bundles.first)
    monkeypatch.setattr(Stack, "events", denied)
    notes = Notes()
    seen = deploying.follow(notes)
    assert seen.state is None
    assert "cloudformation:DescribeStackEvents" in notes.steps[0]
    assert deploying.outcome is Outcome.DEPLOYED
