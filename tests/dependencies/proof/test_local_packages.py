"""Packages that no index has: pinned to the commit that others can reach, or shipped as source, never passed over."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from .environments import Environment, uv, write_project
from .packages import commit, git, push, served, spec_of, write_package

pytestmark = [pytest.mark.slow, pytest.mark.heavy, pytest.mark.extra_install]

SETUP = "from setuptools import setup\n\nsetup()\n"


@pytest.fixture(scope="module")
def shop(own_wheel, tmp_path_factory):
    """An environment with a package of each kind, and a server for the repositories of some."""
    root = tmp_path_factory.mktemp("shop")
    repositories = root / "repositories"
    repositories.mkdir()
    here = {
        "flat": write_package(root / "flat", "flat"),
        "sourced": write_package(root / "sourced", "sourced", inside="src"),
        "hatched": write_package(root / "hatched", "hatched", backend="hatchling", inside="src"),
        "egged": write_package(root / "egged", "egged"),
        "copied": write_package(root / "copied", "copied"),
        "wheeled": write_package(root / "wheeled", "wheeled"),
        **{name: write_package(root / name, name) for name in ("pushed", "unpushed", "dirty", "branched", "cloned")},
    }
    commits = {name: commit(here[name]) for name in ("pushed", "unpushed", "dirty", "branched", "cloned")}
    with served(repositories) as address:
        for name in ("pushed", "dirty", "branched", "cloned"):
            push(here[name], repositories, address)
        (here["dirty"] / "dirty" / "said.txt").write_text("dirty says so\n\n", "utf-8")
        # The last one whose setup.py develop makes an egg-link itself.
        environment = Environment.create(
            root / "venv", own_wheel, "setuptools==79.0.1", "wheel", "hatchling", "editables"
        )
        for name in ("flat", "sourced", "hatched", "pushed", "unpushed", "dirty"):
            environment.install("--no-build-isolation", "--editable", here[name])
        environment.install("--no-build-isolation", here["copied"])
        uv(
            "build",
            "--no-build-isolation",
            "--python",
            environment.python,
            "--wheel",
            "--out-dir",
            root,
            here["wheeled"],
        )
        environment.install(next(root.glob("wheeled-*.whl")))
        environment.install(f"cloned @ git+{address}/cloned.git@{commits['cloned']}")
        environment.install(f"branched @ git+{address}/branched.git@main")
        write_project(here["egged"], {"setup.py": SETUP})
        developed = environment.run("setup.py", "--quiet", "develop", "--no-deps", cwd=here["egged"])
        assert developed.returncode == 0, developed.stderr
        yield SimpleNamespace(environment=environment, address=address, commits=commits, folders=here)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("flat", "its folder is in no git repository"),
        ("sourced", "its folder is in no git repository"),
        ("hatched", "its folder is in no git repository"),
        ("egged", "its folder is in no git repository"),
        ("copied", "its folder is in no git repository"),
        ("wheeled", "it was installed from wheeled-1.2-py3-none-any.whl"),
        ("unpushed", "its commit {commit} was not pushed"),
        ("dirty", "its folder has changes that are not committed (at {commit})"),
    ],
)
def test_what_nobody_else_can_have_is_shipped_as_source(shop, tmp_path, name, why):
    built = shop.environment.build(write_project(tmp_path / "project", spec_of(name)), tmp_path / "bundle")
    assert built.names == {"toolz"}
    assert built.reasons["toolz"] == f"required by {name}"
    vendored = built.record.vendored
    assert vendored.keys() == {name}
    assert (vendored[name].source, vendored[name].version) == (
        why.format(commit=shop.commits.get(name, "")[:12]),
        "1.2",
    )
    metadata = {f"modelbuilder_metadata/{name}-1.2.dist-info/{file}" for file in ("METADATA", "entry_points.txt")}
    assert built.code() == {"spec.py", f"{name}/__init__.py", f"{name}/said.txt", *metadata}
    assert str(shop.folders[name].parent).encode() not in b"".join(built.texts().values())
    built.try_it()


@pytest.mark.parametrize("name", ["pushed", "cloned", "branched"])
def test_what_others_can_reach_is_pinned_to_the_commit(shop, tmp_path, name):
    built = shop.environment.build(write_project(tmp_path / "project", spec_of(name)), tmp_path / "bundle")
    assert built.names == {name, "toolz"}
    assert built.requirements[name] == f"{name} @ git+{shop.address}/{name}.git@{shop.commits[name]}"
    assert built.code() == {"spec.py"}
    assert not built.record.vendored
    built.try_it()


def test_always_as_source_by_choice(shop, tmp_path):
    files = spec_of("pushed", options="{'local': 'source'}")
    built = shop.environment.build(write_project(tmp_path / "project", files), tmp_path / "bundle")
    assert built.names == {"toolz"}
    assert built.record.vendored.keys() == {"pushed"}
    built.try_it()


@pytest.mark.parametrize("name", ["flat", "dirty", "unpushed", "wheeled"])
def test_refused_by_choice(shop, tmp_path, name):
    files = spec_of(name, options="{'local': 'refuse'}")
    said = shop.environment.refusal(write_project(tmp_path / "project", files), tmp_path / "bundle")
    assert f"{name} 1.2 is no package of an index" in said
    assert not (tmp_path / "bundle").exists()


def test_a_commit_after_the_push_is_seen(shop, tmp_path):
    folder = write_package(tmp_path / "moving", "moving")
    commit(folder)
    repositories = shop.folders["pushed"].parent / "repositories"
    push(folder, repositories, shop.address)
    shop.environment.install("--no-build-isolation", "--editable", folder)
    project = write_project(tmp_path / "project", spec_of("moving"))
    built = shop.environment.build(project, tmp_path / "bundle")
    assert built.requirements["moving"].endswith(git(folder, "rev-parse", "HEAD"))
    (folder / "README").write_text("more\n", "utf-8")
    after = commit(folder, "more")
    built = shop.environment.build(project, tmp_path / "bundle")
    assert built.record.vendored["moving"].source == f"its commit {after[:12]} was not pushed"


def test_a_spec_in_an_editable_package_of_ones_own(shop, tmp_path):
    folder = write_package(tmp_path / "owned", "owned", inside="src")
    spec = spec_of("owned")["spec.py"].replace("return None", "return importlib.import_module('owned.' + 'extra')")
    more = {
        "src/owned/spec.py": f"import importlib\n\n{spec}",
        "src/owned/extra.py": "",
        "src/owned/unused.py": "import no_such\n",
    }
    shop.environment.install("--no-build-isolation", "--editable", write_project(folder, more))
    build = spec_of("owned")["build.py"].replace("from spec", "from owned.spec")
    built = shop.environment.build(write_project(tmp_path / "project", {"build.py": build}), tmp_path / "bundle")
    assert built.names == {"toolz"}
    assert {file for file in built.code() if "metadata" not in file} == {
        "owned/__init__.py", "owned/extra.py", "owned/said.txt", "owned/spec.py",
    }  # fmt: skip
    assert built.record.vendored["owned"].version == "1.2"
    built.try_it()
