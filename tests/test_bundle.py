"""Opening a bundle: every kind of damage is told, with a way out; and the same inputs give the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import textwrap
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.bundle import is_bundle, json_bytes
from cdk_modelbuilder.errors import BundleError, IntegrityError, ModelBuilderError

KEY = "5a" * 32
TEXTS = ["bundle.json", "container.json", "schema.json", "manifest.json", "signature.json"]


@pytest.fixture(scope="module")
def pristine(tmp_path_factory) -> ModelBundle:
    from sklearn.linear_model import LinearRegression

    X = np.arange(12, dtype=float).reshape(6, 2)
    y = X @ [1.0, 2.0]
    return ModelBuilder(
        model=LinearRegression().fit(X, y),
        schema_builder=SchemaBuilder(X, y),
        model_path=tmp_path_factory.mktemp("bundles") / "linear",
        dependencies={"auto": False},
        signing_key=KEY,
    ).build()


@pytest.fixture
def folder(pristine, tmp_path) -> Path:
    """A copy to damage."""
    return Path(shutil.copytree(pristine.path, tmp_path / "linear"))


def fails(folder: Path, error: type[ModelBuilderError], match: str, *, reads: bool = False) -> None:
    """load() refuses the folder, and read() too unless the damage is in the model's files."""
    with pytest.raises(error, match=match) as caught:
        ModelBundle.load(folder)
    assert caught.value.remedy
    if reads:
        ModelBundle.read(folder)
    else:
        with pytest.raises(error, match=match):
            ModelBundle.read(folder)


def edit(path: Path, **changes: object) -> None:
    path.write_bytes(json_bytes({**json.loads(path.read_bytes()), **changes}))


def test_it_opens_as_it_was_built(pristine, folder):
    for opened in (ModelBundle.load(folder), ModelBundle.read(folder), ModelBundle.load(str(folder))):
        assert opened.name == "linear"
        assert opened.root_sha256 == pristine.root_sha256 == opened.info["root_sha256"]
        assert opened.container == pristine.container
        assert opened.schema == pristine.schema
        assert opened.artifact_digest == pristine.artifact_digest
    assert opened.verify(bytes.fromhex(KEY)).key_id == opened.key_id == pristine.key_id
    assert is_bundle(folder)


def test_progress_counts_the_files_and_the_archive(folder):
    counts = []
    bundle = ModelBundle.load(folder, on_bytes=counts.append)
    listed = sum(path.stat().st_size for path in bundle.model_dir.rglob("*") if path.is_file())
    metadata = sum(path.stat().st_size for path in (bundle.model_dir / ".modelbuilder").iterdir())
    assert sum(counts) == 2 * (listed - metadata)


def test_another_master_key(folder):
    with pytest.raises(IntegrityError, match="another master key"):
        ModelBundle.load(folder).verify(bytes(32))


def test_no_folder_no_bundle(tmp_path):
    fails(tmp_path / "nowhere", BundleError, "does not exist")
    fails(tmp_path, BundleError, "is not a bundle")
    (tmp_path / "file").write_text("")
    fails(tmp_path / "file", BundleError, "does not exist")
    assert not is_bundle(tmp_path)


@pytest.mark.parametrize("name", TEXTS)
def test_a_missing_text_file(folder, name):
    (folder / name).unlink()
    fails(folder, BundleError, "is not a bundle" if name == "bundle.json" else "missing: the bundle was cut short")


@pytest.mark.parametrize("name", ["bundle.json", "container.json", "schema.json", "manifest.json"])
@pytest.mark.parametrize("cut", [0, 1, 40, -3])
def test_a_text_file_that_was_cut_short(folder, name, cut):
    path = folder / name
    path.write_bytes(path.read_bytes()[:cut])
    fails(folder, IntegrityError if name == "manifest.json" else BundleError, name.replace(".", r"\."))


@pytest.mark.parametrize("cut", [0, 1, 40, -3])
def test_a_signature_that_was_cut_short(folder, cut):
    path = folder / "signature.json"
    path.write_bytes(path.read_bytes()[:cut])
    fails(folder, ModelBuilderError, r"signature\.json")


@pytest.mark.parametrize("name", ["bundle.json", "container.json", "schema.json", "manifest.json"])
@pytest.mark.parametrize("data", [b"\xff\xfe", b"[]", b"null", b"[" * 100_000], ids=["bytes", "list", "null", "deep"])
def test_a_text_file_of_something_else(folder, name, data):
    (folder / name).write_bytes(data)
    fails(folder, (BundleError, IntegrityError), name.replace(".", r"\."))


def test_a_text_file_that_is_a_folder(folder):
    (folder / "container.json").unlink()
    (folder / "container.json").mkdir()
    fails(folder, BundleError, r"container\.json cannot be read")


def test_a_newer_format(folder):
    edit(folder / "bundle.json", format_version=2)
    fails(folder, BundleError, "Upgrade cdk-modelbuilder")
    assert is_bundle(folder)


@pytest.mark.parametrize("change", [{"format": "other"}, {"format_version": "1"}, {"format_version": None}])
def test_a_bundle_json_of_something_else(folder, change):
    edit(folder / "bundle.json", **change)
    fails(folder, BundleError, "does not describe a bundle")


def test_a_newer_container_spec(folder):
    edit(folder / "container.json", format_version=2)
    fails(folder, BundleError, "format version 2")


@pytest.mark.parametrize(
    "change",
    [{"surplus": 1}, {"image": None}, {"image": {"surplus": 1}}, {"health_check": []}, {"command": 5}],
    ids=repr,
)
def test_a_malformed_container_spec(folder, change):
    edit(folder / "container.json", **change)
    fails(folder, BundleError, "malformed")


@pytest.mark.parametrize("change", [{"environment": []}, {"environment": None}, {"secret_environment": 5}], ids=repr)
def test_a_container_spec_with_fields_of_other_types(folder, change):
    edit(folder / "container.json", **change)
    fails(folder, BundleError, "malformed")


@pytest.mark.parametrize(
    "variable", ["MODELBUILDER_ROOT_SHA256", "MODELBUILDER_MANIFEST_SHA256", "MODELBUILDER_KEY_ID"]
)
@pytest.mark.parametrize("value", ["0" * 64, None])
def test_every_pin_in_the_container_spec_counts(folder, variable, value):
    environment = json.loads((folder / "container.json").read_bytes())["environment"]
    if value is None:
        del environment[variable]
    else:
        environment[variable] = value
    edit(folder / "container.json", environment=environment)
    fails(folder, IntegrityError, rf"container\.json: {variable} is {value}")


def test_the_id_of_the_secret_counts(folder):
    edit(folder / "container.json", secret_environment={"MODELBUILDER_HMAC_KEY": "0" * 16})
    fails(folder, IntegrityError, r"container\.json")


@pytest.mark.parametrize("field", ["root_sha256", "manifest_sha256"])
def test_every_digest_in_bundle_json_counts(folder, field):
    edit(folder / "bundle.json", **{field: "0" * 64})
    fails(folder, IntegrityError, f"{field} in bundle.json")


def test_a_schema_that_is_not_the_signed_one(folder):
    schema = json.loads((folder / "schema.json").read_bytes())
    schema["input"]["content_types"].append("text/html")
    (folder / "schema.json").write_bytes(json_bytes(schema))
    fails(folder, IntegrityError, r"schema\.json differs from its signed copy", reads=True)


def test_a_manifest_or_signature_that_is_not_the_one_in_the_model(folder):
    for name in ("manifest.json", "signature.json"):
        inner = folder / "model" / ".modelbuilder" / name
        data = inner.read_bytes()
        inner.write_bytes(data + b"\n")
        fails(folder, IntegrityError, f"{name} differs from its copy", reads=True)
        inner.write_bytes(data)
    ModelBundle.load(folder)


def test_another_name_in_the_signature(folder):
    for path in (folder / "signature.json", folder / "model" / ".modelbuilder" / "signature.json"):
        edit(path, root_sha256="0" * 64)
    with pytest.raises(IntegrityError, match=r"signature\.json says that root_sha256 is 0000"):
        ModelBundle.read(folder).verify(bytes.fromhex(KEY))


@pytest.mark.parametrize("damage", ["change", "remove", "add", "link"])
def test_damage_in_the_model_is_named(folder, damage):
    path = folder / "model" / "model.pkl"
    data = path.read_bytes()
    if damage != "add":
        path.unlink()
    if damage == "change":
        path.write_bytes(data[:-1] + b"?")
    elif damage == "add":
        (folder / "model" / "model.pkl.bak").write_bytes(b"")
    elif damage == "link":
        path.symlink_to(folder / "bundle.json")
    fails(folder, IntegrityError, r"model\.pkl", reads=True)


def test_text_files_alone_can_be_read_but_not_loaded(folder):
    (folder / "model.tar.gz").unlink()
    fails(folder, BundleError, r"model\.tar\.gz is missing", reads=True)
    shutil.rmtree(folder / "model")
    fails(folder, BundleError, r"only the bundle's text files are here", reads=True)


def test_an_archive_with_other_content_is_refused(folder):
    from cdk_modelbuilder.archive import ArchiveWriter

    with ArchiveWriter(folder / "model.tar.gz") as writer:
        writer.add_bytes("code/inference.py", b"raise SystemExit('anything')\n")
    fails(folder, IntegrityError, r"model\.tar\.gz", reads=True)


def test_an_archive_that_inflates_without_end_needs_no_memory(tmp_path):
    from cdk_modelbuilder.archive import ArchiveWriter
    from cdk_modelbuilder.archive_check import check_archive

    (tmp_path / "zeros").write_bytes(bytes(96 << 20))
    with ArchiveWriter(tmp_path / "bomb.tar.gz") as writer:
        writer.add_file("zeros", tmp_path / "zeros")
    assert (tmp_path / "bomb.tar.gz").stat().st_size < 1 << 20
    digest = hashlib.sha256(bytes(96 << 20)).digest()
    tracemalloc.start()
    try:
        check_archive(tmp_path / "bomb.tar.gz", [("zeros", 0, None, digest)], {})
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("change", [lambda data: data[:-9], lambda data: data + b"x", lambda data: data[:20]])
def test_an_archive_that_was_cut_or_continued(folder, change):
    path = folder / "model.tar.gz"
    path.write_bytes(change(path.read_bytes()))
    fails(folder, IntegrityError, r"model\.tar\.gz (cannot be read|lacks)", reads=True)


def test_the_texts_are_fit_for_review(pristine):
    for name in [*TEXTS, "requirements.lock"]:
        text = (pristine.path / name).read_text("utf-8")
        assert text.endswith("\n")
        assert str(pristine.path.parent) not in text
        assert KEY not in text
        if name.endswith(".json") and name != "manifest.json":
            assert text.encode() == json_bytes(json.loads(text))
    assert not any(KEY.encode() in path.read_bytes() for path in pristine.path.rglob("*") if path.is_file())


BUILDS = {
    "xgboost": """
        import numpy as np, xgboost
        X = np.random.default_rng(0).normal(size=(60, 4)); y = (X[:, 0] > 0).astype(int)
        model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1, random_state=0).fit(X, y)
        given = dict(model=model, dependencies={"auto": False})  # with capture: tests/dependencies/proof
        samples = X[:3], y[:3]
    """,
    "sklearn": """
        import numpy as np, pandas as pd
        from sklearn.compose import make_column_transformer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import OneHotEncoder, StandardScaler
        X = pd.DataFrame({"age": np.arange(20.0), "town": ["Rome", "Oslo"] * 10}); y = np.arange(20) % 2
        steps = make_column_transformer((StandardScaler(), ["age"]), (OneHotEncoder(), ["town"]))
        given = dict(model=make_pipeline(steps, LogisticRegression()).fit(X, y))
        samples = X[:3], y[:3]
    """,
    "spec": """
        import specs
        given = dict(inference_spec=specs.Shifted(3))
        samples = [1, 2], [4, 5]
    """,
}
SPEC_MODULE = """
from cdk_modelbuilder import InferenceSpec

TAGS = {"red", "green", "blue", "yellow"}


class Shifted(InferenceSpec):
    def __init__(self, by):
        self.by = by
        self.names = {"b": 1, "a": 2}

    def load(self, model_dir):
        return self.by

    def invoke(self, input_object, model):
        return [value + model for value in input_object]
"""


def build_in_a_process(place: Path, script: str, seed: int) -> dict[str, bytes]:
    """Every file of the bundle that a fresh interpreter makes of ``script`` in the folder ``place``."""
    place.mkdir(parents=True)
    (place / "specs.py").write_text(SPEC_MODULE)
    text = textwrap.dedent(script) + textwrap.dedent(f"""
        from cdk_modelbuilder import ModelBuilder, SchemaBuilder
        ModelBuilder(
            schema_builder=SchemaBuilder(*samples), name="same", model_path="out/same", signing_key="{KEY}", **given
        ).build()
    """)
    environment = {
        **os.environ,
        "PYTHONHASHSEED": str(seed),
        "PYTHONPATH": str(place),
        "PYTHONDONTWRITEBYTECODE": "1",
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    bundle = place / "out" / "same"
    assert ModelBundle.load(bundle).name == "same"
    return {path.relative_to(bundle).as_posix(): path.read_bytes() for path in bundle.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=pytest.mark.heavy if kind == "sklearn" else ()) for kind in BUILDS]
)
def test_two_builds_give_the_same_bytes(tmp_path, kind):
    first = build_in_a_process(tmp_path / "one", BUILDS[kind], 1)
    second = build_in_a_process(tmp_path / "a longer name" / "two", BUILDS[kind], 4242)
    assert sorted(first) == sorted(second)
    assert [name for name in first if first[name] != second[name]] == []
    assert {*TEXTS, "requirements.lock", "model.tar.gz", "model/code/inference.py"} <= set(first)
