"""A bundle that was signed with a private key too: what is in it, and that every reader of bundles knows it."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.errors import BundleError, IntegrityError, KeyFileError, UsageError
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.private_key import PRIVATE_KEY_FILE_VARIABLE, PRIVATE_KEY_VARIABLE
from cdk_modelbuilder.local.starting import start_process
from tests.conftest import MASTER_KEY

from .key_pairs import private_key, private_pem

SIGNED_AT = "model/.modelbuilder/model.sig"


def build(regression, path: Path, **options) -> ModelBundle:
    schema = SchemaBuilder(regression.X, regression.y)
    return ModelBuilder(
        model=regression.model, schema_builder=schema, model_path=path, dependencies={"auto": False}, **options
    ).build()


@pytest.fixture(scope="module")
def pristine(tmp_path_factory):
    """A bundle, and the same without a public signature."""
    import numpy as np
    from sklearn.linear_model import LinearRegression

    X = np.arange(12, dtype=float).reshape(6, 2)
    model = LinearRegression().fit(X, X @ [1.0, 2.0])
    folder = tmp_path_factory.mktemp("signed")
    both = []
    for name, key in (("one/line", private_pem()), ("other/line", None)):
        schema = SchemaBuilder(X, X @ [1.0, 2.0])
        builder = ModelBuilder(
            model=model,
            schema_builder=schema,
            model_path=folder / name,
            dependencies={"auto": False},
            signing_key=MASTER_KEY,
            signing_private_key=key,
        )
        both.append(builder.build())
    return both


@pytest.fixture
def bundle(pristine, tmp_path) -> ModelBundle:
    shutil.copytree(pristine[0].path, tmp_path / "line")
    return ModelBundle.read(tmp_path / "line")


def test_it_stands_beside_the_hmac_in_the_bundle_the_model_folder_and_the_archive(pristine):
    signed = pristine[0]
    data = (signed.path / "model.sig").read_bytes()
    assert data == signed.public_signature == (signed.path / SIGNED_AT).read_bytes()
    with tarfile.open(signed.archive_path) as archive:
        assert archive.getnames()[-3:] == [
            f".modelbuilder/{name}" for name in ("manifest.json", "signature.json", "model.sig")
        ]
        assert archive.extractfile(".modelbuilder/model.sig").read() == data
    assert signed.public_key_id == private_key().public.key_id
    assert signed.info["files"]["public_signature"] == "model.sig"


def test_nothing_else_differs_from_a_bundle_without_it(pristine):
    signed, plain = pristine
    assert plain.public_signature is plain.public_key_id is None
    assert signed.manifest.data == plain.manifest.data
    assert signed.signature == plain.signature
    assert signed.container == plain.container
    files = {path.relative_to(signed.path).as_posix() for path in signed.path.rglob("*")}
    assert files - {path.relative_to(plain.path).as_posix() for path in plain.path.rglob("*")} == {
        "model.sig",
        SIGNED_AT,
    }
    assert "public_signature" not in plain.info["files"]


def test_the_artifact_digest_covers_it_and_is_as_before_without_it(pristine):
    signed, plain = pristine
    named = b"cdk-modelbuilder/archive/v1\n" + plain.signature
    assert plain.artifact_digest == hashlib.sha256(named).hexdigest()
    assert signed.artifact_digest == hashlib.sha256(named + b"\0" + signed.public_signature).hexdigest()


def test_the_same_inputs_give_the_same_bytes(regression, tmp_path):
    for name in ("a", "b"):
        build(regression, tmp_path / name / "line", signing_private_key=private_pem())
    first, second = tmp_path / "a" / "line", tmp_path / "b" / "line"
    files = sorted(path.relative_to(first) for path in first.rglob("*") if path.is_file())
    assert Path("model.sig") in files
    for path in files:
        assert (first / path).read_bytes() == (second / path).read_bytes(), path


def test_it_verifies_with_either_key_or_both(bundle):
    public = private_key().public
    assert ModelBundle.load(bundle.path).public_signature == bundle.public_signature
    assert bundle.verify(public_key=public.pem) is None
    key = bundle.verify(bytes.fromhex(MASTER_KEY), public_key=public.line)
    assert key.key_id == bundle.key_id == bundle.verify(bytes.fromhex(MASTER_KEY)).key_id
    with pytest.raises(IntegrityError, match="was made with the key"):
        bundle.verify(bytes.fromhex(MASTER_KEY), public_key=private_key(2).public.pem)
    with pytest.raises(IntegrityError, match="another master key"):
        bundle.verify(bytes(32), public_key=public.pem)
    with pytest.raises(UsageError, match="no key"):
        bundle.verify()
    with pytest.raises(KeyFileError):
        bundle.verify(public_key="nowhere.pub")


def test_a_bundle_without_it_says_so(pristine):
    with pytest.raises(UsageError, match="no public signature") as caught:
        pristine[1].verify(public_key=private_key().public.pem)
    assert "signing_private_key" in caught.value.remedy


def test_changed_files_are_found_with_the_public_key(bundle):
    (bundle.model_dir / "code" / "inference.py").write_text("# other")
    with pytest.raises(IntegrityError, match=r"code/inference\.py was changed"):
        bundle.verify(public_key=private_key().public.pem)


@pytest.mark.parametrize("place", ["model.sig", SIGNED_AT])
@pytest.mark.parametrize("how", ["forged", "removed", "damaged"])
def test_a_changed_signature_is_refused_when_the_bundle_is_loaded(bundle, place, how):
    path = bundle.path / place
    if how == "removed":
        path.unlink()
    else:
        path.write_bytes(private_key(666).sign(bundle.manifest.data) if how == "forged" else b"{}")
    with pytest.raises((BundleError, IntegrityError), match=r"model\.sig"):
        ModelBundle.load(bundle.path)


def test_a_signature_of_another_bundle_is_refused_when_the_text_files_are_read(bundle):
    (bundle.path / "model.sig").write_bytes(private_key().sign(b"{}"))
    with pytest.raises(IntegrityError, match="another manifest"):
        ModelBundle.read(bundle.path)


def test_a_signature_that_the_bundle_does_not_name_is_refused(bundle):
    info = json.loads((bundle.path / "bundle.json").read_bytes())
    del info["files"]["public_signature"]
    (bundle.path / "bundle.json").write_text(json.dumps(info))
    (bundle.path / "model.sig").unlink()
    with pytest.raises(IntegrityError, match="does not belong to the bundle"):
        ModelBundle.load(bundle.path)
    (bundle.path / SIGNED_AT).unlink()
    with pytest.raises(IntegrityError, match="which was not signed"):  # still in the archive
        ModelBundle.load(bundle.path)


def test_an_archive_without_it_is_refused(pristine, bundle):
    shutil.copy(pristine[1].archive_path, bundle.archive_path)
    with pytest.raises(IntegrityError, match=r"lacks \.modelbuilder/model\.sig"):
        ModelBundle.load(bundle.path)


def test_the_key_comes_from_the_environment_too(regression, tmp_path, monkeypatch):
    path = tmp_path / "release.key"
    path.write_text(private_pem(9))
    path.chmod(0o600)
    monkeypatch.setenv(PRIVATE_KEY_FILE_VARIABLE, str(path))
    made = build(regression, tmp_path / "line")
    assert made.public_key_id == private_key(9).public.key_id
    monkeypatch.setenv(PRIVATE_KEY_VARIABLE, private_pem(10))
    assert build(regression, tmp_path / "line").public_key_id == private_key(10).public.key_id
    path.chmod(0o644)
    monkeypatch.delenv(PRIVATE_KEY_VARIABLE)
    with pytest.raises(KeyFileError, match="chmod 600"):
        build(regression, tmp_path / "line")
    assert ModelBundle.load(tmp_path / "line").public_key_id == private_key(10).public.key_id


def test_no_file_of_the_bundle_holds_the_private_key(pristine):
    middle = private_pem().splitlines()[1].encode()
    for path in pristine[0].path.rglob("*"):
        if path.is_file():
            assert middle not in path.read_bytes(), path


def test_the_local_endpoint_takes_the_master_key_s_whatever_else_is_set(bundle, monkeypatch, tmp_path):
    monkeypatch.setenv(verifier.PUBLIC_KEY_VARIABLE, private_key().public.line)
    monkeypatch.setenv(verifier.KEY_ARN_VARIABLE, "arn:aws:secretsmanager:us-east-1:123456789012:secret:x-AbCdEf")
    monkeypatch.setenv(PRIVATE_KEY_VARIABLE, private_pem())
    process = start_process(bundle)
    try:
        environment = Path(f"/proc/{process.pid}/environ")
        if environment.exists():
            assert b"PRIVATE KEY" not in environment.read_bytes()
    finally:
        process.stop()


def cli(*arguments: object, status: int = 0) -> str:
    command = [sys.executable, "-m", "cdk_modelbuilder.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def test_a_pair_goes_beside_the_master_key_by_default(tmp_path, monkeypatch):
    monkeypatch.setenv("MODELBUILDER_MASTER_KEY_FILE", str(tmp_path / "config" / "master.key"))
    cli("keys", "create-pair")
    assert sorted(path.name for path in (tmp_path / "config").iterdir()) == ["release.key", "release.pub"]
    assert "release.pub exists already" in cli("keys", "create-pair", status=1)


def test_the_command_line_makes_a_pair_signs_shows_and_verifies(tmp_path):
    made = json.loads(cli("keys", "create-pair", "--file", tmp_path / "release.key", "--json"))
    assert made["public key"] == str(tmp_path / "release.pub")
    said = cli("keys", "create-pair", "--file", tmp_path / "other.key")
    assert "BEGIN" not in said
    assert str(tmp_path / "other.pub") in said
    (tmp_path / "train.py").write_text(
        "import numpy as np\n"
        "from sklearn.linear_model import LinearRegression\n"
        "from cdk_modelbuilder import ModelBuilder, SchemaBuilder\n"
        "X = np.arange(12.0).reshape(6, 2)\n"
        "model = LinearRegression().fit(X, X.sum(axis=1))\n"
        "schema = SchemaBuilder(X, X.sum(axis=1))\n"
        f"builder = ModelBuilder(model, schema_builder=schema, model_path={str(tmp_path / 'm')!r})\n"
    )
    built = json.loads(cli("build", tmp_path / "train.py", "--private-key", tmp_path / "release.key", "--json"))
    assert built["public key id"] == made["key id"]
    assert made["key id"] in cli("inspect", tmp_path / "m")
    found = json.loads(cli("verify", tmp_path / "m", "--public-key", tmp_path / "release.pub", "--json"))
    assert (found["public signature"], found["signature"]) == ("ok", "not checked")
    assert "are good" in cli("verify", tmp_path / "m", "--public-key", tmp_path / "release.pub")
    assert json.loads(cli("verify", tmp_path / "m", "--json"))["signature"] == "ok"
    refused = cli("verify", tmp_path / "m", "--public-key", tmp_path / "other.pub", status=1)
    assert f"made with the key {made['key id']}" in refused
    both = ("verify", tmp_path / "m", "--public-key", tmp_path / "release.pub", "--content-only")
    assert "--content-only checks no signature" in cli(*both, status=2)
    (tmp_path / "m" / "model" / "code" / "inference.py").write_text("")
    assert "was changed after signing" in cli(
        "verify", tmp_path / "m", "--public-key", tmp_path / "release.pub", status=1
    )
