"""The two parsers of the page, in the browser, against Python's writers of the same formats."""

from __future__ import annotations

import base64
import csv
import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.local.gateway import event_stream
from tests.browser import open_browser
from tests.local.console.console_page import ConsolePage

pytestmark = pytest.mark.browser

OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
CELLS = st.text(st.characters(codec="utf-8"), max_size=8) | st.sampled_from(
    ['"', ",", "\r\n", "\n", "\r", "", '""', "a,b"]
)
TABLES = st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=5)


@pytest.fixture(scope="module")
def run(tmp_path_factory, targets):
    """Runs a script with the page's module ``name`` as ``module``; its last value comes back."""
    with open_browser(tmp_path_factory.mktemp("profile")) as browser:
        ConsolePage(browser, targets[0], "split")

        def script(name, words, *arguments):
            found = browser.execute_async_script(
                f"const done = arguments[arguments.length - 1];"
                f"import('/-/console/{name}').then((module) => {{ {words} }})"
                f".catch((error) => done('failed: ' + error));",
                *arguments,
            )
            assert not str(found).startswith("failed"), found
            return found

        yield script


@OFTEN
@given(rows=TABLES, ending=st.sampled_from(["\r\n", "\n"]))
def test_csv_is_read_as_python_writes_it(run, rows, ending):
    text = io.StringIO()
    # Only what ends a line of its own is put in quotes by itself.
    quoting = csv.QUOTE_ALL if ending == "\n" else csv.QUOTE_MINIMAL
    csv.writer(text, lineterminator=ending, quoting=quoting).writerows(rows)
    assert run("sheet.js", "done(module.readCsv(arguments[0]))", text.getvalue()) == rows


@OFTEN
@given(text=st.text(st.sampled_from('a,"\r\n')))
def test_no_text_keeps_the_reader_from_an_end(run, text):
    rows = run("sheet.js", "done(module.readCsv(arguments[0]))", text)
    assert rows is None or all(isinstance(cell, str) for row in rows for cell in row)


FRAMES = st.lists(
    st.one_of(
        st.binary(max_size=40).map(lambda payload: (event_stream.payload_part(payload), "PayloadPart", payload)),
        st.text(max_size=10).map(
            lambda words: (event_stream.exception("ModelStreamError", {"Message": words}), "ModelStreamError", None)
        ),
    ),
    max_size=5,
)


@OFTEN
@given(frames=FRAMES, size=st.integers(1, 200))
def test_frames_are_read_in_whatever_pieces_they_come(run, frames, size):
    data = b"".join(frame for frame, _, _ in frames)
    pieces = [base64.b64encode(data[start : start + size]).decode() for start in range(0, len(data), size)]
    found = run(
        "event_frames.js",
        "const reader = new module.EventFrames();"
        "const parts = arguments[0].map((text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));"
        "done(parts.flatMap((part) => reader.read(part)).map(({ headers, payload }) =>"
        " [headers[':event-type'] || headers[':exception-type'], [...payload]]))",
        pieces,
    )
    assert [name for name, _ in found] == [name for _, name, _ in frames]
    for (_, got), (_, _, payload) in zip(found, frames, strict=True):
        assert payload is None or bytes(got) == payload
