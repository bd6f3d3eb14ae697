"""What is mounted as the model's folder: the bundle's, the archive's, a readable copy, or a folder that is given."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from cdk_modelbuilder import ModelBundle
from cdk_modelbuilder.container_spec import ModelData
from cdk_modelbuilder.errors import IntegrityError, UsageError
from cdk_modelbuilder.local.container.model_files import all_may_read, model_mount
from cdk_modelbuilder.local.container.options import ContainerOptions

NONE = ContainerOptions()


@pytest.fixture
def copy(probe_bundle, tmp_path) -> ModelBundle:
    shutil.copytree(probe_bundle.path, tmp_path / "copy")
    return ModelBundle.load(tmp_path / "copy")


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_bundle_s_own_folder(copy, tmp_path):
    mount = model_mount(copy, NONE, tmp_path, by_root=True)
    assert (mount.source, mount.target) == (copy.model_dir.resolve(), "/opt/ml/model")


def test_the_archive_alone_is_unpacked_with_the_same_files(copy, probe_bundle, tmp_path):
    shutil.rmtree(copy.model_dir)
    (tmp_path / "work").mkdir()
    mount = model_mount(copy, NONE, tmp_path / "work", by_root=False)
    assert mount.source.is_relative_to(tmp_path / "work")
    assert tree(mount.source) == tree(probe_bundle.model_dir)
    assert all_may_read(mount.source)


def test_an_archive_that_was_changed_is_not_unpacked(copy, tmp_path):
    import tarfile

    shutil.rmtree(copy.model_dir)
    with tarfile.open(copy.archive_path, "w:gz") as archive:
        evil = tarfile.TarInfo("../outside")
        archive.addfile(evil)
    (tmp_path / "work").mkdir()
    with pytest.raises(IntegrityError, match=r"holds '../outside', which was not signed"):
        model_mount(copy, NONE, tmp_path / "work", by_root=True)
    assert not (tmp_path / "outside").exists()


def test_files_that_only_their_owner_reads_are_copied_for_another_user(copy, tmp_path):
    (tmp_path / "work").mkdir()
    assert all_may_read(copy.model_dir)
    for path in copy.model_dir.rglob("*.py"):
        path.chmod(0o600)
    assert not all_may_read(copy.model_dir)
    assert model_mount(copy, NONE, tmp_path / "work", by_root=True).source == copy.model_dir.resolve()
    mount = model_mount(copy, NONE, tmp_path / "work", by_root=False)
    assert tree(mount.source) == tree(copy.model_dir)
    assert all_may_read(mount.source)
    assert (copy.model_dir / "code" / "inference.py").stat().st_mode & 0o777 == 0o600


def test_a_closed_folder_is_seen(copy):
    (copy.model_dir / "code").chmod(0o700)
    assert not all_may_read(copy.model_dir)


def test_files_in_s3_need_a_folder(copy, tmp_path):
    far = replace(copy, container=replace(copy.container, model_data=ModelData("s3", "/opt/ml/model", "s3://b/p/")))
    with pytest.raises(UsageError, match=r"are in s3://b/p/.*aws s3 cp --recursive s3://b/p/ FOLDER"):
        model_mount(far, NONE, tmp_path, by_root=True)
    with pytest.raises(UsageError, match="is no folder"):
        model_mount(far, ContainerOptions(model_folder=tmp_path / "none"), tmp_path, by_root=True)
    mount = model_mount(far, ContainerOptions(model_folder=tmp_path), tmp_path, by_root=True)
    assert mount.source == tmp_path.resolve()


def test_a_model_without_files(copy, tmp_path):
    none = replace(copy, container=replace(copy.container, model_data=ModelData("none")))
    assert model_mount(none, NONE, tmp_path, by_root=True) is None


@pytest.mark.docker
def test_the_archive_alone_and_closed_files_both_serve(copy, start):
    for path in copy.model_dir.rglob("*"):
        path.chmod(0o700 if path.is_dir() else 0o600)
    copy.model_dir.chmod(0o700)
    one = start(copy, user="12345")
    assert one.ask("twice", [1]) == {"said": [2]}
    one.running.stop()
    shutil.rmtree(copy.model_dir)
    one = start(ModelBundle.read(copy.path), user="12345")
    assert one.ask("twice", [2]) == {"said": [4]}
    one.running.stop()
