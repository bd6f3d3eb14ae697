"""Lines of containers: each once, in order, whenever they come; against moto's CloudWatch Logs."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from cdk_modelbuilder.deploying.log_lines import LogLine, LogReader, log_groups
from cdk_modelbuilder.deploying.watching import log_line, printable
from tests.aws_stand_in import client, mended_aws

GROUP = "/aws/sagemaker/Endpoints/lines"


@pytest.fixture
def logs():
    with mended_aws():
        yield client("logs")


def write(logs, stream, *lines, ago=0.0, group=GROUP):
    for call, names in ((logs.create_log_group, {}), (logs.create_log_stream, {"logStreamName": stream})):
        with suppress(logs.exceptions.ResourceAlreadyExistsException):
            call(logGroupName=group, **names)
    at = int((time.time() - ago) * 1000)
    events = [{"timestamp": at + number, "message": line} for number, line in enumerate(lines)]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def reader(logs, *, minutes=10, groups=(GROUP,)):
    return LogReader(logs, groups, since=datetime.now(UTC) - timedelta(minutes=minutes))


def test_a_group_that_comes_later_and_lines_that_come_late(logs):
    found = reader(logs)
    assert found.read() == []  # no such group yet
    write(logs, "AllTraffic/i-1", "one", "two")
    assert [line.text for line in found.read()] == ["one", "two"]
    assert found.read() == []
    write(logs, "AllTraffic/i-2", "late", ago=5)
    write(logs, "AllTraffic/i-1", "three")
    assert [line.text for line in found.read()] == ["late", "three"]


def test_many_lines_come_each_once(logs):
    write(logs, "AllTraffic/i-1", *(f"line {number}" for number in range(9000)))
    found = reader(logs)
    texts = [line.text for line in found.read()] + [line.text for line in found.read()]
    assert texts == [f"line {number}" for number in range(9000)]


def test_since_leaves_out_what_is_older(logs):
    write(logs, "AllTraffic/i-1", "old", ago=3600)
    write(logs, "AllTraffic/i-1", "new")
    assert [line.text for line in reader(logs).read()] == ["new"]
    assert [line.text for line in reader(logs, minutes=120).read()] == ["old", "new"]


def test_containers_that_run_already_are_left_out_of_a_deployment(logs):
    write(logs, "AllTraffic/i-old", "an answer")
    found = reader(logs)
    found.begin()
    write(logs, "AllTraffic/i-old", "another answer")
    write(logs, "AllTraffic/i-new", "loading")
    assert [line.text for line in found.read()] == ["loading"]


def test_components_have_groups_of_their_own(logs):
    groups = log_groups("lines", ["lines-model"])
    assert groups == (GROUP, "/aws/sagemaker/InferenceComponents/lines-model")
    write(logs, "AllTraffic/i-1", "from a copy", group=groups[1])
    (line,) = reader(logs, groups=groups).read()
    assert line.source == "lines-model"


class Searches:
    """CloudWatch Logs that gives many empty pages before there is something."""

    def filter_log_events(self, *, nextToken="0", **_):
        number = int(nextToken)
        if number < 100:
            return {"events": [], "nextToken": str(number + 1)}
        now = int(time.time() * 1000)
        return {"events": [{"eventId": "1", "timestamp": now, "message": "found", "logStreamName": "v/i"}]}


def test_empty_pages_are_no_end():
    assert [line.text for line in reader(Searches()).read()] == ["found"]


class Denies:
    """CloudWatch Logs of an account in which the caller may not read."""

    def filter_log_events(self, **_):
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "FilterLogEvents")


def test_a_log_that_must_not_be_read_is_no_failure():
    found = reader(Denies())
    assert found.read() == []
    assert "not authorized" in found.denied


def test_a_line_cannot_take_over_the_terminal():
    line = LogLine(
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), GROUP, "AllTraffic/i-1", "\x1b]0;title\x07\x1b[2Jred\ttab"
    )
    assert log_line(line) == "03:04:05  AllTraffic: �]0;title��[2Jred\ttab"
    assert printable("Größe 東京 é") == "Größe 東京 é"
