"""An app on disk: what its owners changed stays, all of it is written or nothing, and only in its folder."""

from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.changes import Outcome, changes
from cdk_modelbuilder.generating.marker import MARKER_FILE, digest_of, read_marker
from cdk_modelbuilder.generating.plan import AppPlan, EndpointPlan, Part, Pipeline
from cdk_modelbuilder.generating.writing import OnConflict, write_app

ENDPOINT = EndpointPlan(name="churn", bundle="build/churn", instance_type="ml.c6i.large", initial_instance_count=2)
PLAN = AppPlan(name="service", endpoints=(ENDPOINT,), pipeline=Pipeline.GITHUB)
MOVED = replace(PLAN, region="eu-west-1", account="123456789012")
"""Changes app.py and nothing else."""
STACK = Path("stacks", "churn_stack.py")


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def outcomes(written) -> dict[str, Outcome]:
    return {one.path: one.outcome for one in written.files if one.outcome is not Outcome.CURRENT}


@pytest.fixture
def app(tmp_path) -> Path:
    folder = tmp_path / "app"
    assert write_app(folder, PLAN).written
    return folder


def test_the_second_run_changes_nothing(app):
    before, times = tree(app), {path: path.stat().st_mtime_ns for path in app.rglob("*")}
    again = write_app(app, PLAN)
    assert again.is_current
    assert tree(app) == before
    assert {path: path.stat().st_mtime_ns for path in app.rglob("*")} == times


def test_the_marker_says_what_the_app_was_made_of(app):
    marker = read_marker(app)
    assert marker.plan == PLAN
    assert marker.digests == {path: digest_of(data) for path, data in tree(app).items() if path != MARKER_FILE}


def test_what_only_the_user_changed_stays(app):
    (app / STACK).write_text("mine\n")
    (app / "README.md").unlink()
    written = write_app(app, PLAN)
    assert outcomes(written) == {str(STACK): Outcome.KEPT, "README.md": Outcome.KEPT_REMOVED}
    assert written.is_current
    assert (app / STACK).read_text() == "mine\n"
    assert not (app / "README.md").exists()


def test_what_only_the_generator_changed_is_brought_up_to_date(app):
    (app / STACK).write_text("mine\n")
    written = write_app(app, MOVED)
    assert outcomes(written) == {"app.py": Outcome.UPDATED, str(STACK): Outcome.KEPT}
    assert 'region="eu-west-1"' in (app / "app.py").read_text()
    assert write_app(app, MOVED).is_current


def test_where_both_changed_a_file_nothing_is_written_until_somebody_says_which(app):
    (app / "app.py").write_text("mine\n")
    before = tree(app)
    more = replace(MOVED, endpoints=(ENDPOINT, replace(ENDPOINT, name="loss", bundle="build/loss")))
    refused = write_app(app, more)
    assert [one.path for one in refused.conflicts] == ["app.py"]
    assert "-mine\n+" in refused.conflicts[0].diff
    assert not refused.written
    assert tree(app) == before
    with pytest.raises(UsageError, match=r"app\.py in .* --force.*\n--- app\.py\n"):
        refused.raise_for_conflicts()

    kept = write_app(app, more, on_conflict=OnConflict.KEEP)
    kept.raise_for_conflicts()
    assert (app / "app.py").read_text() == "mine\n"
    assert (app / "stacks/loss_stack.py").is_file()
    assert outcomes(write_app(app, more)) == {"app.py": Outcome.KEPT}

    taken = write_app(app, more, on_conflict=OnConflict.OVERWRITE)
    assert outcomes(taken) == {"app.py": Outcome.UPDATED}
    assert "LossStack" in (app / "app.py").read_text()


def test_overwriting_brings_back_what_was_removed(app):
    before = tree(app)
    (app / "README.md").unlink()
    (app / STACK).write_text("mine\n")
    write_app(app, PLAN, on_conflict=OnConflict.OVERWRITE)
    assert tree(app) == before


def test_files_that_are_not_generated_any_more_go_unless_they_were_changed(app):
    (app / ".github/workflows/test.yml").write_text("mine\n")
    plain = replace(PLAN, pipeline=Pipeline.NONE)
    found = outcomes(write_app(app, plain))
    assert found[".github/workflows/deploy.yml"] is Outcome.REMOVED
    assert found[".github/workflows/test.yml"] is Outcome.LEFT_OVER
    assert [path.name for path in (app / ".github/workflows").iterdir()] == ["test.yml"]
    assert ".github/workflows/test.yml" not in read_marker(app).digests
    (app / ".github/workflows/test.yml").unlink()
    write_app(app, PLAN)
    write_app(app, plain)
    assert not (app / ".github/workflows").exists()


def test_a_dry_run_writes_nothing(app, tmp_path):
    before = tree(app)
    written = write_app(app, MOVED, dry_run=True)
    assert not written.written
    assert not written.is_current
    assert [one.path for one in written.files if one.outcome.writes] == ["app.py"]
    assert tree(app) == before
    write_app(tmp_path / "new", PLAN, dry_run=True)
    assert not (tmp_path / "new").exists()


def test_parts_are_completed_and_stay(tmp_path):
    write_app(tmp_path, PLAN, parts={Part.APP})
    assert not (tmp_path / "tests").exists()
    assert read_marker(tmp_path).parts == {Part.APP}
    write_app(tmp_path, PLAN)
    whole = tree(tmp_path)
    assert "tests/test_golden.py" in whole
    assert write_app(tmp_path, PLAN, parts={Part.APP}).is_current
    assert tree(tmp_path) == whole


def test_other_files_in_the_folder_do_not_matter(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_mine.py").write_text("mine\n")
    write_app(tmp_path, PLAN)
    assert (tmp_path / "tests/test_mine.py").read_text() == "mine\n"


@pytest.mark.parametrize("on_conflict", OnConflict)
def test_files_of_the_same_names_that_were_not_generated_are_not_touched(tmp_path, on_conflict):
    (tmp_path / "README.md").write_text("mine\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / STACK).write_text("mine\n")
    before = tree(tmp_path)
    with pytest.raises(UsageError, match=r"has README\.md, stacks/churn_stack\.py already"):
        write_app(tmp_path, PLAN, on_conflict=on_conflict)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("link", ["README.md", "stacks", ".github/workflows", MARKER_FILE])
def test_links_are_not_followed(tmp_path, link):
    outside = tmp_path / "outside"
    outside.mkdir()
    folder = tmp_path / "app"
    (folder / link).parent.mkdir(parents=True)
    (folder / link).symlink_to(outside / "target" if "." in link[1:] else outside)
    with pytest.raises(UsageError, match="symbolic link"):
        write_app(folder, PLAN)
    assert not list(outside.iterdir())


def test_a_link_put_in_later_is_not_followed(app, tmp_path):
    outside = tmp_path / "outside"
    (app / "stacks").rename(outside)
    (app / "stacks").symlink_to(outside)
    before = tree(outside)
    with pytest.raises(UsageError, match="stacks is a symbolic link"):
        write_app(app, replace(PLAN, endpoints=(replace(ENDPOINT, endpoint_name="live"),)))
    assert tree(outside) == before


@pytest.mark.parametrize("path", ["../outside.py", "/etc/outside.py", "a/../../outside.py", ""])
def test_a_marker_cannot_lead_outside(app, path):
    marker = read_marker(app)
    (app / MARKER_FILE).write_text(replace(marker, digests={**marker.digests, path: digest_of(b"")}).text)
    with pytest.raises(UsageError, match="does not lie in the app"):
        write_app(app, PLAN)


def test_a_folder_in_the_place_of_a_file_is_refused(tmp_path):
    (tmp_path / "app.py").mkdir()
    with pytest.raises(UsageError, match=r"app\.py is no file"):
        write_app(tmp_path, PLAN)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="file is no folder"):
        write_app(tmp_path / "file", PLAN)


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "other"}', '{"format": "cdk-modelbuilder/app"}'])
def test_a_damaged_marker_is_told_and_nothing_is_written(app, text):
    (app / MARKER_FILE).write_text(text)
    before = tree(app)
    with pytest.raises(UsageError, match=r"\.cdk-modelbuilder\.json"):
        write_app(app, PLAN)
    assert tree(app) == before


@pytest.mark.parametrize("survives", range(1, 4))
def test_a_write_that_fails_half_way_leaves_the_app_as_it_was(app, monkeypatch, survives):
    before = tree(app)
    put, count = Path.replace, itertools.count(1)

    def fail(self, target):
        if next(count) > survives:
            raise OSError(28, "No space left on device", str(target))
        return put(self, target)

    monkeypatch.setattr(Path, "replace", fail)
    more = replace(MOVED, pipeline=Pipeline.GITLAB, endpoints=(replace(ENDPOINT, endpoint_name="live"),))
    with pytest.raises(UsageError, match="No space left on device; nothing was changed"):
        write_app(app, more)
    assert tree(app) == before
    assert all(any(path.iterdir()) for path in app.rglob("*") if path.is_dir())
    monkeypatch.undo()
    assert write_app(app, more).written
    assert write_app(app, more).is_current


def test_a_run_that_was_killed_before_the_marker_is_done_again(app):
    marker = (app / MARKER_FILE).read_bytes()
    write_app(app, MOVED)
    (app / MARKER_FILE).write_bytes(marker)
    again = write_app(app, MOVED)
    assert not again.conflicts
    assert write_app(app, MOVED).is_current


def test_line_ends_that_git_changed_are_no_change(app):
    for path in app.rglob("*"):
        if path.is_file() and path.name != MARKER_FILE:
            path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert write_app(app, PLAN).is_current
    assert outcomes(write_app(app, MOVED)) == {"app.py": Outcome.UPDATED}


def test_a_file_that_cannot_be_read_is_told(app, monkeypatch):
    read = Path.read_bytes

    def refuse(self):
        if self.name == "app.py":
            raise PermissionError(13, "Permission denied", str(self))
        return read(self)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    with pytest.raises(UsageError, match=r"app\.py cannot be read: Permission denied"):
        write_app(app, MOVED)


def test_modes_of_files_stay(app):
    (app / "app.py").chmod(0o755)
    write_app(app, MOVED)
    assert (app / "app.py").stat().st_mode & 0o777 == 0o755


FILES = st.dictionaries(st.sampled_from("abcd"), st.sampled_from([b"1", b"2", b"3"]))


@given(then=FILES, there=FILES, now=FILES, overwrite=st.booleans())
def test_no_work_of_the_user_is_ever_lost(then, there, now, overwrite):
    recorded = {path: digest_of(data) for path, data in then.items()}
    on_disk = {path: there.get(path) for path in {*then, *now}}
    for one in changes(recorded, on_disk, now, overwrite=overwrite):
        changed_by_user = one.before is not None and one.before != then.get(one.path)
        if one.outcome.writes and not overwrite:
            assert not changed_by_user, one
        if one.outcome is Outcome.REMOVED:
            assert not changed_by_user, one
        if one.outcome is Outcome.CONFLICT:
            assert changed_by_user
            assert now[one.path] != one.before
            assert not overwrite
        assert (one.diff == "") == (one.before == one.after)
