"""The plugin, as users' tests have it: a pytest in a pytest, real servers, real xdist workers."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys

import pytest

from cdk_modelbuilder.pytest_plugin.endpoints import LocalEndpoints

pytest_plugins = ["pytester"]


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def test_an_endpoint_serves_its_test_and_ends_with_it(project):
    project.makepyfile(
        """
        from pathlib import Path

        def test_answers(local_endpoint):
            endpoint = local_endpoint("build/doubles")
            assert endpoint.predict([2.0, 4.0]) == [4.0, 8.0]
            other = local_endpoint("build/doubles", mode="local_process", workers=2)
            assert other.url != endpoint.url
            Path("ports").write_text(f"{endpoint.url} {other.url}")
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)
    ports = [int(port) for port in re.findall(r":(\d+)", (project.path / "ports").read_text())]
    assert len(ports) == 2
    assert not any(map(listens, ports))


def test_a_failure_shows_the_servers_log_and_ends_the_server(project):
    project.makepyfile(
        """
        from pathlib import Path

        def test_fails(local_endpoint):
            endpoint = local_endpoint("build/doubles")
            Path("ports").write_text(endpoint.url)
            endpoint.predict([1.0])
            assert False, "as it should"
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.re_match_lines([r".*Log of doubles at http://127\.0\.0\.1:\d+.*", r'.*"event".*'])
    assert not listens(int((project.path / "ports").read_text().rpartition(":")[2]))


def test_what_is_shared_is_started_once_and_again_when_it_died(project):
    project.makepyfile(
        """
        urls = []

        def test_one(shared_local_endpoint):
            urls.append(shared_local_endpoint("build/doubles").url)

        def test_two(shared_local_endpoint):
            urls.append(shared_local_endpoint("build/doubles").url)
            assert urls[0] == urls[1]

        def test_other_options_are_another_endpoint(shared_local_endpoint):
            assert shared_local_endpoint("build/doubles", workers=2).url != urls[0]

        def test_ends_it(shared_local_endpoint):
            shared_local_endpoint("build/doubles").delete_endpoint()

        def test_gets_a_new_one(shared_local_endpoint):
            assert shared_local_endpoint("build/doubles").predict([1.0]) == [2.0]
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=5)


def test_the_golden_test_holds_for_a_path_a_predictor_and_another_endpoint(project):
    project.makepyfile(
        """
        from cdk_modelbuilder import Predictor

        def test_path(assert_golden):
            assert assert_golden("build/doubles") == [3.0, 4.0]

        def test_predictor(local_endpoint, assert_golden):
            assert_golden(local_endpoint("build/doubles"))

        def test_shared(shared_local_endpoint, assert_golden):
            assert_golden(shared_local_endpoint("build/doubles"))

        def test_elsewhere(local_endpoint, assert_golden):
            url = local_endpoint("build/doubles").url
            with Predictor.from_bundle("build/doubles", url=url) as predictor:
                assert_golden(predictor, bundle="build/doubles")
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=4)


def test_a_wrong_answer_is_told_by_its_place(project):
    golden = project.path / "build" / "doubles" / "golden.json"
    data = json.loads(golden.read_text())
    data["response"] = {**data["response"], "base64": "WzMuMCw0LjVd"}  # [3.0,4.5]
    golden.write_text(json.dumps(data))
    project.makepyfile("def test_golden(assert_golden):\n    assert_golden('build/doubles')\n")
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "*AssertionError: doubles does not answer as its golden test says:",
            "*[[]1[]] is 4.0 instead of 4.5 (off by 0.5, 11.11%)",
        ]
    )
    result.stdout.no_fnmatch_line("*golden_assertion.py*")


def test_what_is_asked_wrongly_says_the_way_out(project):
    project.makepyfile(
        """
        import pytest
        from cdk_modelbuilder import Mode, ModelBuilderError, Predictor

        def test_errors(local_endpoint, assert_golden):
            for options, words in (
                ({"mode": "nowhere"}, "no mode 'nowhere'"),
                ({"mode": Mode.SAGEMAKER_ENDPOINT}, "from_bundle"),
                ({"memory_mb": 7}, "no option memory_mb"),
            ):
                with pytest.raises(ModelBuilderError, match=words):
                    local_endpoint("build/doubles", **options)
            with pytest.raises(ModelBuilderError, match="does not exist"):
                local_endpoint("build/lost")
            with Predictor.from_bundle("build/doubles", url="http://127.0.0.1:1") as predictor:
                with pytest.raises(ModelBuilderError, match="bundle="):
                    assert_golden(predictor)
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=1)


def test_a_bundle_without_a_golden_test_says_how_to_get_one(project):
    (project.path / "build" / "doubles" / "golden.json").unlink()
    project.makepyfile("def test_golden(assert_golden):\n    assert_golden('build/doubles')\n")
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*has no golden.json*keep_samples=True*"])


@pytest.mark.slow  # three interpreters
def test_workers_of_xdist_have_an_endpoint_each(project):
    pytest.importorskip("xdist", exc_type=ImportError)
    project.makepyfile(
        """
        import os
        import pytest
        from pathlib import Path

        @pytest.fixture(scope="session")
        def endpoint(shared_local_endpoint):
            return shared_local_endpoint("build/doubles")

        @pytest.mark.parametrize("number", range(6))
        def test_number(endpoint, number):
            assert endpoint.predict([float(number)]) == [2.0 * number]
            Path(f"{os.environ['PYTEST_XDIST_WORKER']}-{number}").write_text(endpoint.url)
        """
    )
    project.runpytest_subprocess("-n2", "--dist", "each").assert_outcomes(passed=12)
    urls = {}
    for path in project.path.glob("gw*-*"):
        urls.setdefault(path.name.partition("-")[0], set()).add(path.read_text())
    assert {len(of_worker) for of_worker in urls.values()} == {1}
    assert len(set.union(*urls.values())) == 2
    assert not any(listens(int(url.rpartition(":")[2])) for url in set.union(*urls.values()))


def test_it_costs_nothing_where_it_is_not_used():
    ask = (
        "import sys, cdk_modelbuilder.pytest_plugin; print(*sorted(n for n in sys.modules if n.startswith('cdk_mod')))"
    )
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["cdk_modelbuilder", "cdk_modelbuilder._version", "cdk_modelbuilder.pytest_plugin"]


def test_a_container_is_the_default_for_a_bundle_without_code(golden_bundle):
    import dataclasses

    from cdk_modelbuilder import Mode
    from cdk_modelbuilder.pytest_plugin.endpoints import _mode

    manifest = dataclasses.replace(golden_bundle.manifest, files={})
    without_code = dataclasses.replace(golden_bundle, manifest=manifest)
    own = dataclasses.replace(golden_bundle, info={**golden_bundle.info, "mode": "LOCAL_CONTAINER"})
    assert [_mode(one, None) for one in (golden_bundle, without_code, own)] == [
        Mode.LOCAL_PROCESS,
        Mode.LOCAL_CONTAINER,
        Mode.LOCAL_CONTAINER,
    ]


def test_one_that_does_not_end_well_does_not_keep_the_others(golden_bundle, tmp_path):
    endpoints = LocalEndpoints(tmp_path, shared=False)
    first, second = (endpoints(golden_bundle) for _ in range(2))
    ended = []
    first._on_delete, end_first = (lambda: ended.append("first")), first._on_delete
    second._on_delete, end_second = (lambda: 1 / 0), second._on_delete
    with pytest.raises(ZeroDivisionError):
        endpoints.stop()
    assert ended == ["first"]
    end_first()
    end_second()
