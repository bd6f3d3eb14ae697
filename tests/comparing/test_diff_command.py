"""`cdk-modelbuilder diff` as a user runs it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys

import pytest

from tests.comparing.homes import build_homes, commit
from tests.test_cli import run


def test_help_names_every_word():
    text = run("diff", "--help").stdout
    assert "Example: cdk-modelbuilder diff main HEAD --path build/churn" in text
    for word in ("--path", "--bundles", "--fail-on", "--exit-code", "--max-lines", "--max-chars", "--show-values",
                 "--json", "widened", "breaking", "schema", "iam", "Exit codes"):  # fmt: skip
        assert word in text


def test_nothing_is_printed_when_nothing_changed(homes, tmp_path):
    copy = tmp_path / "elsewhere" / "renamed"
    shutil.copytree(homes.path, copy)
    again = run("diff", homes.path, copy, "--exit-code", "--fail-on", "model")
    assert (again.stdout, again.stderr) == ("", "")
    assert json.loads(run("diff", homes.path, copy, "--json").stdout) == {}


def test_what_a_person_reads(homes, other_homes):
    text = run("diff", homes.path, other_homes.path).stdout
    assert text.startswith(f"### Bundle `homes`\n\nmodel digest `{homes.root_sha256[:12]}` →")
    assert text.endswith("\n")


def test_what_a_machine_reads(homes, other_homes):
    found = json.loads(run("diff", homes.path, other_homes.path, "--json").stdout)
    assert found["changed"] == ["follows", "golden", "model"]
    (part,) = found["parts"]
    digest = part["sections"][0]["groups"][0]["changes"][0]
    assert digest == {
        "what": "root digest", "old": homes.root_sha256, "new": other_homes.root_sha256, "marks": [], "note": "",
    }  # fmt: skip


def test_exit_codes(homes, other_homes, tmp_path):
    words = ("diff", homes.path, other_homes.path)
    run(*words, status=0)
    assert run(*words, "--exit-code", status=1).stderr == ""
    assert run(*words, "--fail-on", "golden, schema", status=1).stderr == "changed: golden\n"
    assert run(*words, "--fail-on", "iam,breaking").returncode == 0
    unknown = run(*words, "--fail-on", "everything", status=2).stderr
    assert "--fail-on does not know 'everything'" in unknown
    assert "breaking" in unknown
    # What could not be compared is told from what changed.
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/bundle.json").write_text("{")
    failed = run("diff", tmp_path / "odd", homes.path, "--json", status=2)
    assert set(json.loads(failed.stderr)) == {"error", "remedy"}
    assert failed.stdout == ""
    assert "Invalid value for '--max-chars'" in run(*words, "--max-chars", "10", status=2).stderr


def test_fail_on_a_breaking_schema(homes, tmp_path):
    wider = build_homes(tmp_path / "wider", columns={"size": [1.0, 2, 3], "rooms": [1, 2, 3], "age": [1, 2, 3]})
    done = run("diff", homes.path, wider.path, "--fail-on", "breaking,iam", status=1)
    assert done.stderr == "changed: breaking\n"
    assert "**breaking** column: added `age int64`" in done.stdout


def test_commits(repository, homes, other_homes):
    for number, bundle in enumerate((homes, other_homes)):
        shutil.rmtree(repository / "build", ignore_errors=True)
        shutil.copytree(bundle.path, repository / "build/homes")
        commit(repository, str(number))
    by_path = run("diff", "HEAD~1", "HEAD", "--path", "build/homes", cwd=repository).stdout
    assert by_path == run("diff", homes.path, other_homes.path).stdout
    assert run("diff", "HEAD:build", "build", cwd=repository).stdout == ""


def test_limits(homes, other_homes):
    text = run("diff", homes.path, other_homes.path, "--max-chars", "1000").stdout
    assert len(text) <= 1000


def test_nothing_heavy_is_loaded(homes, other_homes):
    code = (
        "import sys; from cdk_modelbuilder.comparing import compare, report_markdown; "
        f"report_markdown(compare({str(homes.path)!r}, {str(other_homes.path)!r})); print(*sys.modules)"
    )
    modules = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"numpy", "pandas", "sklearn", "xgboost", "boto3", "botocore", "aws_cdk", "jsii", "jinja2", "uvicorn"}
    assert not heavy & set(modules)


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_comes_in_both_spellings(option):
    assert "Usage" in run("diff", option).stdout
