"""``cdk-modelbuilder images`` as a user runs it."""

from __future__ import annotations

import io
import json
import logging
import shutil
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from cdk_modelbuilder.cli import images_command, main
from cdk_modelbuilder.images.table_files import own_folder
from tests.images.small_sources import clone_files, configs, make_clone, make_wheels


@dataclass
class Done:
    """What a command said."""

    stdout: str
    stderr: str


def run(*arguments: object, status: int = 0, **environment: str) -> Done:
    """The command, in this process."""
    out, err = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(logging.root, "handlers", [])  # the command sets up its own
        patch.setattr(sys, "argv", ["cdk-modelbuilder", "images", *map(str, arguments)])
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code or 0) == status, out.getvalue() + err.getvalue()
    return Done(out.getvalue(), err.getvalue())


def listed(*arguments: object, **environment: str) -> list[dict]:
    return json.loads(run(*arguments, "--json", **environment).stdout)["images"]


def test_living_images_of_a_framework():
    lines = run("--framework", "sklearn", "--server", "sklearn").stdout.splitlines()
    assert lines[0].split() == ["server", "holds", "python", "for", "status", "image"]
    assert lines[1].split()[:5] == ["sklearn", "sklearn", "1.9.0", "3.12", "cpu"]
    assert lines[1].endswith("  sagemaker-scikit-learn:1.9-0-cpu-py3")
    assert lines[-1].startswith(f"{len(lines) - 3} images, as of 2026-")
    assert lines[-1].endswith("the package's tables; --all lists retired ones too")


def test_retired_images_only_when_asked_for():
    assert {image["processor"] for image in listed("--server", "torchserve")} == {"neuron"}
    everything = listed("--server", "torchserve", "--all")
    torch = next(image for image in everything if image["image"] == "pytorch-inference:2.6.0-cpu-py312")
    assert torch["status"] == "ended 2026-06-30"
    assert "Use the model server 'ray'" in torch["retired"]
    assert "ended 2026-06-30" in run("--server", "torchserve", "--all", "--processor", "cpu").stdout
    assert run("--server", "tgi").stdout.startswith("no image fits\n\n0 images")


def test_uris_of_a_region():
    (newest, *_) = listed("--server", "ray", "--region", "cn-north-1", "--processor", "cpu")
    assert newest["uri"] == "727897471807.dkr.ecr.cn-north-1.amazonaws.com.cn/ray:serve-ml-sagemaker-cpu-v1.4"
    assert newest["entry_point"] == ["/usr/local/bin/sagemaker_entrypoint.sh"]
    assert newest["uri"] in run("--server", "ray", "--region", "cn-north-1").stdout


@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        (["--framework", "lightgbm"], "no image for the framework 'lightgbm'", 1),
        (["--server", "rey"], "no image with the model server 'rey'", 1),
        (["--region", "us_east_1"], "Did you mean us-east-1", 1),
        (["--processor", "tpu"], "'tpu' is not one of 'cpu', 'gpu', 'neuron'", 2),
    ],
)
def test_mistakes(arguments, message, status):
    done = run(*arguments, status=status)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> list[str]:
    if shutil.which("git") is None:
        pytest.skip("needs git")
    folder = tmp_path_factory.mktemp("sources")
    arguments = ["--dlc", str(make_clone(folder / "dlc", clone_files()))]
    for wheel in make_wheels(folder, configs()):
        arguments += ["--wheel", str(wheel)]
    return arguments


def test_refresh_into_a_folder_that_the_look_up_then_prefers(sources, tmp_path):
    tables = tmp_path / "tables of mine"
    told = run("refresh", *sources, "--to", tables).stdout
    assert "- ray  ray:serve-ml-sagemaker-cuda-v1.4\n" in told
    assert f"to use these tables: export MODELBUILDER_IMAGE_TABLES={tables}" in told
    images = listed("--server", "ray", MODELBUILDER_IMAGE_TABLES=str(tables))
    assert [image["image"] for image in images] == ["ray:serve-ml-sagemaker-cpu-v1.4"]
    assert str(tables) in run("--server", "ray", MODELBUILDER_IMAGE_TABLES=str(tables)).stdout
    # The variable names the folder that is checked and written, too.
    again = run("refresh", *sources, "--check", MODELBUILDER_IMAGE_TABLES=str(tables))
    assert again.stdout == f"{tables} is what the sources give\n"
    (tables / "tables" / "ray.json").unlink()
    answer = json.loads(
        run("refresh", *sources, "--check", "--json", status=1, MODELBUILDER_IMAGE_TABLES=str(tables)).stdout
    )
    assert answer["files"] == [str(tables / "tables" / "ray.json")]
    assert (answer["current"], answer["written"]) == (False, False)
    assert not (tables / "tables" / "ray.json").exists()


def test_an_installed_package_keeps_refreshed_tables_in_the_users_folder(sources, tmp_path, monkeypatch):
    monkeypatch.setattr(images_command, "own_folder", lambda: tmp_path / "site-packages/cdk_modelbuilder/images")
    monkeypatch.setattr("platformdirs.user_data_path", lambda name: tmp_path / "data" / name)
    told = json.loads(run("refresh", *sources, "--json").stdout)
    assert told["folder"] == str(tmp_path / "data" / "cdk-modelbuilder" / "image-tables")
    assert told["written"]
    assert (Path(told["folder"]) / "index.json").is_file()


def test_a_check_writes_nothing(sources, tmp_path):
    before = {path: path.read_bytes() for path in own_folder().rglob("*.json")}
    done = run("refresh", *sources, "--check", status=1)
    assert "regions.json: differs from the sources" in done.stdout
    assert before == {path: path.read_bytes() for path in own_folder().rglob("*.json")}
    run("refresh", *sources, "--to", tmp_path / "new", "--check", status=1)
    assert not (tmp_path / "new").exists()


def test_refresh_without_sources(tmp_path):
    assert "Missing option '--dlc'" in run("refresh", status=2).stderr
    done = run("refresh", "--dlc", tmp_path, "--to", tmp_path, status=1)
    assert "error: git -C" in done.stderr
    assert "Traceback" not in done.stderr


def test_in_a_process_of_its_own():
    command = [sys.executable, "-m", "cdk_modelbuilder.cli", "images", "--server", "rey"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: AWS offers no image with the model server 'rey'")


def test_help_names_an_example():
    for arguments in (["--help"], ["refresh", "--help"]):
        assert "Example: cdk-modelbuilder images" in run(*arguments).stdout


def test_tables_that_are_not_there():
    done = run(status=1, MODELBUILDER_IMAGE_TABLES=str(Path("nowhere")))
    assert "error: the image table nowhere/index.json cannot be read" in done.stderr
    assert "images refresh" in done.stderr
