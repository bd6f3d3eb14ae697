"""requirements.lock and the container's requirements.txt: pip and our own readers take both as they are."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.comparing.bundles.dependency_section import read_lock
from cdk_modelbuilder.dependencies.index_options import check_index_options, for_pip, for_uv, split_option
from cdk_modelbuilder.dependencies.lock_file import (
    WHEELS_FOLDER,
    index_options_of,
    lock_text,
    read_pins,
    requirements_text,
)
from cdk_modelbuilder.dependencies.pin import Pin
from cdk_modelbuilder.errors import BundleError, UsageError

from .local_wheels import make_wheel

ONE = "sha256:" + "1" * 64
TWO = "sha256:" + "2" * 64

names = st.from_regex(r"[a-z][a-z0-9]{0,8}(-[a-z0-9]{1,5})?", fullmatch=True)
versions = st.from_regex(r"[0-9]{1,3}(\.[0-9]{1,3}){0,2}(rc1|\.post2|\+cu121)?", fullmatch=True)
reasons = st.lists(st.from_regex(r"[^\s]{1,8}", fullmatch=True), min_size=1, max_size=5).map(" ".join)
reasons = reasons.map(lambda text: text.rstrip("\\ "))


@st.composite
def pin_lists(draw):
    listed = draw(st.lists(names, unique=True, min_size=1, max_size=5))
    hashed = draw(st.booleans())
    hashes = st.sets(st.sampled_from([ONE, TWO]), min_size=1).map(lambda found: tuple(sorted(found)))
    pins = []
    for name in sorted(listed):
        version = draw(versions)
        line = draw(
            st.sampled_from([f"{name}=={version}", f"{name}[fast]=={version}", f"{name} @ git+https://host/{name}@0f"])
        )
        pins.append(Pin(name, line, draw(reasons), draw(hashes) if hashed else ()))
    return pins


@given(pin_lists())
def test_what_is_written_is_what_is_read(pins):
    text = lock_text(pins)
    assert read_pins(text) == pins
    assert lock_text(pins[::-1]) == text
    reviewed = read_lock(text)
    assert sorted(reviewed) == [pin.name for pin in pins]
    for pin in pins:
        assert reviewed[pin.name].hashes == pin.hashes
        assert reviewed[pin.name].reason == pin.reason


def test_one_package_a_line_with_its_reason():
    pins = [
        Pin("numpy", "numpy==2.3.0", "imported by code/inference.py", (TWO, ONE)),
        Pin("a", "a==1", "given\nby  me", (ONE,)),
    ]
    assert lock_text(pins).splitlines() == [
        "# Every package that the model needs at run time, and why.",
        f"a==1 --hash={ONE}  # given by me",
        f"numpy==2.3.0 --hash={ONE} --hash={TWO}  # imported by code/inference.py",
    ]


def test_one_package_without_hashes_takes_those_of_the_others_away_and_that_is_said():
    pins = [Pin("a", "a==1", "r", (ONE,)), Pin("x", "x @ git+https://host/x@0f", "r")]
    assert lock_text(pins).splitlines()[1:] == [
        "# Without hashes, because these have none: x.",
        "a==1  # r",
        "x @ git+https://host/x@0f  # r",
    ]
    assert "--hash" not in requirements_text(pins)


def test_an_editable_repository_is_read_by_the_name_that_it_says():
    (pin,) = read_pins("-e git+https://host/x@0f#egg=My_Pkg[fast]  # given\n")
    assert (pin.name, pin.requirement) == ("my-pkg", "-e git+https://host/x@0f#egg=My_Pkg[fast]")


def test_a_line_that_is_no_requirement_is_named_with_its_number():
    with pytest.raises(BundleError, match="line 2: 'a b'"):
        read_pins("# why\na b  # r\n")


def pip(*arguments, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", "--isolated", "--disable-pip-version-check", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd)


def sha256(path: Path) -> str:
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def wheels(tmp_path) -> dict[str, Path]:
    """Two wheels, of which one requires the other, in the folder that a wheelhouse has."""
    folder = tmp_path / "code" / WHEELS_FOLDER
    return {
        "tiny-one": make_wheel(folder, "tiny-one", "1.0", requires=["tiny-two>=1"]),
        "tiny-two": make_wheel(folder, "tiny-two", "2.0"),
    }


def pins_of(wheels: dict[str, Path], *, hashed: bool) -> list[Pin]:
    return [
        Pin(
            name,
            f"{name}=={path.name.split('-')[1]}",
            "imported by code/inference.py # twice",
            (sha256(path),) if hashed else (),
        )
        for name, path in wheels.items()
    ]


@pytest.mark.parametrize("hashed", [False, True])
def test_pip_installs_the_lock_as_it_is(wheels, tmp_path, hashed):
    lock = tmp_path / "requirements.lock"
    lock.write_text(lock_text(pins_of(wheels, hashed=hashed)))
    found = pip("install", "--no-index", "-f", tmp_path / "code/wheels", "--target", "out", "-r", lock, cwd=tmp_path)
    assert found.returncode == 0, found.stderr
    assert {"tiny_one.py", "tiny_two.py"} <= {path.name for path in (tmp_path / "out").iterdir()}


def test_a_reason_cannot_swallow_the_next_package(wheels, tmp_path):
    lock = tmp_path / "requirements.lock"
    pins = [Pin(pin.name, pin.requirement, "given in C:\\\\") for pin in pins_of(wheels, hashed=False)]
    lock.write_text(lock_text([*pins, Pin("tiny-zero", "tiny-zero==1", "")]))
    assert [pin.name for pin in read_pins(lock.read_text())] == ["tiny-one", "tiny-two", "tiny-zero"]
    assert sorted(read_lock(lock.read_text())) == ["tiny-one", "tiny-two", "tiny-zero"]
    found = pip("install", "--no-index", "-f", tmp_path / "code/wheels", "--dry-run", "-r", lock, cwd=tmp_path)
    assert "No matching distribution found for tiny-zero==1" in found.stderr


def test_pip_refuses_a_file_that_the_lock_has_another_hash_for(wheels, tmp_path):
    lock = tmp_path / "requirements.lock"
    lock.write_text(lock_text(pins_of(wheels, hashed=True)))
    make_wheel(wheels["tiny-two"].parent, "tiny-two", "2.0", modules={"tiny_two.py": "evil = True\n"})
    found = pip("install", "--no-index", "-f", tmp_path / "code/wheels", "--target", "out", "-r", lock, cwd=tmp_path)
    assert found.returncode != 0
    assert "THESE PACKAGES DO NOT MATCH THE HASHES" in found.stderr


def test_pip_finds_the_wheels_beside_the_requirements_file_from_wherever_it_runs(wheels, tmp_path):
    requirements = tmp_path / "code" / "requirements.txt"
    requirements.write_text(requirements_text(pins_of(wheels, hashed=False), wheels=True))
    assert requirements.read_text().splitlines()[:2] == ["--no-index", "--find-links wheels"]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    found = pip("install", "--target", "out", "-r", requirements, cwd=elsewhere)
    assert found.returncode == 0, found.stderr
    assert (elsewhere / "out" / "tiny_two.py").is_file()


def test_options_come_first_in_their_order_and_are_read_back():
    options = ["--index-url https://host/simple", "--extra-index-url https://other/simple"]
    text = requirements_text([Pin("a", "a==1", "r")], index_options=options)
    assert text.splitlines() == [*options, "a==1"]
    assert index_options_of(text) == options
    assert index_options_of(requirements_text([Pin("a", "-e git+https://host/a@0f#egg=a", "r")], wheels=True)) == []


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--index-url https://me:secret@host/simple", "credentials"),
        ("--extra-index-url=https://token@host/simple", "credentials"),
        ("--find-links https://host/x?token=secret", "credentials"),
        ("--cache-dir folder", "'--cache-dir'"),
        ("--index-url", "its value is missing"),
    ],
)
def test_options_that_are_refused(option, said):
    with pytest.raises(UsageError, match=said) as error:
        requirements_text([], index_options=[option])
    assert "secret" not in str(error.value)


def test_options_as_each_tool_has_them():
    assert requirements_text([], index_options=["--trusted-host host", "--only-binary :all:"])
    assert for_uv(["--trusted-host host", "--no-binary a"]) == ["--allow-insecure-host", "host", "--no-binary", "a"]
    options = [
        "--index-url=https://host/simple",
        "--extra-index-url https://other/simple",
        "-f https://host/x",
        "--pre",
    ]
    check_index_options(options)
    assert split_option("-i   https://host/simple") == ("-i", "https://host/simple")
    assert for_pip(options)[:2] == ["--index-url", "https://host/simple"]
    assert for_uv(options) == [
        *("--default-index", "https://host/simple", "--index", "https://other/simple"),
        *("--find-links", "https://host/x", "--prerelease", "allow", "--index-strategy", "unsafe-best-match"),
    ]
