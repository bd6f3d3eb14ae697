"""How the key comes to the verifier: by value, by the ARN of a secret, or as a public key; exactly one of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdk_modelbuilder.building.code_folder import VERIFIER_FILES
from cdk_modelbuilder.integrity import verifier
from cdk_modelbuilder.integrity.verifier import IntegrityError, verify_from_environment
from tests.aws_stand_in.stand_in import AwsStandIn

from .key_pairs import private_key, public_environment, sign_publicly
from .signed import DEMO, Signed, seal, write_files

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:cdk-modelbuilder/demo-AbCdEf"


@pytest.fixture
def signed(tmp_path) -> Signed:
    made = seal(write_files(tmp_path / "model", DEMO))
    sign_publicly(made)
    return made


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsStandIn]:
    with AwsStandIn() as stand_in:
        yield stand_in


@pytest.fixture
def secret(aws, signed) -> Iterator[str]:
    """ARN of a secret that holds the key, and another."""
    client = aws.client("secretsmanager")
    keys = {signed.key_id: signed.key.hex(), "0" * 16: "11" * 32}
    arn = client.create_secret(Name="cdk-modelbuilder/demo", SecretString=json.dumps(keys))["ARN"]
    yield arn
    aws.reset()


def by_arn(signed: Signed, arn: str) -> dict[str, str]:
    environment = {**signed.environment, verifier.KEY_ARN_VARIABLE: arn}
    del environment[verifier.KEY_VARIABLE]
    return environment


def command(signed: Signed, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The verifier as a container runs it: a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "cdk_modelbuilder.integrity.verifier", str(signed.folder)],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def travelled(folder: Path) -> Path:
    """The verifier's files as they lie in a bundle; returns the one to run."""
    folder.mkdir(exist_ok=True)
    for name, module in VERIFIER_FILES.items():
        shutil.copy(str(module.__file__), folder / f"{name}.py")
    return folder / "modelbuilder_verify.py"


def test_a_public_key_alone_is_enough(signed):
    environment = public_environment(signed, private_key().public)
    assert verify_from_environment(signed.folder, environment) == signed.manifest.root_sha256
    assert not set(environment) & {verifier.KEY_VARIABLE, verifier.KEY_ID_VARIABLE}


@pytest.mark.parametrize("name", [verifier.ROOT_VARIABLE, verifier.MANIFEST_VARIABLE])
def test_the_pins_are_needed_with_a_public_key_too(signed, name):
    environment = public_environment(signed, private_key().public)
    for bad in ("", "é", "0" * 64):
        with pytest.raises(IntegrityError):
            verify_from_environment(signed.folder, {**environment, name: bad})
    del environment[name]
    with pytest.raises(IntegrityError, match=f"lacks {name}"):
        verify_from_environment(signed.folder, environment)


def test_another_public_key_is_refused(signed):
    other = private_key(4711).public
    with pytest.raises(IntegrityError, match=f"but the public key given is {other.key_id}"):
        verify_from_environment(signed.folder, public_environment(signed, other))
    environment = public_environment(signed, other)
    with pytest.raises(IntegrityError, match="no public key of ECDSA on P-256"):
        verify_from_environment(signed.folder, {**environment, verifier.PUBLIC_KEY_VARIABLE: "release.pub"})


def test_a_forger_with_a_key_of_their_own_is_refused(signed):
    sign_publicly(signed, private_key(666))
    with pytest.raises(IntegrityError, match="was made with the key"):
        verify_from_environment(signed.folder, public_environment(signed, private_key().public))


@pytest.mark.parametrize("how", ["remove", "link", "pipe", "folder", "empty", "cut"])
def test_a_public_signature_that_is_no_plain_file(signed, how, tmp_path):
    path = signed.folder / ".modelbuilder" / "model.sig"
    data = path.read_bytes()
    path.unlink()
    if how == "link":
        (tmp_path / "real").write_bytes(data)
        path.symlink_to(tmp_path / "real")
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "folder":
        path.mkdir()
    elif how != "remove":
        path.write_bytes(data[: 0 if how == "empty" else -9])
    with pytest.raises(IntegrityError, match=r"model\.sig"):
        verify_from_environment(signed.folder, public_environment(signed, private_key().public))


@given(st.sampled_from(sorted(DEMO)), st.integers(0), st.integers(0, 7))
@settings(max_examples=60, deadline=None)
def test_any_flipped_bit_of_any_file_is_found_with_a_public_key(name, position, bit):
    with TemporaryDirectory() as place:
        signed = seal(write_files(Path(place), DEMO))
        key = sign_publicly(signed)
        data = bytearray((signed.folder / name).read_bytes() or b"\0")
        data[position % len(data)] ^= 1 << bit
        (signed.folder / name).write_bytes(data)
        with pytest.raises(IntegrityError, match=name.replace(".", r"\.")):
            verify_from_environment(signed.folder, public_environment(signed, key))


def test_what_is_added_is_found_with_a_public_key(signed):
    (signed.folder / ".modelbuilder" / "other.sig").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"\.modelbuilder/other\.sig was not signed"):
        verify_from_environment(signed.folder, public_environment(signed, private_key().public))
    (signed.folder / ".modelbuilder" / "other.sig").unlink()
    (signed.folder / "code" / "sitecustomize.py").write_bytes(b"")
    with pytest.raises(IntegrityError, match=r"code/sitecustomize\.py was not signed"):
        verify_from_environment(signed.folder, public_environment(signed, private_key().public))


def test_an_older_publicly_signed_model_is_refused(tmp_path):
    old = seal(write_files(tmp_path / "old", DEMO))
    new = seal(write_files(tmp_path / "new", {**DEMO, "b": b"better"}))
    key = sign_publicly(old)
    sign_publicly(new)
    shutil.rmtree(new.folder)
    shutil.copytree(old.folder, new.folder)
    verify_from_environment(old.folder, public_environment(old, key))
    with pytest.raises(IntegrityError, match="not the one that was reviewed"):
        verify_from_environment(new.folder, public_environment(new, key))


def test_none_is_an_error_and_never_off(signed):
    environment = dict(signed.environment)
    del environment[verifier.KEY_VARIABLE]
    with pytest.raises(IntegrityError) as caught:
        verify_from_environment(signed.folder, environment)
    for name in verifier.DELIVERIES:
        assert name in str(caught.value)
    with pytest.raises(IntegrityError, match="lacks"):
        verify_from_environment(signed.folder, {})


@pytest.mark.parametrize("absent", [*verifier.DELIVERIES, None])
def test_two_or_three_are_an_error_though_each_would_do(signed, absent):
    every = {**by_arn(signed, ARN), **public_environment(signed, private_key().public), **signed.environment}
    given = {name: value for name, value in every.items() if name != absent}
    with pytest.raises(IntegrityError, match="exactly one of them") as caught:
        verify_from_environment(signed.folder, given)
    assert signed.key.hex() not in str(caught.value)
    assert all((name in str(caught.value)) == (name != absent) for name in verifier.DELIVERIES)


def test_an_empty_one_is_none(signed):
    environment = {**public_environment(signed, private_key().public), verifier.KEY_VARIABLE: ""}
    assert verify_from_environment(signed.folder, environment) == signed.manifest.root_sha256


def test_the_hmac_does_not_ask_for_the_public_signature(signed):
    (signed.folder / ".modelbuilder" / "model.sig").unlink()
    assert verify_from_environment(signed.folder, signed.environment) == signed.manifest.root_sha256


def test_as_a_command_with_a_public_key(signed):
    environment = public_environment(signed, private_key().public)
    good = command(signed, environment)
    assert (good.returncode, good.stdout.strip(), good.stderr) == (0, signed.manifest.root_sha256, "")
    (signed.folder / "b").write_bytes(b"other")
    bad = command(signed, environment)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("model verification failed: b was changed after signing")


def test_the_bundle_s_own_copies_work_without_the_package_and_leave_nothing_behind(tmp_path):
    files = {
        **DEMO,
        **{f"code/{name}.py": Path(str(one.__file__)).read_bytes() for name, one in VERIFIER_FILES.items()},
    }
    signed = seal(write_files(tmp_path / "model", files))
    environment = public_environment(signed, sign_publicly(signed))
    for options in (["-I", "-S"], []):  # isolated from this environment's packages, and as a person would
        done = subprocess.run(
            [sys.executable, *options, "modelbuilder_verify.py", ".."],
            env={"PATH": os.environ["PATH"], **environment},
            cwd=signed.folder / "code",
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout.strip()) == (0, signed.manifest.root_sha256), done.stderr


def test_another_module_of_that_name_is_not_asked(signed, tmp_path):
    decoy = tmp_path / "decoy"
    decoy.mkdir()
    (decoy / "modelbuilder_public_signature.py").write_text("raise SystemExit('the decoy ran')\n")
    alone = travelled(tmp_path / "code")
    code = "\n".join(
        [
            f"import sys; sys.path.insert(0, {str(decoy)!r}); sys.path.append({str(alone.parent)!r})",
            f"import modelbuilder_verify; print(modelbuilder_verify.verify_from_environment({str(signed.folder)!r}))",
        ]
    )
    environment = public_environment(signed, private_key().public)
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, signed.manifest.root_sha256), done.stderr


def test_a_key_is_fetched_by_the_arn_of_its_secret(signed, aws, secret):
    partial = secret.rpartition("-")[0]  # as Secret.from_secret_name_v2 names it
    for arn in (secret, partial):
        good = command(signed, {**aws.environment, **by_arn(signed, arn)})
        assert (good.returncode, good.stdout.strip(), good.stderr) == (0, signed.manifest.root_sha256, "")
    (signed.folder / "model.ubj").write_bytes(b"other")
    bad = command(signed, {**aws.environment, **by_arn(signed, secret)})
    assert bad.returncode == 1
    assert "model.ubj was changed after signing" in bad.stderr


def test_the_bundle_s_own_copies_fetch_a_key_too(signed, aws, secret, tmp_path):
    alone = travelled(tmp_path / "code")
    environment = {**aws.environment, **by_arn(signed, secret)}
    run = [sys.executable, str(alone), str(signed.folder)]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, signed.manifest.root_sha256), done.stderr
    without = subprocess.run(
        [run[0], "-I", "-S", *run[1:]], env=environment, capture_output=True, text=True, check=False
    )
    assert without.returncode == 1
    assert "needs boto3" in without.stderr
    assert "Traceback" not in without.stderr


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("{}", "has no key"),
        ("not json", "does not hold a JSON object of keys"),
        ("[]", "does not hold a JSON object of keys"),
        ('{"KEY_ID": 7}', "has no key"),
        ('{"KEY_ID": "not hexadecimal"}', "is not hexadecimal"),
        (f'{{"KEY_ID": "{"22" * 32}"}}', "does not have the id"),
    ],
)
def test_a_secret_with_another_value(signed, aws, secret, value, words):
    text = value.replace("KEY_ID", signed.key_id)
    aws.client("secretsmanager").put_secret_value(SecretId=secret, SecretString=text)
    bad = command(signed, {**aws.environment, **by_arn(signed, secret)})
    assert bad.returncode == 1
    assert words in bad.stderr
    assert "Traceback" not in bad.stderr
    assert "22" * 32 not in bad.stderr


def test_no_such_secret_or_one_without_a_value(signed, aws, secret):
    empty = aws.client("secretsmanager").create_secret(Name="empty")["ARN"]
    binary = aws.client("secretsmanager").create_secret(Name="binary", SecretBinary=b"{}")["ARN"]
    for arn, words in ((ARN, "there is no secret"), (empty, "keys push"), (binary, "does not hold a JSON object")):
        bad = command(signed, {**aws.environment, **by_arn(signed, arn)})
        assert bad.returncode == 1
        assert arn in bad.stderr
        assert words in bad.stderr
