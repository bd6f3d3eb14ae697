"""OpenSSF's own tool, ``model_signing``, and our files: each side takes what the other signed, and nothing changed."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path

import pytest

from cdk_modelbuilder import ModelBuilder, ModelBundle, SchemaBuilder
from cdk_modelbuilder.integrity import manifest as manifests
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.private_key import create_key_pair
from cdk_modelbuilder.integrity.public_signature import SignatureError, check_public_signature
from tests.containers.environments import KeptEnvironment

from .key_pairs import sign_publicly
from .signed import DEMO, seal, write_files

pytestmark = [pytest.mark.slow, pytest.mark.extra_install]

ENVIRONMENT = KeptEnvironment(
    name="cdk-modelbuilder-model-signing-venv",
    folder_variable="CDK_MODELBUILDER_MODEL_SIGNING_VENV",
    requirements=Path(__file__).with_name("model-signing-requirements.txt"),
    model_packages=(),
)


@pytest.fixture(scope="session")
def tool() -> Path:
    return ENVIRONMENT.python().with_name("model_signing")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return create_key_pair(tmp_path_factory.mktemp("pair") / "release.key")


@pytest.fixture(scope="module")
def built(pair, tmp_path_factory) -> ModelBundle:
    import numpy as np
    from sklearn.linear_model import LinearRegression

    X = np.arange(12, dtype=float).reshape(6, 2)
    y = X @ [1.0, 2.0]
    return ModelBuilder(
        model=LinearRegression().fit(X, y),
        schema_builder=SchemaBuilder(X, y),
        model_path=tmp_path_factory.mktemp("built") / "line",
        signing_private_key=pair[0].source,
    ).build()


def verify(tool: Path, public_key: Path, signature: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [tool, "verify", "key", "--public_key", public_key, "--signature", signature, folder]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_tool_takes_a_bundle_of_ours_without_any_option(tool, pair, built):
    done = verify(tool, pair[1], built.path / "model.sig", built.model_dir)
    assert (done.returncode, done.stdout) == (0, "Verification succeeded\n"), done.stderr


def test_the_tool_refuses_a_changed_file_an_added_one_another_key_and_another_signature(tool, pair, built, tmp_path):
    folder = shutil.copytree(built.model_dir, tmp_path / "model")
    added = folder / "added.txt"
    added.write_text("x")
    assert "Extra files" in verify(tool, pair[1], built.path / "model.sig", folder).stderr
    added.unlink()
    with (folder / "code" / "inference.py").open("a") as handle:
        handle.write("#")
    refused = verify(tool, pair[1], built.path / "model.sig", folder)
    assert refused.returncode == 1
    assert "Hash mismatch for" in refused.stderr
    assert "code/inference.py" in refused.stderr
    other, other_public = create_key_pair(tmp_path / "other.key")
    assert verify(tool, other_public, built.path / "model.sig", built.model_dir).returncode != 0
    (tmp_path / "forged.sig").write_bytes(other.sign(built.manifest.data))
    assert verify(tool, pair[1], tmp_path / "forged.sig", built.model_dir).returncode != 0


BY_ITS_LIBRARY = """
import sys, model_signing
public_key, signature, folder = sys.argv[1:]
model_signing.verifying.Config().use_elliptic_key_verifier(public_key=public_key).verify(folder, signature)
"""


def test_the_tool_s_library_takes_a_folder_listed_by_shards_and_its_command_does_not(tool, pair, tmp_path, monkeypatch):
    monkeypatch.setattr(manifests, "SHARD_SIZE", 8)
    signed = seal(write_files(tmp_path / "model", {**DEMO, "code/lib/a.py": b"\n"}))  # it leaves empty files out
    assert b'"method": "shards"' in signed.manifest.data
    sign_publicly(signed, pair[0])
    signature = signed.folder / ".modelbuilder" / "model.sig"
    command = [tool.with_name("python"), "-c", BY_ITS_LIBRARY, pair[1], signature, signed.folder]
    subprocess.run(command, check=True)
    # Version 1.1.1's command never asks the signature how the files were listed. When this fails, docs/integrity.md
    # can be simpler.
    assert "Extra files" in verify(tool, pair[1], signature, signed.folder).stderr
    (signed.folder / "b").write_bytes(b"WEIGHTS")
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Hash mismatch" in refused.stderr


def test_we_take_a_signature_of_the_tool_over_the_same_files(tool, pair, built, tmp_path):
    private = pair[0]
    theirs = tmp_path / "theirs.sig"
    command = [tool, "sign", "key", "--private_key", private.source, "--signature", theirs]
    ignored = ["--ignore-paths", built.model_dir / verifier.METADATA_FOLDER, built.model_dir]
    subprocess.run([*command, *ignored], check=True, capture_output=True)
    data = theirs.read_bytes()
    payload = base64.b64decode(json.loads(data)["dsseEnvelope"]["payload"])
    check_public_signature(data, payload, private.public)
    resources = verifier.read_resources(payload)
    assert verifier.root_digest(resources) == built.root_sha256  # one identity, whoever computes it
    verifier.check_files(built.model_dir, resources)
    with pytest.raises(SignatureError, match="another manifest"):
        check_public_signature(data, built.manifest.data, private.public)  # they spell the statement in another way
