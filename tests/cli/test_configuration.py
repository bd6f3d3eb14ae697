"""Defaults of options in a file, its schema, and what is the same for all commands."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import subprocess
import sys

import click
import jsonschema
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.cli import output
from cdk_modelbuilder.cli.configuration import configurable, find_configuration
from cdk_modelbuilder.cli.configuration_schema import configuration_schema
from cdk_modelbuilder.cli.root_command import group
from cdk_modelbuilder.errors import UsageError


def run(*words, folder):
    runner = CliRunner()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        return runner.invoke(group, list(words), catch_exceptions=False, standalone_mode=False)


def leaves(command=group, words=()):
    """Every command that has options of its own, with its words."""
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from leaves(command.get_command(click.Context(command), name), (*words, name))
    else:
        yield words, command


COMMANDS = dict(leaves())


def test_options_come_from_the_nearest_file_and_the_command_line_wins(tmp_path, tumour_bundle):
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text('[tool.cdk-modelbuilder.openapi]\noutput = "above.json"\n')
    (tmp_path / "a" / "pyproject.toml").write_text('[project]\nname = "other"\n')
    run("openapi", str(tumour_bundle.path), folder=inner)
    assert (inner / "above.json").is_file()
    run("openapi", str(tumour_bundle.path), "--output", "given.json", folder=inner)
    assert (inner / "given.json").is_file()
    (tmp_path / "a" / "modelbuilder.toml").write_text('[openapi]\noutput = "own.json"\n')
    run("openapi", str(tumour_bundle.path), folder=inner)
    assert (inner / "own.json").is_file()
    other = tmp_path / "other.toml"
    other.write_text('[openapi]\noutput = "other.json"\n')
    run("--config", str(other), "openapi", str(tumour_bundle.path), folder=inner)
    assert (inner / "other.json").is_file()


def test_config_says_what_holds(tmp_path):
    assert "No modelbuilder.toml" in run("config", folder=tmp_path).output
    (tmp_path / "modelbuilder.toml").write_text("[run]\nport = 9000\nstrict = true\n[keys.create]\nfile = 'k'\n")
    shown = run("config", folder=tmp_path).output
    assert shown.splitlines()[1:] == ["  run --port = 9000", "  run --strict = true", '  keys create --file = "k"']
    data = json.loads(run("config", "--json", folder=tmp_path).output)
    assert data["defaults"] == {"run": {"port": 9000, "strict": True}, "keys": {"create": {"file": "k"}}}


@pytest.mark.parametrize(
    ("text", "said", "remedy"),
    [
        ("[rnu]\n", r"modelbuilder.toml: names the command 'rnu'", "Did you mean run?"),
        ("[run]\nprt = 1\n", r"modelbuilder.toml: run names the option 'prt'", "Did you mean port?"),
        ("[run]\nport = 'x'\n", r"run.port is 'x': 'x' is not a valid integer", "a value that fits"),
        ("[run]\ncopies = 0\n", r"run.copies is 0: 0 is not in the range", "a value that fits"),
        ("[run]\nstrict = 'yes'\n", "run.strict is 'yes'", "true or false"),
        ("run = 1\n", "run is 1", "Write a table"),
        ("[keys]\ncreate = 1\n", "keys.create is 1", "Write a table"),
        ("[destroy]\nyes = true\n", "option 'yes'", "Known:"),
        ("[run\n", "is no TOML", "Mend the line"),
        ("\xff", "cannot be read", "--config"),
    ],
)
def test_a_file_that_says_what_cannot_be(tmp_path, text, said, remedy):
    (tmp_path / "modelbuilder.toml").write_text(text, "latin-1")
    with pytest.raises(UsageError, match=said) as refusal:
        run("config", folder=tmp_path)
    assert remedy in refusal.value.remedy


def test_a_file_that_was_named_and_is_not_there(tmp_path):
    with pytest.raises(UsageError, match=r"none\.toml cannot be read"):
        run("--config", "none.toml", "config", folder=tmp_path)


def test_the_schema_takes_what_the_program_takes(tmp_path):
    schema = json.loads(run("config", "--schema", folder=tmp_path).output)
    jsonschema.Draft202012Validator.check_schema(schema)
    check = jsonschema.Draft202012Validator(schema)
    assert check.is_valid({"run": {"port": 9000, "strict": True, "bundles": ["a"]}, "keys": {"create": {"file": "k"}}})
    for wrong in ({"rnu": {}}, {"run": {"prt": 1}}, {"run": {"port": "x"}}, {"run": {"copies": 0}}):
        assert not check.is_valid(wrong)


def test_the_schema_knows_every_command_and_option():
    schema = configuration_schema(group)
    for words, command in COMMANDS.items():
        names = [name for name, _ in configurable(command)]
        place = schema
        for word in words if names else ():
            place = place["properties"][word]
        assert names == list(place["properties"]) if names else True


@given(st.text(), st.none() | st.integers() | st.text() | st.lists(st.integers()))
def test_any_file_is_taken_or_refused_in_words(tmp_path_factory, name, value):
    file = tmp_path_factory.mktemp("any") / "modelbuilder.toml"
    words = json.dumps(value) if value is not None else "{}"
    file.write_text(f"[run]\n{json.dumps(name)} = {words}\n", "utf-8", "surrogatepass")
    with contextlib.suppress(UsageError):  # anything else would be a stack trace
        find_configuration(group, file=str(file))


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_has_one_look(words):
    command = COMMANDS[words]
    names = {name for option in command.params for name in option.opts}
    assert {"-q", "--quiet"} <= names
    assert command.help
    assert command.help.split("\n\n")[0].endswith(".")
    assert command.get_short_help_str(200).endswith(".")
    assert words == ("completion",) or "Example:" in (command.epilog or "") or words[0] == "images"
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, (words, option.name)


def test_quiet_leaves_notes_out(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "_quiet", False)
    level = logging.getLogger().level
    try:
        run("config", "-q", folder=tmp_path)
        assert output.is_quiet()
        assert logging.getLogger().level == logging.ERROR
    finally:
        logging.getLogger().setLevel(level)


def test_help_stands_in_sections(tmp_path):
    shown = run("--help", folder=tmp_path).output
    assert shown.index("Make and look:") < shown.index("  build ") < shown.index("Run here:") < shown.index("  run ")


def test_versions_of_what_it_works_with(tmp_path):
    shown = run("--version", folder=tmp_path).output.splitlines()
    assert shown[0].startswith("cdk-modelbuilder ")
    assert [line.split()[0] for line in shown[1:]][:3] == ["Python", "aws-cdk-lib", "constructs"]
    assert shown[-1].split("  ")[1:] != []


def test_completion_completes(tmp_path, monkeypatch):
    script = tmp_path / "complete.sh"
    script.write_text(run("completion", "bash", folder=tmp_path).output)
    asked = {"COMP_WORDS": "cdk-modelbuilder ro", "COMP_CWORD": "1", "_CDK_MODELBUILDER_COMPLETE": "bash_complete"}
    words = "import sys; from cdk_modelbuilder.cli import main; sys.exit(main())"
    done = subprocess.run([sys.executable, "-c", words], env={**os.environ, **asked}, capture_output=True)
    assert done.stdout.decode().split() == ["plain,rollback"]
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    with pytest.raises(UsageError, match="no completion for the shell 'tcsh'"):
        run("completion", folder=tmp_path)
