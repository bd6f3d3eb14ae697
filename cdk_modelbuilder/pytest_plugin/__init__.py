"""pytest plugin: endpoints on this machine as fixtures, and the golden test as an assertion.

pytest loads it through the entry point ``pytest11`` wherever the package is installed. It imports nothing of the
package before a test asks for a fixture. docs/testing-endpoints.md shows how it is used.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from cdk_modelbuilder.pytest_plugin.endpoints import LocalEndpoints
    from cdk_modelbuilder.pytest_plugin.golden_assertion import GoldenAssertion

_WITH_LOGS = ("local_endpoint", "shared_local_endpoint")


@pytest.fixture
def local_endpoint(request: pytest.FixtureRequest) -> Iterator[LocalEndpoints]:
    """What starts bundles on this machine; they end with the test.

    ``endpoint = local_endpoint("build/churn")`` is a predictor. The arguments:
    :class:`~cdk_modelbuilder.pytest_plugin.endpoints.LocalEndpoints`.
    """
    yield from _endpoints(request, shared=False)


@pytest.fixture(scope="session")
def shared_local_endpoint(request: pytest.FixtureRequest) -> Iterator[LocalEndpoints]:
    """The same, but what was started once serves all tests that ask for the same; it ends with the run.

    With pytest-xdist each worker process starts its own.
    """
    yield from _endpoints(request, shared=True)


@pytest.fixture
def assert_golden(request: pytest.FixtureRequest, shared_local_endpoint: LocalEndpoints) -> GoldenAssertion:
    """What asserts that an endpoint answers as its bundle's golden test says.

    ``assert_golden("build/churn")`` starts the bundle for it. The arguments:
    :class:`~cdk_modelbuilder.pytest_plugin.golden_assertion.GoldenAssertion`.
    """
    from cdk_modelbuilder.pytest_plugin.golden_assertion import GoldenAssertion  # noqa: PLC0415 - only when asked for

    own = request.getfixturevalue("local_endpoint") if "local_endpoint" in request.fixturenames else None
    return GoldenAssertion(shared_local_endpoint, own)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the last lines of the servers' logs beneath a test that failed."""
    report = yield
    if report.failed and call.when in {"setup", "call"}:
        values: dict[str, Any] = getattr(item, "funcargs", {})
        for name in _WITH_LOGS:
            if name in values:
                report.sections += values[name].log_sections()
    return report


def _endpoints(request: pytest.FixtureRequest, *, shared: bool) -> Iterator[LocalEndpoints]:
    from cdk_modelbuilder.pytest_plugin.endpoints import LocalEndpoints  # noqa: PLC0415 - only when asked for

    endpoints = LocalEndpoints(request.config.rootpath, shared=shared)
    try:
        yield endpoints
    finally:
        endpoints.stop()
