"""The tables are made: from small made-up sources, and the committed ones from the real ones where they are at hand."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.utils import canonicalize_name

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.images.making import SourceError, refresh
from cdk_modelbuilder.images.making.build_files import Start, flat_yaml, listed, pinned, start_of
from cdk_modelbuilder.images.making.changes import changes
from cdk_modelbuilder.images.making.containers import cuda_version
from cdk_modelbuilder.images.making.page import MARKS
from tests.images.small_sources import clone_files, commit, configs, make_clone, make_wheels

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "make_image_tables.py"
# Wheels (joined with os.pathsep) and a clone of aws/deep-learning-containers, to hold the committed tables against.
WHEELS, DLC = "IMAGE_TABLES_WHEELS", "IMAGE_TABLES_DLC"
pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    return make_clone(tmp_path_factory.mktemp("sources") / "dlc", clone_files())


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    return make_wheels(tmp_path_factory.mktemp("wheels"), configs())


@pytest.fixture(scope="module")
def made(clone, wheels, tmp_path_factory):
    """The tables, written into a folder."""
    folder = tmp_path_factory.mktemp("made")
    refresh(clone, wheels, folder).write()
    return folder


def table(folder, server):
    return json.loads((folder / "tables" / f"{server}.json").read_text(encoding="utf-8"))


def rows(folder, server):
    return {row["tag"]: row for row in table(folder, server)["images"]}


def test_the_same_sources_give_the_same_bytes(clone, wheels, made):
    again = refresh(clone, wheels, made)
    assert again.is_current
    assert again.changes == ()


def test_versions_python_and_end_of_patch_come_from_the_recipes_and_the_list(made):
    newest = table(made, "sklearn")["images"][0]
    assert (newest["framework_version"], newest["python"], newest["end_of_patch"]) == ("1.9.0", "3.12", "2027-01-02")
    assert newest["facts_from"] == "aws/deep-learning-containers, docker/sklearn"
    assert table(made, "sklearn")["provides"]["sagemaker-scikit-learn:1.9-0-cpu-py3"] == {
        "dask": "2024.11.2",
        "numpy": "2.10",
        "pyarrow": "17.0.0",
        "scikit-learn": "1.9.0",
    }
    assert table(made, "xgboost")["provides"]["sagemaker-xgboost:3.2-0"] == {
        "dask-thing": "2.0",
        "extra": "3.0",
        "xgboost": "3.2.0",
    }


def test_facts_written_by_hand(made):
    old = rows(made, "xgboost")["1.7-1"]
    assert (old["framework_version"], old["python"]) == ("1.7.4", "3.9")
    assert old["facts_from"].startswith("aws/sagemaker-xgboost-container")
    triton = rows(made, "triton")
    assert set(triton) == {"26.05-py3", "26.05-py3-cpu"}
    assert triton["26.05-py3"]["frameworks"] == {"onnx": "1.24.4", "triton": "26.05"}
    assert triton["26.05-py3"]["cuda"] == "13.2"
    assert "cuda" not in triton["26.05-py3-cpu"]


def test_tags_by_family(made):
    assert set(rows(made, "torchserve")) == {
        "2.6.0-cpu-py312", "2.6.0-gpu-py312", "2.6.0-cpu-py312-ubuntu22.04-sagemaker", "2.5.1-cpu-py311",
        "2.5.1-gpu-py311", "1.12.1-cpu-py38", "1.12.1-gpu-py38",
    }  # fmt: skip
    assert set(rows(made, "mms")) == {
        "2.6.0-transformers5.5.3-cpu-py312-ubuntu22.04",
        "2.6.0-transformers5.5.3-gpu-py312-cu124-ubuntu22.04",
        "2.8.0-transformers4.55.4-neuronx-py310-sdk2.26.0-ubuntu22.04",
    }
    assert set(rows(made, "ray")) == {"serve-ml-sagemaker-cpu-v1.4"}
    assert rows(made, "xgboost")["1.5-1-arm64"]["architecture"] == "arm64"
    assert set(rows(made, "djl_serving")) == {"0.36.0-lmi27.0.0-cu130", "0.36.0-cpu-full"}


def test_processors_hosts_and_starts(made):
    ray = rows(made, "ray")["serve-ml-sagemaker-cpu-v1.4"]
    assert (ray["entry_point"], ray["command"], ray["python"]) == (["/entry.sh"], ["serve"], "3.13")
    assert ray["frameworks"] == {"pytorch": "2.0", "ray": "2.57.0"}
    neuron = rows(made, "mms")["2.8.0-transformers4.55.4-neuronx-py310-sdk2.26.0-ubuntu22.04"]
    assert neuron["processor"] == "neuron"
    sglang = rows(made, "sglang")["0.5.20-gpu-py312-cu130-x"]
    assert sglang["inference_ami"] == "al2023-ami-sagemaker-inference-gpu-4-1"
    torch = rows(made, "torchserve")["2.6.0-gpu-py312"]
    assert torch["public_uri"] == "public.ecr.aws/deep-learning-containers/pytorch-inference:2.6.0-gpu-py312"
    assert rows(made, "tei")["2.0.1-tei1.8.2-cpu-py310"]["has_python"] is False


def test_what_has_ended_by_the_date_of_the_sources_is_retired(made):
    torch = rows(made, "torchserve")
    assert torch["2.6.0-gpu-py312"]["retired"].startswith(
        "AWS has not patched it since 2026-06-30. Use the model server"
    )
    assert torch["2.5.1-cpu-py311"]["end_of_patch"] == "2025-10-29"
    assert torch["1.12.1-cpu-py38"]["retired"].startswith("AWS dates the support of pytorch back to 1.13, and")
    tensorflow = rows(made, "tensorflow_serving")["2.19.0-cpu"]
    assert tensorflow["end_of_patch"] == "2026-09-11"
    assert "retired" not in tensorflow
    assert rows(made, "tgi")["2.7.0-tgi3.3.6-gpu-py312"]["retired"].startswith("Hugging Face has archived")


def test_what_is_not_known_well_enough_is_left_out_with_the_reason(made):
    left_out = table(made, "xgboost")["left_out"]
    assert left_out["no source says which xgboost is inside"] == "sagemaker-xgboost:9.9-9"
    assert left_out["Python 3.7 (aws/sagemaker-xgboost-container, tag v1.3-1)"] == "sagemaker-xgboost:1.3-1"
    assert table(made, "torchserve")["left_out"]["Python 3.6"].split() == [
        "pytorch-inference:1.7.1-cpu-py36",
        "pytorch-inference:1.7.1-gpu-py36",
    ]
    assert (
        table(made, "djl_serving")["left_out"]["no source states its Python"] == "djl-inference:0.99.0-lmi99.0.0-cu140"
    )
    assert set(table(made, "vllm")["left_out"]) == {
        "a tag that moves on: the newest minor version has a tag of its own", "no source says which vllm is inside"
    }  # fmt: skip


def test_regions_and_index(made):
    regions = json.loads((made / "regions.json").read_text(encoding="utf-8"))
    assert [part["dns_suffix"] for part in regions["partitions"]] == ["amazonaws.com", "amazonaws.com.cn"]
    assert {"111122223333": "us-east-1", "444455556666": "cn-north-1"} in regions["registries"].values()
    index = json.loads((made / "index.json").read_text(encoding="utf-8"))
    assert (index["as_of"], index["servers"]["ray"]) == ("2026-08-21", ["pytorch", "ray"])


def test_a_changed_source_is_told_image_by_image(clone, made, tmp_path):
    contents = configs()
    contents["ray-serve"]["versions"]["1.2"] = contents["ray-serve"]["versions"]["1.4"] | {
        "container_version": {"cpu": "cpu-v1.2", "gpu": "cuda-v1.2"}
    }
    del contents["xgboost"]["inference"]["versions"]["1.7-1"]
    contents["sglang"]["inference"]["versions"]["0.5.20"]["registries"] = {"us-east-1": "111122223333"}
    (made / "tables" / "gone.json").write_text("{}", encoding="utf-8")
    found = refresh(clone, make_wheels(tmp_path, contents), made)
    (made / "tables" / "gone.json").unlink()
    assert "+ ray  ray:serve-ml-sagemaker-cpu-v1.2 (ray 2.55.1, Python 3.13, cpu)" in found.changes
    assert "- xgboost  sagemaker-xgboost:1.7-1" in found.changes
    assert any(line.startswith("~ sglang  sglang:0.5.20-gpu-py312-cu130-x: registry 1111") for line in found.changes)
    assert any(line.startswith("+ registry 111122223333-") for line in found.changes)
    assert "- all of gone" in found.changes
    assert not found.is_current


def test_changes_inside_an_image_are_named():
    row = {"repository": "ray", "tag": "1", "frameworks": {"ray": "1", "onnx": None}}
    before = {"server": "ray", "images": [row], "provides": {}}
    after = json.loads(json.dumps(before))
    after["images"][0] |= {"end_of_patch": "2027-01-01", "frameworks": {"ray": None}}
    after["provides"]["ray:1"] = {"numpy": "2.0"}
    assert changes("tables/ray.json", json.dumps(before), json.dumps(after)) == [
        (
            "~ ray  ray:1: end_of_patch none -> 2027-01-01; frameworks onnx unknown -> none; "
            "frameworks ray 1 -> unknown; provides numpy none -> 2.0"
        )
    ]


def test_sources_that_contradict_each_other_stop_it(wheels, tmp_path):
    files = clone_files()
    page = "docs/reference/region_availability.md"
    other = make_clone(tmp_path / "dlc", files | {page: files[page].replace("us-east-1 | 111", "cn-north-1 | 999")})
    commit(other, ["status", "-s"])
    contents = configs()
    (tmp_path / "out").mkdir()
    page_text = files[page].replace(
        "| x | us-east-1 | 111122223333 |", "| x | us-east-1 | 111122223333 |\n| x | cn-north-1 | 999999999999 |"
    )
    (other / page).write_text(page_text, encoding="utf-8")
    commit(other, ["commit", "-qam", "y", "--no-verify"])
    with pytest.raises(
        SourceError, match="cn-north-1: sagemaker-core says 444455556666, deep-learning-containers 9999"
    ):
        refresh(other, make_wheels(tmp_path, contents), tmp_path / "out")


def test_sources_that_are_none(clone, wheels, tmp_path):
    with pytest.raises(SourceError, match=r"cannot change to|not a git repository"):
        refresh(tmp_path / "nowhere", wheels, tmp_path)
    empty = make_clone(tmp_path / "empty", {"README.md": "x"})
    with pytest.raises(SourceError, match="is not a clone of aws/deep-learning-containers"):
        refresh(empty, wheels, tmp_path)
    with pytest.raises(UsageError, match="is not a wheel"):
        refresh(clone, [tmp_path / "x.tar.gz"], tmp_path)
    with pytest.raises(UsageError, match="there is no wheel"):
        refresh(clone, [tmp_path / "botocore-1.0-py3-none-any.whl"], tmp_path)
    stray = tmp_path / "numpy-1.0-py3-none-any.whl"
    stray.touch()
    with pytest.raises(UsageError, match="numpy is no source"):
        refresh(clone, [stray], tmp_path)
    contents = configs()
    del contents["ray-serve"]
    with pytest.raises(SourceError, match=r"has no readable .*ray-serve\.json"):
        refresh(clone, make_wheels(tmp_path, contents), tmp_path)


def test_installed_packages_stand_in_for_wheels(clone, wheels, made, monkeypatch):
    botocore = pytest.importorskip("botocore", exc_type=ImportError)
    found = refresh(clone, wheels[:1], made)
    assert f"~ source botocore: version 8.8.8 -> {botocore.__version__}" in found.changes
    assert [path.name for path in found.texts] == ["regions.json"]
    assert '"amazonaws.com.cn"' in found.texts[made / "regions.json"]

    def not_installed(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", not_installed)
    with pytest.raises(SourceError, match="sagemaker-core is not installed") as caught:
        refresh(clone, wheels[1:], made)
    assert "--wheel" in caught.value.remedy


def test_a_folder_that_cannot_be_written(clone, wheels, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        refresh(clone, wheels, tmp_path / "file").write()


@pytest.mark.parametrize(
    ("dockerfile", "start"),
    [
        ("FROM a AS t\n", Start()),
        ('FROM a AS t\nENTRYPOINT ["x", \\\n "y"]\n', Start(("x", "y"))),
        ('FROM a AS b\nENTRYPOINT ["x"]\nCMD ["c"]\nFROM b AS t\nRUN x\n', Start(("x",), ("c",))),
        ('FROM a AS t\nCMD ["c"]\nENTRYPOINT ["x"]\n', Start(("x",))),  # ENTRYPOINT resets CMD
        (
            'FROM --platform=l a AS t\nCMD serve it\nFROM t AS u\nCMD ["u"]\n',
            Start(None, ("/bin/sh", "-c", "serve it")),
        ),
    ],
)
def test_how_a_container_starts(dockerfile, start):
    assert start_of(dockerfile, "t") == start


@pytest.mark.parametrize(
    ("text", "version"),
    [("cu130", "13.0"), ("cu118", "11.8"), ("12.9.1", "12.9"), ("13.2", "13.2"), (None, None), ("", None)],
)
def test_cuda_versions(text, version):
    assert cuda_version(text) == version


WORDS = st.from_regex(r"[A-Za-z0-9_.+-]{1,12}", fullmatch=True)


@given(st.lists(WORDS), st.booleans(), st.booleans())
def test_a_list_is_read_as_it_is_written(tags, quoted, last):
    lines = "".join(f'  - "{tag}"\n' if quoted else f"  - {tag}\n" for tag in tags)
    assert listed("version: x\n\ntags:\n" + lines + ("" if last else "\nga: y\n"), "tags") == tags


@given(st.dictionaries(st.from_regex(r"[a-z_]{1,8}", fullmatch=True), WORDS), st.integers(0, 4))
def test_keys_and_values_are_read_at_any_depth(facts, depth):
    text = "".join(f'{" " * depth}{key}: "{value}"\n' for key, value in facts.items())
    assert flat_yaml(text) == facts


NAMES = st.from_regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,8}[A-Za-z0-9])?", fullmatch=True)


@given(st.dictionaries(NAMES, st.integers(0, 99)))
def test_only_exact_pins_are_taken(versions):
    exact = "".join(f"{name}=={number}.0  # why\n" for name, number in versions.items())
    ranges = "".join(f"range-{name}>={number}\n" for name, number in versions.items())
    assert pinned(exact + ranges) == {canonicalize_name(name): f"{number}.0" for name, number in versions.items()}


@pytest.fixture(scope="module")
def script():
    if not SCRIPT.exists():
        pytest.skip("needs the repository's scripts/ folder")
    spec = importlib.util.spec_from_file_location("make_image_tables", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_script_writes_the_tables_and_the_page(script, clone, wheels, tmp_path, capsys):
    page = tmp_path / "docs" / "images.md"
    page.parent.mkdir()
    page.write_text(f"before\n{MARKS[0]}\nold\n{MARKS[1]}\nafter\n", encoding="utf-8")
    arguments = ["--root", str(tmp_path), "--dlc", str(clone)]
    for wheel in wheels:
        arguments += ["--wheel", str(wheel)]
    assert script.main([*arguments, "--check"]) == 1
    assert "xgboost.json: differs from sources" in capsys.readouterr().err
    assert script.main(arguments) == 0
    assert script.main([*arguments, "--check"]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("-->\nafter\n")
    assert "| sklearn | `sagemaker-scikit-learn:1.9-0-cpu-py3` | sklearn 1.9.0 | 3.12 | cpu | 2027-01-02 |" in text
    assert "old\n" not in text


def test_the_scripts_help_shows_an_example():
    done = subprocess.run([sys.executable, str(SCRIPT), "--help"], check=True, capture_output=True, text=True)
    assert "Example:" in done.stdout
    assert "--check" in done.stdout


@pytest.mark.skipif(
    not (os.environ.get(WHEELS) and os.environ.get(DLC)),
    reason=f"{WHEELS} and {DLC} name no sources to hold the committed tables against",
)
def test_committed_tables_are_those_of_the_real_sources(script):
    wheels = [part for wheel in os.environ[WHEELS].split(os.pathsep) for part in ("--wheel", wheel)]
    assert script.main(["--check", "--dlc", os.environ[DLC], *wheels]) == 0
