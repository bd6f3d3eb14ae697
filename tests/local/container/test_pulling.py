"""Images come from a registry that speaks the real protocol, by a real daemon: when, with which login, and why not."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import tarfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.errors import LocalEndpointError
from cdk_modelbuilder.local.container import pulling
from cdk_modelbuilder.local.container.engine import find_engine
from cdk_modelbuilder.local.container.image import context_digest, find_image, prepare_image
from cdk_modelbuilder.local.container.options import ContainerOptions
from cdk_modelbuilder.local.container.registry import EcrRegistry
from tests.containers.docker_base import run_docker
from tests.local.container.registry_stand_in import serving

pytestmark = pytest.mark.docker
SMALL = "cdk-modelbuilder-tests/small:local"


@pytest.fixture(scope="module")
def small(daemon):
    """An image of one file."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("data")
        member.size = 3_000_000
        archive.addfile(member, io.BytesIO(bytes(member.size)))
    subprocess.run(["docker", "import", "-", SMALL], input=buffer.getvalue(), check=True, capture_output=True)
    yield SMALL
    run_docker("image", "rm", "--force", SMALL, check=False)


@pytest.fixture(scope="module")
def engine(daemon):
    found = find_engine()
    yield found
    found.close()


@pytest.fixture
def bundle_of(probe_bundle):
    def make(uri: str):
        image = ImageReference(uri=uri)
        return replace(probe_bundle, container=replace(probe_bundle.container, image=image))

    return make


@pytest.fixture
def pulled():
    """Removes what a test pulled."""
    names: list[str] = []
    yield names
    for name in names:
        run_docker("image", "rm", "--force", name, check=False)


def forget(name: str) -> None:
    run_docker("image", "rm", "--force", name, check=False)


def test_an_image_is_pulled_once_unless_asked(small, engine, bundle_of, pulled):
    said: list[str] = []
    with serving(small) as registry:
        uri = f"127.0.0.1:{registry.port}/team/model:1"
        pulled.append(uri)
        with pytest.raises(LocalEndpointError, match="pull='never' forbids"):
            prepare_image(engine, bundle_of(uri), ContainerOptions(pull="never"), said.append)
        assert registry.asked == []
        first = prepare_image(engine, bundle_of(uri), ContainerOptions(), said.append)
        assert first.id == find_image(engine.api, uri)["Id"]
        assert said[0] == f"pulling {uri}"
        asked = len(registry.asked)
        assert prepare_image(engine, bundle_of(uri), ContainerOptions(), said.append) == first
        assert len(registry.asked) == asked
        prepare_image(engine, bundle_of(uri), ContainerOptions(pull="always"), said.append)
        assert len(registry.asked) > asked
        assert {authorization for _, authorization in registry.asked} == {None}


def test_no_such_tag_and_no_registry(small, engine, bundle_of):
    with serving(small) as registry:
        uri = f"127.0.0.1:{registry.port}/team/model:2"
        with pytest.raises(LocalEndpointError, match=rf"127.0.0.1:{registry.port} has no such image"):
            prepare_image(engine, bundle_of(uri), ContainerOptions(), lambda line: None)
    with pytest.raises(LocalEndpointError, match=r"the daemon does not reach 127.0.0.1"):
        prepare_image(engine, bundle_of(uri), ContainerOptions(), lambda line: None)


def test_a_login_is_handed_over_for_the_pull_and_stored_nowhere(
    small, engine, bundle_of, pulled, monkeypatch, tmp_path
):
    asked = []

    def login(registry, image, session):
        asked.append((registry, image))
        return {"username": "AWS", "password": "the password"}

    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with serving(small, password="the password") as registry:
        uri = f"127.0.0.1:{registry.port}/team/model:1"
        pulled.append(uri)
        # Loopback is not ECR: no login is made for it, and the registry lets nobody in.
        with pytest.raises(LocalEndpointError, match=r"did not allow it.*docker login 127.0.0.1"):
            prepare_image(engine, bundle_of(uri), ContainerOptions(), lambda line: None)
        assert not any(authorization for _, authorization in registry.asked)
        monkeypatch.setattr(pulling, "ecr_login", login)
        monkeypatch.setattr(pulling, "ecr_registry", lambda image: EcrRegistry("1" * 12, "eu-west-1"))
        prepare_image(engine, bundle_of(uri), ContainerOptions(), lambda line: None)
        assert asked == [(EcrRegistry("1" * 12, "eu-west-1"), uri)]
        sent = {authorization for _, authorization in registry.asked if authorization}
        assert sent == {"Basic " + base64.b64encode(b"AWS:the password").decode()}
        assert list(tmp_path.iterdir()) == []
        # What came with that login does not stay with the daemon's client either.
        forget(uri)
        monkeypatch.undo()
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        with pytest.raises(LocalEndpointError, match="did not allow it"):
            prepare_image(engine, bundle_of(uri), ContainerOptions(), lambda line: None)


def test_what_a_user_logged_in_to_by_hand_is_used_for_that_host_alone(small, bundle_of, pulled, monkeypatch, tmp_path):
    with serving(small, password="theirs") as registry:
        uri = f"127.0.0.1:{registry.port}/team/model:1"
        pulled.append(uri)
        known = {f"127.0.0.1:{registry.port}": {"auth": base64.b64encode(b"AWS:theirs").decode()}}
        (tmp_path / "config.json").write_text(json.dumps({"auths": known}))
        monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
        engine = find_engine()
        prepare_image(engine, bundle_of(uri), ContainerOptions(), lambda line: None)
        with serving(small, password="theirs") as other:
            uri = f"127.0.0.1:{other.port}/team/model:1"
            with pytest.raises(LocalEndpointError, match="did not allow it"):
                prepare_image(engine, bundle_of(uri), ContainerOptions(), lambda line: None)
            assert not any(authorization for _, authorization in other.asked)
        engine.close()


def test_where_aws_gives_no_login_the_user_s_own_for_that_host_is_used(small, bundle_of, pulled, monkeypatch, tmp_path):
    def refused(*unused):
        raise LocalEndpointError("no credentials.", remedy="Sign in.")

    monkeypatch.setattr(pulling, "ecr_login", refused)
    monkeypatch.setattr(pulling, "ecr_registry", lambda image: EcrRegistry("1" * 12, "eu-west-1"))
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    with serving(small, password="theirs") as registry:
        host = f"127.0.0.1:{registry.port}"
        pulled.append(f"{host}/team/model:1")
        engine = find_engine()
        with pytest.raises(LocalEndpointError, match="no credentials"):
            prepare_image(engine, bundle_of(pulled[0]), ContainerOptions(), lambda line: None)
        engine.close()
        auth = base64.b64encode(b"AWS:theirs").decode()
        (tmp_path / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
        engine = find_engine()
        prepare_image(engine, bundle_of(pulled[0]), ContainerOptions(), lambda line: None)
        engine.close()


def test_a_host_that_only_looks_like_ecr_gets_no_login(engine, bundle_of, monkeypatch):
    def never(*unused):
        raise AssertionError("a login was made")

    monkeypatch.setattr(pulling, "ecr_login", never)
    uri = "123456789012.dkr.ecr.eu-west-1.amazonaws.com.invalid/team/model:1"
    with pytest.raises(LocalEndpointError, match="was not pulled"):
        prepare_image(engine, bundle_of(uri), ContainerOptions(), lambda line: None)


def test_a_build_that_fails_ends_with_its_words(probe_bundle, daemon, engine, tmp_path):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(probe_bundle.path / "image", copy / "image")
    requirements = copy / "image" / "requirements.txt"
    requirements.write_text("there-is-no-such-package-of-any-name==1.0\n")
    bundle = replace(probe_bundle, path=copy)
    with pytest.raises(LocalEndpointError, match=r"(?s)was not built.*there-is-no-such-package-of-any-name"):
        prepare_image(engine, bundle, ContainerOptions(), lambda line: None)


def test_copies_that_start_together_build_one_image(probe_bundle, small, engine, tmp_path, pulled):
    (tmp_path / "image").mkdir()
    (tmp_path / "image" / "Dockerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\nCOPY Dockerfile /data2\n")
    image = ImageReference(uri=small, build="image")
    bundle = replace(probe_bundle, path=tmp_path, container=replace(probe_bundle.container, image=image))
    said: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: prepare_image(engine, bundle, ContainerOptions(), said.append), range(4)))
    pulled.append(made[0].name)
    assert len(set(made)) == 1
    assert sum(line.startswith("building") for line in said) == 1


def test_an_image_is_named_by_what_it_is_built_from(probe_bundle, tmp_path):
    import shutil

    context = tmp_path / "image"
    shutil.copytree(probe_bundle.path / "image", context)
    first = context_digest(context, "base:1")
    assert first == context_digest(probe_bundle.path / "image", "base:1")
    assert first != context_digest(context, "base:2")
    (context / "requirements.txt").touch()
    assert first == context_digest(context, "base:1")
    (context / "requirements.txt").write_text("")
    assert first != context_digest(context, "base:1")
