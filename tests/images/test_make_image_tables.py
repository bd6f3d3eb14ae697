"""The script that makes the tables: against small made-up sources, and against the real ones where they are at hand."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "make_image_tables.py"
# Wheels (joined with os.pathsep) and a clone of aws/deep-learning-containers, to hold the committed tables against.
WHEELS, DLC = "IMAGE_TABLES_WHEELS", "IMAGE_TABLES_DLC"
pytestmark = pytest.mark.skipif(
    not SCRIPT.exists() or shutil.which("git") is None, reason="needs the repository's scripts/ folder, and git"
)

LOCK = """
[[package]]
name = "dlc"
version = "1"
source = { virtual = "." }
dependencies = [{ name = "Dask_Thing", extra = ["big"] }, { name = "winonly", marker = "sys_platform == 'win32'" }]
[[package]]
name = "Dask_Thing"
version = "2.0"
source = { registry = "x" }
optional-dependencies = { big = [{ name = "extra" }], other = [{ name = "unwanted" }] }
[[package]]
name = "extra"
version = "3.0"
source = { registry = "x" }
[[package]]
name = "unwanted"
version = "4.0"
source = { registry = "x" }
[[package]]
name = "winonly"
version = "5.0"
source = { registry = "x" }
"""


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_image_tables", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["make_image_tables"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    yield module
    del sys.modules["make_image_tables"]


@pytest.fixture
def sources(tmp_path):
    """Sources with the versions that image_facts.toml knows, and one newer image of each framework."""
    versions = {
        "sklearn": ["1.9-0", "1.2-1", "1.0-1", "0.23-1", "0.20.0"],
        "xgboost": ["3.2-0", "1.7-1", "1.5-1", "1.3-1", "1.2-2", "1.2-1", "1.0-1", "0.90-2", "0.90-1", "1"],
    }
    repositories = {"sklearn": "sagemaker-scikit-learn", "xgboost": "sagemaker-xgboost"}
    row = {"registries": {"us-east-1": "111122223333"}, "processors": ["cpu"], "py_versions": ["py3"]}
    core = tmp_path / "sagemaker_core-9.9.9-py3-none-any.whl"
    with zipfile.ZipFile(core, "w") as wheel:
        for framework, names in versions.items():
            rows = {version: row | {"repository": repositories[framework]} for version in names}
            config = json.dumps({"inference": {"versions": rows}})
            wheel.writestr(f"sagemaker/core/image_uri_config/{framework}.json", config)
    botocore = tmp_path / "botocore-8.8.8-py3-none-any.whl"
    with zipfile.ZipFile(botocore, "w") as wheel:
        partition = {"id": "aws", "regionRegex": "^us-east-1$", "outputs": {"dnsSuffix": "amazonaws.com"}}
        wheel.writestr("botocore/data/partitions.json", json.dumps({"partitions": [partition]}))

    files = {
        "docs/reference/region_availability.md": "## SageMaker Algorithm Registry\n| x | us-east-1 | 111122223333 |\n"
    }
    for framework, repository in repositories.items():
        version = versions[framework][0]
        files |= {
            f"docs/src/data/{repository}/a.yml": f'version: "{version}"\neop: "2027-01-02"\n',
            f".github/config/image/{framework}/a.yml": (
                f'metadata:\n  framework_version: "{version.replace("-", ".")}"\n  prod_image: "r:{version}-cpu-py3"\n'
                f'build:\n  dockerfile: "docker/{framework}/Dockerfile"\n  python_version: "3.12"\n'
            ),
        }
    files |= {
        "docker/xgboost/uv.lock": LOCK,
        "docker/sklearn/requirements.txt": "numpy==2.10 # why\nscipy>=1.9\n\n-r x\nPyYAML==6.0.*\nDask==2024.11.02\n",
        "docker/sklearn/Dockerfile": "ARG PYARROW_VERSION=17.0.0\n",
    }
    dlc = tmp_path / "dlc"
    for path, text in files.items():
        (dlc / path).parent.mkdir(parents=True, exist_ok=True)
        (dlc / path).write_text(text, encoding="utf-8")
    identity = {f"GIT_{who}_{what}": "nobody" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    dates = {"GIT_AUTHOR_DATE": "2026-08-21T12:00:00Z", "GIT_COMMITTER_DATE": "2026-08-21T12:00:00Z"}
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "--no-verify", "-m", "x"]):
        environment = os.environ | identity | dates | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", "-C", str(dlc), *command], check=True, env=environment)

    root = tmp_path / "root"
    (root / "docs").mkdir(parents=True)
    (root / "docs" / "images.md").write_text(
        "before\n<!-- images: made by scripts/make_image_tables.py -->\nold\n<!-- images: end -->\nafter\n",
        encoding="utf-8",
    )
    return root, ["--root", str(root), "--dlc", str(dlc), "--wheel", str(core), "--wheel", str(botocore)]


def test_makes_the_tables_and_then_finds_them_current(script, sources, capsys):
    root, arguments = sources
    assert script.main([*arguments, "--check"]) == 1
    assert "xgboost.json: differs from sources" in capsys.readouterr().err
    assert script.main(arguments) == 0
    assert script.main([*arguments, "--check"]) == 0

    table = json.loads((root / "cdk_modelbuilder/images/tables/xgboost.json").read_text(encoding="utf-8"))
    newest = table["images"][0]
    assert table["as_of"] == "2026-08-21"
    assert [image["version"] for image in table["images"]] == ["3.2-0", "1.7-1", "1.5-1"]
    assert (newest["end_of_patch"], newest["tag"]) == ("2027-01-02", "3.2-0-cpu-py3")
    assert newest["provides"] == {"dask-thing": "2.0", "extra": "3.0", "xgboost": "3.2.0"}

    newest = json.loads((root / "cdk_modelbuilder/images/tables/sklearn.json").read_text(encoding="utf-8"))["images"][0]
    assert newest["provides"] == {
        "dask": "2024.11.2",
        "numpy": "2.10",
        "pyarrow": "17.0.0",
        "scikit-learn": "1.9.0",
    }
    page = (root / "docs/images.md").read_text(encoding="utf-8")
    assert page.startswith("before\n")
    assert page.endswith("-->\nafter\n")
    assert "| sklearn | `1.9-0-cpu-py3` | 1.9.0 | 3.12 | 2027-01-02 | 2.10 | unknown |" in page
    assert "old" not in page


def test_changed_table_fails_the_check(script, sources):
    root, arguments = sources
    script.main(arguments)
    table = root / "cdk_modelbuilder/images/regions.json"
    table.write_text(table.read_text(encoding="utf-8").replace("111122223333", "111122223334"), encoding="utf-8")
    assert script.main([*arguments, "--check"]) == 1


def test_version_without_facts_stops_it(script, sources, capsys):
    _, arguments = sources
    core = Path(arguments[5])
    with zipfile.ZipFile(core) as wheel:
        members = {name: json.loads(wheel.read(name)) for name in wheel.namelist()}
    versions = members["sagemaker/core/image_uri_config/xgboost.json"]["inference"]["versions"]
    versions["4.0-0"] = versions["3.2-0"]
    with zipfile.ZipFile(core, "w") as wheel:
        for name, content in members.items():
            wheel.writestr(name, json.dumps(content))
    with pytest.raises(SystemExit) as caught:
        script.main(arguments)
    assert caught.value.code == 1
    assert "xgboost ['4.0-0']: no facts" in capsys.readouterr().err


def test_sources_that_contradict_each_other_stop_it(script, sources, capsys):
    _, arguments = sources
    page = Path(arguments[3]) / "docs/reference/region_availability.md"
    page.write_text(page.read_text(encoding="utf-8").replace("111122223333", "999999999999"), encoding="utf-8")
    who = ["-c", "user.name=nobody", "-c", "user.email=nobody"]
    subprocess.run(["git", "-C", arguments[3], *who, "commit", "-qam", "x", "--no-verify"], check=True)
    with pytest.raises(SystemExit):
        script.main(arguments)
    assert "us-east-1: sagemaker-core says 111122223333" in capsys.readouterr().err


def test_help_shows_an_example():
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
