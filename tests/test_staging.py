"""A bundle appears whole or not at all, and nothing that is not ours is ever replaced."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from cdk_modelbuilder import staging
from cdk_modelbuilder.bundle import is_bundle
from cdk_modelbuilder.errors import BundleError
from cdk_modelbuilder.staging import place_file, staged_folder


def make(target: Path, text: str = "new", *, may_replace=lambda path: False) -> None:
    with staged_folder(target, may_replace=may_replace) as aside:
        (aside / "file").write_text(text)


def tree(folder: Path) -> dict[str, str | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_a_new_folder_and_its_parents(tmp_path):
    make(tmp_path / "build" / "deep" / "churn")
    assert tree(tmp_path) == {
        "build": None,
        "build/deep": None,
        "build/deep/churn": None,
        "build/deep/churn/file": "new",
    }


def test_it_is_not_there_before_the_block_ends(tmp_path):
    with staged_folder(tmp_path / "churn", may_replace=lambda path: False) as aside:
        assert not (tmp_path / "churn").exists()
        assert aside.parent == tmp_path  # the same file system, so the rename is one step
        (aside / "file").write_text("new")
    assert tree(tmp_path) == {"churn": None, "churn/file": "new"}


def test_an_existing_one_is_replaced_whole(tmp_path):
    make(tmp_path / "churn", "old")
    (tmp_path / "churn" / "only in the old one").write_text("")
    asked = []
    make(tmp_path / "churn", may_replace=lambda path: asked.append(path) or True)
    assert tree(tmp_path) == {"churn": None, "churn/file": "new"}
    assert asked == [tmp_path / "churn"]


def test_an_empty_folder_may_be_replaced_without_asking(tmp_path):
    (tmp_path / "churn").mkdir()
    make(tmp_path / "churn")
    assert tree(tmp_path / "churn") == {"file": "new"}


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_when_the_block_raises(tmp_path, error):
    make(tmp_path / "churn", "old")
    with pytest.raises(error), staged_folder(tmp_path / "churn", may_replace=lambda path: True) as aside:  # noqa: PT012
        (aside / "sub").mkdir()
        (aside / "sub" / "half").write_text("")
        raise error
    assert tree(tmp_path) == {"churn": None, "churn/file": "old"}


def test_the_old_one_comes_back_when_the_rename_fails(tmp_path, monkeypatch):
    make(tmp_path / "churn", "old")
    real = Path.rename

    def rename(self, target):
        if ".building-" in self.name:
            raise OSError(errno.EIO, "broken disk")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="broken disk"):
        make(tmp_path / "churn", may_replace=lambda path: True)
    assert tree(tmp_path) == {"churn": None, "churn/file": "old"}


def refused(target: Path, match: str) -> BundleError:
    with pytest.raises(BundleError, match=match) as caught:
        make(target, may_replace=is_bundle)
    assert caught.value.remedy
    return caught.value


def test_a_folder_that_is_no_bundle_stays_as_it_is(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years of work")
    refused(tmp_path / "thesis", "is not a bundle; it stays as it is")
    assert tree(tmp_path) == {"thesis": None, "thesis/chapter": "years of work"}


def test_a_file_stays_as_it_is(tmp_path):
    (tmp_path / "file").write_text("mine")
    refused(tmp_path / "file", "is not a folder")
    refused(tmp_path / "file" / "below", "cannot be made")
    refused(tmp_path / "file" / "far" / "below", "cannot be made")
    assert tree(tmp_path) == {"file": "mine"}


@pytest.mark.parametrize("there", [True, False])
def test_a_link_stays_as_it_is(tmp_path, there):
    if there:
        (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    refused(tmp_path / "link", "is not a folder")
    assert (tmp_path / "link").is_symlink()


def test_a_place_where_no_folder_can_be_made():
    if not Path("/proc/self").exists():
        pytest.skip("there is no /proc here")
    refused(Path("/proc/no-such-place/churn"), r"/proc")
    refused(Path("/proc/churn"), r"/proc")


def test_a_name_as_long_as_names_may_be(tmp_path):
    name = "n" * 255
    make(tmp_path / name, "old")
    make(tmp_path / name, may_replace=lambda path: True)
    assert tree(tmp_path) == {name: None, f"{name}/file": "new"}


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_place_that_may_not_be_written(tmp_path, monkeypatch, code):
    def mkdir(self, *args, **kwargs):
        raise OSError(code, os.strerror(code), str(self))

    monkeypatch.setattr(Path, "mkdir", mkdir)
    error = refused(tmp_path / "churn", "cannot be written")
    assert "permissions" in error.remedy


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_in_words(tmp_path, code):
    with (
        pytest.raises(BundleError, match=r"is full \(\d+ MiB free\); nothing was left behind"),
        staged_folder(tmp_path / "churn", may_replace=lambda path: False) as aside,
    ):
        raise OSError(code, "full", str(aside))
    assert tree(tmp_path) == {}


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one megabyte."""
    place = tmp_path / "small"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if done.returncode != 0:
        pytest.skip("mounting a file system is not permitted here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_is_really_full(small_disk):
    make(small_disk / "churn", "old")
    with (
        pytest.raises(BundleError, match="is full") as caught,
        staged_folder(small_disk / "churn", may_replace=lambda path: True) as aside,
    ):
        (aside / "big").write_bytes(bytes(4 << 20))
    assert str(small_disk / "churn") in caught.value.what
    assert tree(small_disk) == {"churn": None, "churn/file": "old"}


def test_a_build_on_a_full_disk_leaves_nothing(small_disk, regression):
    from cdk_modelbuilder import ModelBuilder, SchemaBuilder

    (small_disk / "filler").write_bytes(bytes(1000 << 10))
    builder = ModelBuilder(
        model=regression.model,
        schema_builder=SchemaBuilder(regression.X, regression.y),
        model_path=small_disk / "linear",
        signing_key="11" * 32,
    )
    with pytest.raises(BundleError, match="is full"):
        builder.build()
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_file_is_shared_with_its_source_where_that_can_be(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "_reflink", lambda source, destination: False)
    (tmp_path / "source").write_text("weights")
    place_file(tmp_path / "source", tmp_path / "a" / "b" / "copy")
    assert (tmp_path / "a" / "b" / "copy").read_text() == "weights"
    assert (tmp_path / "a" / "b" / "copy").samefile(tmp_path / "source")


def test_else_it_is_copied(tmp_path, monkeypatch):
    def link(*args, **kwargs):
        raise OSError(errno.EXDEV, "another file system")

    monkeypatch.setattr(staging, "_reflink", lambda source, destination: False)
    monkeypatch.setattr(staging.os, "link", link)
    (tmp_path / "source").write_text("weights")
    place_file(tmp_path / "source", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "weights"
    assert not (tmp_path / "copy").samefile(tmp_path / "source")


def test_across_file_systems(small_disk, tmp_path):
    (tmp_path / "source").write_text("weights")
    place_file(tmp_path / "source", small_disk / "copy")
    assert (small_disk / "copy").read_text() == "weights"


def test_a_linked_source_is_placed_as_the_file_it_names(tmp_path):
    (tmp_path / "real").write_text("weights")
    (tmp_path / "link").symlink_to("real")
    place_file(tmp_path / "link", tmp_path / "placed")
    assert not (tmp_path / "placed").is_symlink()
    assert (tmp_path / "placed").read_text() == "weights"


def test_a_reflink_that_fails_leaves_nothing_for_the_link_to_stumble_on(tmp_path):
    (tmp_path / "source").write_text("weights")
    place_file(tmp_path / "source", tmp_path / "copy")  # whatever this file system can do
    assert (tmp_path / "copy").read_text() == "weights"
