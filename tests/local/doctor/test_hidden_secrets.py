"""Command lines of other people's processes are shown without their secrets."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.local.doctor.hidden_secrets import without_secrets

TOKEN = "ghp_0123456789abcdefghijABCDEFGHIJ01"


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["python", "-m", "http.server", "8080"], "python -m http.server 8080"),
        (["psql", "--password", "hunter2", "-h", "x"], "psql --password *** -h x"),
        (["psql", "--password=hunter2"], "psql --password=***"),
        (["env", "API_KEY=hunter2", "PORT=1"], "env API_KEY=*** PORT=1"),
        (["serve", "--auth-token", "--verbose"], "serve --auth-token --verbose"),
        (["curl", "https://me:hunter2@example.com/a"], "curl https://***@example.com/a"),
        (["agent", TOKEN], "agent ***"),
        (["java", "-jar", "/opt/a/very/long/path/to/some/application-1.2.3.jar"],
         "java -jar /opt/a/very/long/path/to/some/application-1.2.3.jar"),
        (["a\nb", "c\x00"], "a b c\x00"),
    ],
)  # fmt: skip
def test_what_may_be_a_secret_is_not_shown(arguments, shown):
    assert without_secrets(arguments) == shown


@given(
    st.sampled_from(["--password", "--api-key", "-token", "--client_secret"]),
    st.text(string.ascii_letters + "äß!?&%", min_size=6),
    st.booleans(),
)
def test_no_value_of_such_an_option_is_shown(option, value, joined):
    value = f"<{value}>"
    arguments = ["x", f"{option}={value}"] if joined else ["x", option, value]
    assert value not in without_secrets(arguments)


def test_a_command_line_is_one_line_of_bounded_length():
    shown = without_secrets(["word"] * 1000)
    assert len(shown) <= 160
    assert shown.endswith("...")
