"""Which distribution brings which module."""

from __future__ import annotations

from pathlib import Path

import pytest

from cdk_modelbuilder.dependencies.closure import closure
from cdk_modelbuilder.dependencies.installed import Installed


def test_a_module_leads_to_its_distribution():
    here = Installed.here()
    assert here.owners("sklearn.linear_model") == ("scikit-learn",)
    assert here.owners("yaml") == ("pyyaml",)
    assert here.owners("PIL.Image") == ("pillow",)
    assert here.owners("dateutil.tz") == ("python-dateutil",)
    for none in ("json", "no_such_module", "", "__main__"):
        assert here.owners(none) == ()


def test_every_installed_distribution_is_known_by_any_spelling():
    from importlib import metadata

    here = Installed.here()
    for found in metadata.distributions():
        known = here.get(found.metadata["Name"].upper())
        assert known is not None
        assert known.version == found.version


def test_parts_of_a_namespace_belong_to_those_who_bring_them(install):
    install("acme-storage", files={"acme/cloud/storage/__init__.py": "", "acme/cloud/storage/blob.py": ""})
    install("acme-queue", files={"acme/cloud/queue.py": ""})
    here = Installed.here()
    assert here.owners("acme.cloud.storage.blob") == ("acme-storage",)
    assert here.owners("acme.cloud.queue") == ("acme-queue",)
    assert here.owners("acme.cloud") == ()
    assert here.owners("acme") == ()


def test_two_distributions_with_one_module(install):
    for name in ("view-headless", "view"):
        install(name, files={"viewer/__init__.py": "", "viewer/part.py": ""})
    assert Installed.here().owners("viewer.part") == ("view", "view-headless")


def test_single_files_compiled_modules_and_what_is_none(install):
    install(
        "odds", files={"one.py": "", "two.cpython-311-x86_64-linux-gnu.so": "", "../../bin/tool.py": "",
                       "odds-1.0.data/scripts/run.py": "", "share/readme.txt": "", "three/__pycache__/x.py": ""},
    )  # fmt: skip
    assert Installed.here().get("odds").modules == ("one", "two")


def test_without_a_record_the_names_count(install):
    folder = install("oldest", record=False)
    (folder / "top_level.txt").write_text("ancient\n_ancient\n")
    assert Installed.here().get("oldest").modules == ("_ancient", "ancient")


def test_the_description_is_no_metadata_and_licences_may_have_many_lines(install):
    install("wordy", extra_fields=["License: First line", "        of a long text", "\tName: no-field", "Summary: s"])
    install("modern", extra_fields=["License-Expression: MIT"])
    install("classified", extra_fields=["Classifier: License :: OSI Approved :: BSD License", "Classifier: X :: Y"])
    here = Installed.here()
    assert here.get("wordy").license == "First line"
    assert here.get("modern").license == "MIT"
    assert here.get("classified").license == "BSD License"
    assert here.get("not-this") is None
    assert here.get("no-field") is None


def test_what_an_interrupted_uninstall_left_is_nothing(site):
    (site / "gone-1.0.dist-info").mkdir()
    (site / "~one-1.0.dist-info").mkdir()
    assert Installed.here().get("gone") is None


def test_a_new_package_is_seen(install):
    assert Installed.here().get("late") is None
    install("late", files={"late.py": ""})
    assert Installed.here().owners("late") == ("late",)


def editable(folder: Path) -> dict[str, object]:
    return {"url": folder.as_uri(), "dir_info": {"editable": True}}


@pytest.fixture
def project(tmp_path) -> Path:
    folder = tmp_path / "project"
    for path in ("my_part/__init__.py", "my_part/deep/x.py", "train.py", "tests/__init__.py", "setup.py"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("")
    return folder


def test_editable_with_a_path_file(install, project, site):
    install("my-part", files={"_my_part.pth": ""}, direct_url=editable(project))
    (site / "_my_part.pth").write_text(f"{project}\n")
    found = Installed.here().get("my-part")
    assert found.origin.editable
    assert dict(found.editable_modules) == {"my_part": project / "my_part"}  # train.py is a script beside it
    assert Installed.here().owners("my_part.deep.x") == ("my-part",)


def test_editable_with_a_source_folder(install, project, site):
    (project / "src" / "inner").mkdir(parents=True)
    (project / "src" / "inner" / "__init__.py").write_text("")
    (project / "src" / "single.py").write_text("")
    install("outer", files={"outer.pth": ""}, direct_url=editable(project))
    (site / "outer.pth").write_text(f"{project / 'src'}\n")
    assert list(Installed.here().get("outer").editable_modules) == ["inner", "single"]


def test_editable_with_a_finder(install, project, site):
    finder = "__editable___my_part_1_0_finder.py"
    install("my-part", files={finder: "", "__editable__.my_part-1.0.pth": ""}, direct_url=editable(project))
    (site / finder).write_text(f"MAPPING: dict[str, str] = {{'my_part': {str(project / 'my_part')!r}}}\n")
    (site / "__editable__.my_part-1.0.pth").write_text("import __editable___my_part_1_0_finder\n")
    assert dict(Installed.here().get("my-part").editable_modules) == {"my_part": project / "my_part"}


def needs(roots: dict[str, str], **options) -> dict[str, str]:
    return {name: found.reason for name, found in closure(roots, Installed.here(), **options).items()}


def test_everything_required_is_needed_too(install):
    install(
        "top_level", "1.0", "Middle.Part>=1", "absent", "never; sys_platform == 'plan9'", "extra-only; extra == 'x'"
    )
    install("middle-part", "2.0", "leaf", "top-level")
    install("leaf", "3.0+cpu")
    install("extra_only", "4.0")
    assert needs({"top-level": "imported by the model"}) == {
        "leaf": "required by middle-part",
        "middle-part": "required by top-level",
        "top-level": "imported by the model",
    }
    assert set(needs({"top-level": "r"}, extras={"top_level": ["x"]})) >= {"extra-only"}
    assert set(needs({"top-level": "r"}, exclude=["Middle_Part"])) == {"top-level"}


def test_extras_that_are_required_are_followed(install):
    install("server", "1.0", "core", "fast; extra == 'speed'", "server[speed]; extra == 'all'")
    install("core")
    install("fast")
    install("model", "1.0", "server[all]")
    assert needs({"model": "source"}) == {
        "core": "required by server",
        "fast": "required by server",
        "model": "source",
        "server": "required by model",
    }


def test_metadata_of_long_ago_does_no_harm(install):
    install("old", "1.0", "pytz (>dev)", "leaf2")
    install("leaf2")
    assert set(needs({"old": "r"})) == {"old", "leaf2"}
