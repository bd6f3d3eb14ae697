"""From imports to packages, and what nothing brings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cdk_modelbuilder.dependencies.evidence import evidence_of
from cdk_modelbuilder.dependencies.installed import Installed
from cdk_modelbuilder.dependencies.local_source import Importer, collect, is_local
from cdk_modelbuilder.dependencies.selection import Wishes, select
from cdk_modelbuilder.dependencies.vendoring import Vendored, pushed_commit, source_or_commit
from cdk_modelbuilder.errors import DependencyError

BY = Importer("code/spec.py", "spec.py", 7)


def evidence(imports, **options):
    defaults = {"shipped": (), "listed": (), "exclude": ()}
    return evidence_of(imports, **{**defaults, **options})


def test_imports_become_distributions():
    found = evidence({"yaml": BY, "sklearn.svm": BY, "json": BY, "cdk_modelbuilder.spec": BY})
    assert found.roots == {"pyyaml": "imported by code/spec.py", "scikit-learn": "imported by code/spec.py"}
    assert found.left_out == {}


def test_what_nothing_brings_is_named_with_its_place():
    with pytest.raises(
        DependencyError, match=r"spec.py, line 7 imports nothing_brings.this, which no installed"
    ) as caught:
        evidence({"nothing_brings.this": BY})
    assert "dependencies={'exclude': ['nothing_brings']}" in caught.value.remedy


def test_unless_the_code_can_do_without_it_or_the_user_says_so():
    optional = Importer("code/spec.py", "spec.py", 7, optional=True)
    assert "absent" in evidence({"absent": optional}).left_out
    assert evidence({"absent": BY}, exclude=["Absent"]).roots == {}
    assert evidence({"in_the_list": BY}, listed=["in-the-list"]).roots == {}


def test_what_the_user_excludes_is_left_out_though_it_is_imported():
    found = evidence({"yaml": BY}, exclude=["PyYAML"])
    assert found.roots == {}
    assert found.left_out == {"pyyaml": "excluded, though code/spec.py imports it"}


def test_the_stricter_of_two_importers_counts(tmp_path, monkeypatch):
    (tmp_path / "twice.py").write_text("import other_half\ntry:\n    import gone\nexcept ImportError:\n    pass\n")
    (tmp_path / "other_half.py").write_text("\n\nimport gone\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DependencyError, match=r"other_half.py, line 3 imports gone"):
        evidence(collect(["twice"]).imports)


def test_compiled_code_of_the_users(tmp_path, monkeypatch):
    import importlib.machinery

    (tmp_path / f"fast_part{importlib.machinery.EXTENSION_SUFFIXES[0]}").write_bytes(b"\x7fELF")
    (tmp_path / "with_fast.py").write_text("import fast_part\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(DependencyError, match=r"with_fast.py, line 1 imports fast_part, which is compiled code"):
        evidence(collect(["with_fast"]).imports)


def test_a_file_among_the_installed_ones_that_nobody_owns_is_shipped(install, site, monkeypatch):
    import sysconfig

    (site / "copied_here.py").write_text("x = 1\n")
    install("owner", files={"owned.py": ""})
    real = sysconfig.get_path
    monkeypatch.setattr(sysconfig, "get_path", lambda key, *rest: str(site) if key == "purelib" else real(key, *rest))
    from cdk_modelbuilder.dependencies import local_source

    local_source._installed_roots.cache_clear()
    try:
        assert is_local("copied_here")
        assert not is_local("owned")
    finally:
        monkeypatch.undo()
        local_source._installed_roots.cache_clear()


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=n", "-c", "user.email=e@example.com", "-c", "init.defaultBranch=main"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path) -> Path:
    """A project in the folder ``parts/mine`` of a repository, committed."""
    project = tmp_path / "repository" / "parts" / "mine"
    (project / "mine_pkg").mkdir(parents=True)
    (project / "mine_pkg" / "__init__.py").write_text("x = 1\n")
    (project / "mine_pkg" / "words.txt").write_text("a b\n")
    for private in (".env", "service.key", "credentials.json"):
        (project / "mine_pkg" / private).write_text("a password")
    (project / "pyproject.toml").write_text("[project]\nname='mine'\n")
    git(tmp_path / "repository", "init", "-q")
    git(tmp_path / "repository", "add", ".")
    git(tmp_path / "repository", "commit", "-q", "-m", "first")
    return project


def pushed(project: Path, url: str) -> str:
    """As after a push to ``url``."""
    commit = git(project, "rev-parse", "HEAD")
    git(project, "remote", "add", "origin", url)
    git(project, "update-ref", "refs/remotes/origin/main", commit)
    return commit


@pytest.fixture
def mine(install, repository, site) -> Path:
    install("mine", files={"mine.pth": ""}, direct_url={"url": repository.as_uri(), "dir_info": {"editable": True}})
    (site / "mine.pth").write_text(f"{repository}\n")
    return repository


@pytest.mark.parametrize(
    ("url", "reference"),
    [
        ("https://example.com/team/x.git", "git+https://example.com/team/x.git"),
        ("https://me:token@example.com/x", "git+https://example.com/x"),
        ("git@example.com:team/x.git", "git+ssh://git@example.com/team/x.git"),
        ("ssh://git@example.com/x", "git+ssh://git@example.com/x"),
    ],
)
def test_a_pushed_commit_is_what_is_pinned(mine, url, reference):
    commit = pushed(mine, url)
    distribution = Installed.here().get("mine")
    assert source_or_commit(distribution, "vendor") == f"mine @ {reference}@{commit}#subdirectory=parts/mine"
    assert isinstance(source_or_commit(distribution, "source"), Vendored)


def test_what_is_at_no_commit_that_others_reach_is_shipped_or_refused(mine):
    distribution = Installed.here().get("mine")
    shipped = source_or_commit(distribution, "vendor")
    assert isinstance(shipped, Vendored)
    assert "was not pushed" in shipped.why
    assert shipped.files["mine_pkg/words.txt"] == b"a b\n"
    assert not any(b"password" in data for data in shipped.files.values())
    assert b"Name: mine" in shipped.files["modelbuilder_metadata/mine-1.0.dist-info/METADATA"]
    with pytest.raises(DependencyError, match="was not pushed") as caught:
        source_or_commit(distribution, "refuse")
    assert "'local': 'vendor'" in caught.value.remedy


def test_changes_and_files_that_git_does_not_know(mine):
    pushed(mine, "https://example.com/x")
    (mine / "mine_pkg" / "new.py").write_text("")
    assert "changes that are not committed" in pushed_commit(mine)[1]
    (mine / "mine_pkg" / "new.py").unlink()
    assert pushed_commit(mine)[0] is not None
    (mine.parent / "beside.txt").write_text("another project of the repository")
    assert pushed_commit(mine)[0] is not None


def test_a_remote_on_this_machine_is_none(mine, tmp_path):
    pushed(mine, str(tmp_path / "elsewhere.git"))
    assert "on this machine only" in pushed_commit(mine)[1]


def test_no_repository_at_all(tmp_path):
    assert pushed_commit(tmp_path) == (None, "its folder is in no git repository")


@pytest.mark.parametrize(
    ("direct_url", "line"),
    [
        ({"url": "https://example.com/x.git",
          "vcs_info": {"vcs": "git", "commit_id": "a" * 40, "requested_revision": "main"}},
         f"gone @ git+https://example.com/x.git@{'a' * 40}"),
        ({"url": "https://u:p@example.com/x", "vcs_info": {"vcs": "git", "commit_id": "b" * 40}, "subdirectory": "d"},
         f"gone @ git+https://example.com/x@{'b' * 40}#subdirectory=d"),
        ({"url": "https://example.com/g.whl", "archive_info": {"hashes": {"sha256": "c" * 64}}},
         f"gone @ https://example.com/g.whl#sha256={'c' * 64}"),
        ({"url": "https://example.com/g.whl", "archive_info": {"hash": "sha256=" + "d" * 64}},
         f"gone @ https://example.com/g.whl#sha256={'d' * 64}"),
        ({"nonsense": 1}, "gone==1.0"),
    ],
)  # fmt: skip
def test_origins_that_were_recorded(install, direct_url, line):
    install("gone", files={"gone.py": ""}, direct_url=direct_url)
    assert [pin.requirement for pin in select({"gone": "r"}, Wishes()).pins] == [line]


def test_installed_from_a_folder_or_a_file_of_this_machine(install, tmp_path):
    install("from-folder", files={"ff/__init__.py": "y = 2\n", "ff/data.bin": "d", "../../x.py": ""},
            direct_url={"url": tmp_path.as_uri(), "dir_info": {}})  # fmt: skip
    install("from-file", files={"one_file.py": "z = 3\n"},
            direct_url={"url": (tmp_path / "f-1.0-py3-none-any.whl").as_uri(), "archive_info": {}})  # fmt: skip
    selection = select({"from-folder": "r", "from-file": "r"}, Wishes())
    assert selection.pins == ()
    assert set(selection.vendored["from-folder"].files) == {
        "ff/__init__.py", "ff/data.bin", "modelbuilder_metadata/from_folder-1.0.dist-info/METADATA",
    }  # fmt: skip
    assert selection.vendored["from-file"].files["one_file.py"] == b"z = 3\n"


def test_compiled_packages_of_this_machine_are_refused(install, tmp_path):
    install("quick", files={"quick/core.cpython-311-x86_64-linux-gnu.so": "ELF"},
            direct_url={"url": tmp_path.as_uri(), "dir_info": {}})  # fmt: skip
    with pytest.raises(DependencyError, match=r"quick 1.0 .*compiled code \(quick/core") as caught:
        select({"quick": "r"}, Wishes())
    assert "wheel" in caught.value.remedy


def test_versions_are_those_that_are_installed_here():
    from importlib import metadata

    for pin in select({"scikit-learn": "the model's framework"}, Wishes()).pins:
        assert pin.requirement == f"{pin.name}=={metadata.version(pin.name)}"


def test_xgboost_cpu_is_written_down_as_xgboost(install):
    install("xgboost_cpu", "3.2.0", "numpy-like")
    install("numpy_like")
    install("user", "1.0", "xgboost-cpu")
    selection = select({"user": "source"}, Wishes(aliases={"xgboost-cpu": "xgboost"}))
    assert {pin.requirement: pin.reason for pin in selection.pins} == {
        "numpy-like==1.0": "required by xgboost",
        "user==1.0": "source",
        "xgboost==3.2.0": "required by user",
    }


def test_this_interpreter_is_not_imported_from():
    assert "cdk_modelbuilder" in sys.modules
    assert evidence({"cdk_modelbuilder": BY}).roots == {}
