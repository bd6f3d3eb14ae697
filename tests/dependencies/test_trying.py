"""Trials in real fresh environments; packages come from wheels of this machine, and in the slow tests from an index."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.dependencies import trying
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.dependencies.trial import fresh_environment, interpreters, model_run
from cdk_modelbuilder.dependencies.trial.golden_answer import Sample
from cdk_modelbuilder.dependencies.trial.interpreters import find_interpreter, named_interpreter, probe
from cdk_modelbuilder.dependencies.trial.usage import unused_packages
from cdk_modelbuilder.dependencies.trying import try_bundle
from cdk_modelbuilder.errors import BundleError, IntegrityError, TrialError, UsageError

from .echo_bundle import build_echo
from .local_wheels import make_wheel

HERE = Target.here().python


@pytest.fixture(scope="module")
def echo_path(tmp_path_factory) -> Path:
    return build_echo(tmp_path_factory.mktemp("trials") / "echo").path


@pytest.fixture
def links(tmp_path, monkeypatch) -> Path:
    """The only place that packages come from."""
    folder = tmp_path / "links"
    folder.mkdir()
    for name in list(os.environ):
        if name.startswith(("UV_", "PIP_")) and name not in ("UV_CACHE_DIR", "PIP_CACHE_DIR"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def echo(echo_path, tmp_path, links, monkeypatch) -> ModelBundle:
    """A copy whose list can be changed, and a folder of its own for what a trial leaves."""
    shutil.copytree(echo_path, tmp_path / "echo")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    return ModelBundle.read(tmp_path / "echo")


def put_lock(bundle: ModelBundle, *lines: str) -> None:
    (bundle.path / "requirements.lock").write_text("# why\n" + "".join(f"{line}  # given\n" for line in lines))


def test_the_golden_answer_is_given_again_and_nothing_is_left(echo, tmp_path):
    said = []
    trial = try_bundle(echo, python=HERE, on_line=said.append)
    assert (trial.tried, trial.answer, trial.unused, trial.packages) == (
        "golden",
        (b'"HELLO"', "application/json"),
        (),
        {},
    )
    assert trial.python == ".".join(map(str, sys.version_info[:3]))
    assert set(trial.seconds) == {"install", "import", "load", "answer"}
    assert "running the model" in said
    assert list((tmp_path / "temporary").iterdir()) == []


def test_nothing_of_this_environment_is_seen(echo, monkeypatch, tmp_path):
    (tmp_path / "beside").mkdir()
    (tmp_path / "beside" / "sneaked_in.py").write_text("")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "beside"))
    monkeypatch.chdir(tmp_path / "beside")
    for module in ("sneaked_in", "packaging", "jinja2"):
        monkeypatch.setenv("ECHO_IMPORTS", module)
        with pytest.raises(TrialError, match=f"{module} is missing from the list"):
            try_bundle(echo, python=HERE)


def test_the_key_is_not_seen_either(echo, monkeypatch):
    monkeypatch.setenv("MODELBUILDER_MASTER_KEY", "5a" * 32)
    assert not any("MASTER_KEY" in name for name in fresh_environment.bare_environment())


def test_what_is_missing_is_named_with_the_line_that_brings_it(echo, monkeypatch):
    monkeypatch.setenv("ECHO_IMPORTS", "yaml")
    with pytest.raises(TrialError) as error:
        try_bundle(echo, python=HERE)
    assert error.value.what.startswith("yaml is missing from the list: loading the model in a fresh environment")
    assert "'pyyaml==" in error.value.remedy
    monkeypatch.setenv("ECHO_IMPORTS", "no_such_module.part")
    with pytest.raises(TrialError, match="<the package that brings no_such_module>"):
        try_bundle(echo, python=HERE)


def test_what_the_list_brings_is_there_and_what_nobody_loads_is_named(echo, links, monkeypatch):
    make_wheel(links, "tiny-one", requires=["tiny-two", "tiny-extra; extra == 'fast'"])
    for name in ("tiny-two", "tiny-extra", "tiny-idle"):
        make_wheel(links, name)
    put_lock(echo, "tiny-one[fast]==1.0", "tiny-two==1.0", "tiny-extra==1.0", "tiny-idle==1.0")
    monkeypatch.setenv("ECHO_IMPORTS", "tiny_one")
    trial = try_bundle(echo, python=HERE)
    assert trial.packages == dict.fromkeys(("tiny-extra", "tiny-idle", "tiny-one", "tiny-two"), "1.0")
    assert trial.unused == ("tiny-idle",)


def test_versions_that_are_not_there_are_named(echo, links):
    make_wheel(links, "tiny-one", "1.0")
    put_lock(echo, "tiny-one==2.0")
    with pytest.raises(TrialError, match=r"tiny-one==2\.0 does not install on Python"):
        try_bundle(echo, python=HERE)


def test_hashes_of_the_lock_are_checked(echo, links):
    make_wheel(links, "tiny-one")
    put_lock(echo, f"tiny-one==1.0 --hash=sha256:{'0' * 64}")
    record = json.loads((echo.path / "dependencies.json").read_bytes())
    (echo.path / "dependencies.json").write_text(json.dumps({**record, "target_python": HERE}))
    if Target.here().is_this_interpreter:
        with pytest.raises(TrialError, match=r"(?i)hash"):
            try_bundle(echo)


def test_another_answer_than_the_golden_one(echo, monkeypatch):
    monkeypatch.setenv("ECHO_ANSWERS", "goodbye")
    with pytest.raises(TrialError, match=r"answers b'\"goodbye\"', where the bundle's golden test has b'\"HELLO\"'"):
        try_bundle(echo, python=HERE)


def test_a_sample_of_the_users_is_answered_and_not_compared(echo):
    trial = try_bundle(echo, python=HERE, sample=Sample(b"other", "text/plain"))
    assert (trial.tried, trial.answer) == ("answered", (b"OTHER", "text/plain"))


def test_without_a_sample_only_loading_is_tried_and_that_is_said(echo):
    (echo.path / "golden.json").unlink()
    trial = try_bundle(echo, python=HERE)
    assert (trial.tried, trial.answer) == ("loaded", None)
    assert any("only loading was tried" in note for note in trial.notes)


def test_a_golden_test_that_is_malformed(echo):
    (echo.path / "golden.json").write_text('{"request": {}}')
    with pytest.raises(BundleError, match="KeyError"):
        try_bundle(echo, python=HERE)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("ECHO_FAILS", "the model's own words", "the model's own words"),
        ("ECHO_CRASHES", "1", "ended with status -11"),
    ],
)
def test_a_model_that_fails_or_crashes(echo, monkeypatch, tmp_path, variable, value, said):
    monkeypatch.setenv(variable, value)
    with pytest.raises(TrialError, match=said):
        try_bundle(echo, python=HERE)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_model_that_hangs(echo, monkeypatch):
    monkeypatch.setenv("ECHO_SLEEPS", "600")
    monkeypatch.setattr(model_run, "RUN_SECONDS", 1)
    with pytest.raises(TrialError, match="gave no answer within 1 s"):
        try_bundle(echo, python=HERE)


def test_nothing_is_installed_for_files_that_were_changed(echo, monkeypatch):
    path = echo.model_dir / "code" / "inference.py"
    path.chmod(0o644)
    path.write_text(path.read_text() + "\n")
    monkeypatch.setattr(trying.FreshEnvironment, "create", lambda *words: pytest.fail("an environment was made"))
    with pytest.raises(IntegrityError, match=r"inference\.py"):
        try_bundle(echo, python=HERE)


def test_the_environment_is_kept_where_that_is_asked_for(echo, tmp_path):
    trial = try_bundle(echo, python=HERE, keep=tmp_path / "kept")
    assert trial.kept == tmp_path / "kept" / "environment"
    assert (trial.kept / "bin" / "python").exists()
    with pytest.raises(UsageError, match="exists already"):
        try_bundle(echo, python=HERE, keep=tmp_path / "kept")


def test_ctrl_c_ends_it_and_leaves_nothing(echo, tmp_path):
    words = ["-m", "cdk_modelbuilder.cli", "deps", str(echo.path), "--try", "--python", HERE]
    child = subprocess.Popen(
        [sys.executable, *words],
        env={**os.environ, "ECHO_SLEEPS": "600", "TMPDIR": str(tmp_path / "temporary")},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    for line in child.stderr:
        if "running the model" in line:
            break
    time.sleep(0.5)  # the model's process is started after that line
    os.killpg(child.pid, signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode != 0
    assert list((tmp_path / "temporary").iterdir()) == []


@pytest.fixture
def wheels_bundle(tmp_path, links, monkeypatch) -> Path:
    """A bundle whose container installs tiny-one from the bundle's wheels; its image has tiny-two."""
    make_wheel(links, "tiny-two")
    bundle = build_echo(tmp_path / "wheels_bundle")
    code = bundle.model_dir / "code"
    make_wheel(code / "wheels", "tiny-one", requires=["tiny-two"])
    (code / "requirements.txt").write_text("--no-index\n--find-links wheels\ntiny-one==1.0\n")
    put_lock(bundle, "tiny-one==1.0", "tiny-two==1.0")
    monkeypatch.setattr(ModelBundle, "check_content", lambda bundle: None)  # the two files are not signed
    return bundle.path


@pytest.mark.parametrize("tool", ["uv", pytest.param("pip", marks=pytest.mark.heavy)])
def test_wheels_of_the_bundle_are_used_and_no_others(wheels_bundle, links, monkeypatch, tool):
    if tool == "pip":
        monkeypatch.setattr(fresh_environment, "find_uv_or_none", lambda: None)
    monkeypatch.setenv("ECHO_IMPORTS", "tiny_one tiny_two")
    trial = try_bundle(ModelBundle.read(wheels_bundle), python=HERE)
    assert trial.packages.items() >= {"tiny-one": "1.0", "tiny-two": "1.0"}.items()
    next((wheels_bundle / "model" / "code" / "wheels").iterdir()).unlink()
    make_wheel(links, "tiny-one", requires=["tiny-two"])
    with pytest.raises(TrialError, match="tiny-one"):
        try_bundle(ModelBundle.read(wheels_bundle), python=HERE)


def test_a_wheelhouse_that_lacks_what_its_packages_require(wheels_bundle, monkeypatch):
    make_wheel(wheels_bundle / "model" / "code" / "wheels", "tiny-one", requires=["tiny-two", "tiny-three"])
    with pytest.raises(TrialError, match="tiny-three"):
        try_bundle(ModelBundle.read(wheels_bundle), python=HERE)


def test_a_wheel_of_the_user_beside_packages_of_an_index(wheels_bundle, links, monkeypatch):
    code = wheels_bundle / "model" / "code"
    (code / "requirements.txt").write_text("--find-links wheels\ntiny-one==1.0\ntiny-two==1.0\n")
    monkeypatch.setenv("ECHO_IMPORTS", "tiny_one tiny_two")
    assert try_bundle(ModelBundle.read(wheels_bundle), python=HERE).tried == "golden"


def test_another_python_than_the_containers_is_remarked_on(echo, monkeypatch):
    monkeypatch.setattr(trying, "find_interpreter", lambda wanted: None)
    assert "tried with Python" in try_bundle(echo).notes[0]


def test_interpreters_that_are_and_are_not_there(tmp_path):
    assert find_interpreter(HERE).minor == HERE
    assert find_interpreter("3.99") is None
    assert named_interpreter(sys.executable).minor == HERE
    assert probe(str(tmp_path)) is None
    shim = tmp_path / "python3.98"
    shim.write_text("#!/bin/sh\necho 'not installed' >&2\nexit 127\n")
    shim.chmod(0o755)
    assert probe(str(shim)) is None
    with pytest.raises(TrialError, match=r"3\.98 is not a Python that runs here"):
        named_interpreter("3.98")


def test_what_is_required_by_what_was_loaded_counts_as_used():
    def facts(*requires: str, used: bool = False) -> dict[str, object]:
        return {"version": "1", "requires": list(requires), "used": used}

    installed = {
        "A": facts("b", "c; extra == 'x'", "d; python_version < '3'", "not a requirement", used=True),
        "b": facts("e[y]"),
        "c": facts(),
        "d": facts(),
        "e": facts("f; extra == 'y'", "a"),
        "f": facts(),
    }
    listed = dict.fromkeys("abcdef", frozenset())
    markers = Target("3.12").marker_environment()
    assert unused_packages(listed, installed, markers) == ("c", "d")
    assert unused_packages({**listed, "a": frozenset({"x"})}, installed, markers) == ("d",)
    assert unused_packages(listed, installed, markers, others={"d"}) == ("c",)


@pytest.mark.slow
@pytest.mark.heavy
def test_without_uv_the_environment_comes_from_venv_and_pip(echo, links, monkeypatch):
    make_wheel(links, "tiny-one")
    put_lock(echo, "tiny-one==1.0")
    monkeypatch.setattr(fresh_environment, "find_uv_or_none", lambda: None)
    monkeypatch.setattr(interpreters, "find_uv_or_none", lambda: None)
    monkeypatch.setenv("ECHO_IMPORTS", "tiny_one")
    trial = try_bundle(echo, python=HERE)
    assert (trial.packages["tiny-one"], trial.tried) == ("1.0", "golden")
    put_lock(echo, "tiny-one==2.0")
    with pytest.raises(TrialError, match=r"tiny-one==2\.0 does not install"):
        try_bundle(echo, python=HERE)


@pytest.mark.slow
@pytest.mark.parametrize("python", ["3.8", "3.9", "3.10", "3.12", "3.13"])
def test_the_child_runs_on_every_python_that_a_container_may_have(echo, python):
    if find_interpreter(python) is None:
        pytest.skip(f"no Python {python} on this machine")
    trial = try_bundle(echo, python=python)
    assert (trial.tried, trial.python.rpartition(".")[0]) == ("golden", python)


@pytest.mark.slow
def test_a_real_model_with_packages_of_a_real_index(regression, tmp_path):
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    schema = SchemaBuilder(regression.X, regression.y, keep_samples=True)
    bundle = ModelBuilder(
        model=regression.model, schema_builder=schema, name="line", model_path=tmp_path / "line"
    ).build()
    trial = try_bundle(bundle, python=HERE)
    assert trial.tried == "golden"
    assert {"numpy", "scikit-learn", "scipy", "joblib"} <= trial.packages.keys()
    lock = bundle.path / "requirements.lock"
    lock.write_text("".join(line for line in lock.read_text().splitlines(keepends=True) if "scipy" not in line))
    assert "scipy" in try_bundle(bundle, python=HERE).packages  # the installer follows requirements, as the container's
