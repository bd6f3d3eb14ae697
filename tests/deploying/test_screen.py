"""What a deployment looks like: plain lines in a pipe, a live list on a terminal."""

import io
import os
import pty
import threading
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.deploying.engine import _in_tenths
from cdk_modelbuilder.deploying.log_lines import LogLine
from cdk_modelbuilder.deploying.screen import Screen
from cdk_modelbuilder.deploying.stack import StackEvent
from cdk_modelbuilder.deploying.watching import Callbacks, event_line

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LINE = LogLine(NOW, "/aws/sagemaker/Endpoints/lines", "AllTraffic/i-1", "ready \x1b[2Jnow")


def event(status, reason="", name="Endpoint4747", kind="AWS::SageMaker::Endpoint"):
    return StackEvent(f"{name}-{status}", NOW, name, "x", kind, status, reason)


def show(screen):
    screen.step("the key k is in the secret s")
    screen.event(event("CREATE_IN_PROGRESS"))
    screen.log(LINE)
    screen.event(event("CREATE_FAILED", "no\nroom"))
    screen.close()


def test_plain_lines_elsewhere():
    stream = io.StringIO()
    show(Screen(stream))
    assert stream.getvalue().splitlines() == [
        "the key k is in the secret s",
        "03:04:05  CREATE_IN_PROGRESS            SageMaker::Endpoint                 Endpoint4747",
        "03:04:05  AllTraffic: ready �[2Jnow",
        "03:04:05  CREATE_FAILED                 SageMaker::Endpoint                 Endpoint4747: no room",
    ]


def test_quiet_shows_nothing():
    stream = io.StringIO()
    show(Screen(stream, quiet=True))
    assert stream.getvalue() == ""


def test_a_terminal_has_what_moves_below(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "150")
    monkeypatch.delenv("NO_COLOR", raising=False)
    ours, theirs = pty.openpty()
    seen = bytearray()

    def read():
        try:
            while piece := os.read(ours, 65536):
                seen.extend(piece)
        except OSError:  # the other end is closed
            pass

    reader = threading.Thread(target=read)
    reader.start()
    with open(theirs, "w") as stream:  # noqa: PTH123 - a descriptor
        show(Screen(stream))
    reader.join()
    os.close(ours)
    text = seen.decode()
    assert "CREATE_IN_PROGRESS" in text
    assert "\x1b[31m" in text  # a failure is red
    assert "ready �[2Jnow" in text
    assert text.index("AllTraffic") < text.index("CREATE_FAILED")


words = st.text(max_size=60)


@given(status=words, reason=words, name=words, kind=words)
def test_an_event_is_one_line_whatever_it_says(status, reason, name, kind):
    text = event_line(event(status, reason, name, kind))
    assert len(text.splitlines()) == 1
    assert text.isprintable() or "\t" in text
    stream = io.StringIO()
    screen = Screen(stream)
    screen.event(event(status, reason, name, kind))
    screen.step(reason)
    assert stream.getvalue().count("\n") == 2


@given(done=st.lists(st.integers(0, 1 << 34), max_size=40), total=st.sampled_from([0, 1000, 1 << 28, 1 << 34]))
def test_progress_of_an_upload_is_told_now_and_then(done, total):
    steps = []
    progress = _in_tenths(Callbacks(steps.append, None))
    for count in sorted(min(count, total) for count in done):
        progress("uploading", count, total)
    assert len(steps) <= 10
    assert total >= 1 << 28 or steps == []


def test_functions_get_lines():
    steps, lines = [], []
    show(Callbacks(steps.append, lines.append))
    assert lines == [LINE.text]
    assert steps[-1] == event_line(event("CREATE_FAILED", "no room"))
    show(Callbacks(None, None))
