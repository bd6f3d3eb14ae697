"""Where OLD and NEW may be: folders, and folders of commits in real git repositories."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from cdk_modelbuilder.comparing import compare, report_markdown
from cdk_modelbuilder.comparing.places import open_place
from cdk_modelbuilder.errors import BundleError, UsageError
from tests.comparing.homes import commit, git
from tests.comparing.stacks import endpoint, synthesize


def put(bundle, folder: Path, *, weights: bool = False) -> None:
    """The bundle as it is committed: usually without its archive, often without its weights."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(bundle.path, folder)
    (folder / "model.tar.gz").unlink()
    if not weights:
        (folder / "model/model.pkl").unlink()


@pytest.fixture
def history(repository, homes, other_homes, monkeypatch) -> dict[str, str]:
    """Commits: without a bundle, with one, with another one; the work tree is at the last."""
    monkeypatch.chdir(repository)
    (repository / "README.md").write_text("nothing\n")
    (repository / "sub").mkdir()
    (repository / "sub/empty.txt").write_text("")
    commits = {"none": commit(repository, "nothing")}
    put(homes, repository / "build/homes", weights=True)
    commits["one"] = commit(repository, "first")
    git(repository, "tag", "v1")
    put(other_homes, repository / "build/homes", weights=True)
    commits["two"] = commit(repository, "second")
    return commits


def test_commits_and_folders_say_the_same(history, homes, other_homes, repository):
    on_disk = compare(str(homes.path), str(other_homes.path))
    forms = [
        compare(f"{history['one']}:build/homes", "HEAD:build/homes"),
        compare("v1", "main", path="build/homes"),
        compare("HEAD~1:./build/homes", "build/homes"),
        compare("v1:build", "HEAD:build"),
    ]
    for report in forms:
        assert report_markdown(report) == report_markdown(on_disk)
    assert not compare("HEAD", "HEAD", path="build/homes")
    assert not compare("HEAD:build", "build")


def test_the_work_tree_and_the_index_stay_as_they_are(history, repository):
    (repository / "README.md").write_text("changed\n")
    (repository / "new.txt").write_text("new\n")
    git(repository, "add", "new.txt")
    before = git(repository, "status", "--porcelain"), sorted(path.name for path in (repository / ".git").iterdir())
    index = (repository / ".git/index").read_bytes()
    compare("v1:build/homes", "HEAD:build/homes")
    assert (
        git(repository, "status", "--porcelain"),
        sorted(path.name for path in (repository / ".git").iterdir()),
    ) == before
    assert (repository / ".git/index").read_bytes() == index


def test_a_path_may_be_missing_on_one_side(history):
    assert compare(history["none"], "HEAD", path="build/homes").parts[0].summary[0] == "new bundle"
    assert compare("HEAD", history["none"], path="build/homes").parts[0].summary == ("bundle removed",)
    assert compare(history["none"], "HEAD", path="build").parts[0].summary[0] == "new bundle"
    with pytest.raises(UsageError, match="nothing on either side"):
        compare(history["none"], history["none"], path="build/homes")


def test_paths_begin_where_the_user_is(history, repository, monkeypatch):
    monkeypatch.chdir(repository / "build")
    assert compare("v1", "HEAD", path="homes")
    assert compare("v1:./homes", "HEAD:build/homes")
    with pytest.raises(UsageError, match="leads out of the repository"):
        compare("v1", "HEAD", path="../../elsewhere")


def test_folders_with_a_path_below(homes, other_homes, tmp_path):
    for name, bundle in (("base", homes), ("head", other_homes)):
        put(bundle, tmp_path / name / "build/homes")
    (tmp_path / "empty").mkdir()
    base, head = str(tmp_path / "base"), str(tmp_path / "head")
    assert compare(base, head, path="build/homes")
    assert compare(str(tmp_path / "empty"), head, path="build/homes").parts[0].summary[0] == "new bundle"
    assert compare(str(tmp_path / "empty"), str(tmp_path / "head/build/homes")).parts[0].summary[0] == "new bundle"


def test_a_cloud_assembly_in_a_commit(repository, homes, other_homes, monkeypatch):
    monkeypatch.chdir(repository)
    synthesize(repository / "cdk.out", endpoint(homes))
    git(repository, "init", "-q")
    commit(repository, "synthesized")
    synthesize(repository / "cdk.out", endpoint(other_homes))
    report = compare("HEAD:cdk.out", "cdk.out")
    assert report.parts[0].summary[0].startswith("model digest")
    assert not compare("HEAD:cdk.out", "HEAD:cdk.out")


def test_links_and_what_they_lead_to_are_not_read(history, repository, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("do not show this\n")
    code = repository / "build/homes/model/code"
    (code / "inference.py").unlink()
    (code / "inference.py").symlink_to(secret)
    for new in ("build/homes", f"{commit(repository, 'link')}:build/homes"):
        text = report_markdown(compare("v1:build/homes", new))
        assert "do not show this" not in text
        assert "secret.txt" not in text


def test_a_folder_that_is_a_link_is_not_read_either(history, repository, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "inference.py").write_text("do not show this\n")
    code = repository / "build/homes/model/code"
    shutil.rmtree(code)
    code.symlink_to(elsewhere)
    text = report_markdown(compare("v1:build/homes", "build/homes"))
    assert "do not show this" not in text


def test_paths_that_leave_a_folder_lead_nowhere(tmp_path, homes):
    (tmp_path / "outside.json").write_text("{}")
    (tmp_path / "tree").mkdir()
    tree = open_place(str(tmp_path / "tree"))
    for path in ("../outside.json", str(tmp_path / "outside.json"), "a/../../outside.json", "\0", "x" * 5000):
        assert tree.read(path) is None
    assert tree.below("..").is_empty
    assert tree.below(str(homes.path)).is_empty
    assert tree.names() == tree.folders() == ()


def test_sizes_of_what_git_lfs_keeps(history, repository, homes):
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{'0' * 64}\nsize 123456789\n"
    (repository / "build/homes/model/model.pkl").write_text(pointer)
    commit(repository, "pointer")
    tree = open_place("HEAD:build/homes")
    assert tree.files("model")["model/model.pkl"] == 123456789


def test_names_that_git_quotes(repository, monkeypatch):
    monkeypatch.chdir(repository)
    folder = repository / "a b/Łódź"
    folder.mkdir(parents=True)
    (folder / 'q"uote\n.txt').write_text("here")
    commit(repository, "names")
    tree = open_place("HEAD:a b/Łódź")
    assert dict(tree.files("")) == {'q"uote\n.txt': 4}
    assert tree.read('q"uote\n.txt') == b"here"
    assert open_place("HEAD").folders() == ("a b",)


def test_places_that_are_none(history, repository, homes, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match=r"'nope' no commit that this repository has.*more depth"):
        compare("nope", "HEAD", path="build")
    with pytest.raises(UsageError, match=r"README\.md is a file"):
        compare("README.md", "HEAD")
    with pytest.raises(UsageError, match=r"HEAD:README\.md is no folder"):
        compare("HEAD:README.md", "HEAD")
    with pytest.raises(UsageError, match="neither a bundle"):
        compare("HEAD", "HEAD")
    with pytest.raises(UsageError, match="names a path, and --path another"):
        compare("HEAD:build", "HEAD", path="build")
    with pytest.raises(UsageError, match="no commit"):
        compare("--upload-pack=x", "HEAD")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="no commit can be asked for it: not a git repository"):
        compare("main", "HEAD")


def test_kinds_that_do_not_go_together(homes, tmp_path):
    assembly = synthesize(tmp_path / "cdk.out", endpoint(homes))
    (tmp_path / "bundles").mkdir()
    put(homes, tmp_path / "bundles/homes")
    with pytest.raises(UsageError, match="OLD is a bundle, and NEW is a cloud assembly"):
        compare(str(homes.path), assembly)
    with pytest.raises(UsageError, match="OLD is a folder of bundles, and NEW is a bundle"):
        compare(str(tmp_path / "bundles"), str(homes.path))
    with pytest.raises(UsageError, match="--bundles goes with two cloud assemblies"):
        compare(str(homes.path), str(homes.path), bundles=("a", "b"))
    with pytest.raises(UsageError, match="--bundles names a cloud assembly"):
        compare(assembly, assembly, bundles=(assembly, assembly))
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/bundle.json").write_text("{")
    with pytest.raises(BundleError, match=r"odd/bundle\.json is no JSON"):
        compare(str(tmp_path / "odd"), str(homes.path))
    (tmp_path / "odd/bundle.json").write_text("[" * 5000)
    with pytest.raises(BundleError, match="is no JSON"):
        compare(str(tmp_path / "odd"), str(homes.path))
