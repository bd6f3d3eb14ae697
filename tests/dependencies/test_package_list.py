"""The list for an image that brings a framework of gigabytes: that one stays, and what only it requires with it."""

from __future__ import annotations

import pytest

from cdk_modelbuilder.dependencies.listed import read_lines
from cdk_modelbuilder.dependencies.options import DependencyOptions
from cdk_modelbuilder.dependencies.package_list import Terms, make_list
from cdk_modelbuilder.dependencies.target import Target

IMAGE = Target("3.12", provides={"torch": "2.10.0", "nvidia-parts": "12.1"}, image="ray:1")


@pytest.fixture
def framework(install):
    """PyTorch as a machine with a GPU has it, a package that builds on it, and one that does not."""
    install("torch", "2.13.0+cu130", "nvidia-parts==13.0", "shared>=1")
    install("nvidia-parts", "13.0")
    install("shared", "1.0")
    install("vision-tools", "0.5", "torch>=2.4", "shared")
    install("plain", "1.0")


def listed(*roots: str, custom: tuple[str, ...] = (), fixed: tuple[str, ...] = (), target: Target = IMAGE):
    given = read_lines(custom, "dependencies['custom']", environment=target.marker_environment())
    terms = Terms(DependencyOptions(custom=custom), target, {}, fixed, None, given)
    return make_list(terms, dict.fromkeys(roots, "imported by code/spec.py")).fitted


def requirements(fitted) -> list[str]:
    return [pin.requirement for pin in fitted.to_install]


def test_the_images_own_stays_with_its_parts(framework):
    fitted = listed("torch", "plain")
    assert requirements(fitted) == ["plain==1.0"]
    assert [pin.requirement for pin in fitted.pins] == ["plain==1.0", "torch==2.10.0"]
    assert fitted.taken == {"torch": "2.13.0+cu130"}
    assert "nvidia-parts" not in fitted.differing


def test_what_others_require_too_is_installed(framework):
    assert requirements(listed("torch", "vision-tools")) == ["shared==1.0", "vision-tools==0.5"]


def test_another_version_is_installed_where_the_images_does_not_do(framework, install):
    install("newer", "1.0", "torch>=2.12")
    fitted = listed("newer", custom=("torch==2.13.0",))
    assert requirements(fitted) == ["newer==1.0", "nvidia-parts==13.0", "shared==1.0", "torch==2.13.0"]


def test_what_wrote_the_files_and_what_the_user_lists_is_installed(framework):
    assert "torch==2.13.0" in requirements(listed("torch", custom=("torch==2.13.0",)))
    assert "nvidia-parts==13.0" in requirements(listed("torch", custom=("nvidia-parts==13.0",)))


def test_an_image_without_it_installs_it_whole(framework):
    bare = Target("3.12", image="python:3.12-slim")
    fitted = listed("torch", custom=("torch==2.13.0",), target=bare)
    assert requirements(fitted) == ["nvidia-parts==13.0", "shared==1.0", "torch==2.13.0"]
