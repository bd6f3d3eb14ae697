"""The golden test as an assertion, with what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.golden import answers_to_golden
from cdk_modelbuilder.predictor import Predictor
from cdk_modelbuilder.pytest_plugin.differences import differences
from cdk_modelbuilder.pytest_plugin.endpoints import LocalEndpoints


class GoldenAssertion:
    """Asserts that an endpoint answers the kept request as it did when the bundle was built.

    Args:
        shared: Starts a bundle that no endpoint was given for.
        own: The test's own endpoints, if it has any.
    """

    def __init__(self, shared: LocalEndpoints, own: LocalEndpoints | None) -> None:
        self._shared = shared
        self._own = own

    def __call__(
        self,
        endpoint: Predictor | ModelBundle | Path | str,
        *,
        bundle: ModelBundle | Path | str | None = None,
        **options: Any,
    ) -> Any:
        """Ask ``endpoint`` what the bundle's golden test holds, and compare; returns the answer.

        Numbers may differ by a millionth, as in :meth:`cdk_modelbuilder.ModelBundle.golden_test`.

        Args:
            endpoint: A predictor; or a bundle, or its folder, which is then started on this machine.
            bundle: Whose golden test, for a predictor that ``local_endpoint`` did not give out, such as one of
                an endpoint in SageMaker.
            options: For a bundle that is started: what ``local_endpoint`` takes.

        Raises:
            AssertionError: The answer is another; the message says where.
            BundleError: The bundle has no golden test.
            PredictionError: The endpoint answered with an error.
            UsageError: It is not known which bundle the predictor belongs to.
        """
        __tracebackhide__ = True
        if not isinstance(endpoint, Predictor):
            opened = self._shared.open(endpoint)
            predictor = self._shared(opened, **options)
        else:
            predictor = endpoint
            opened = self._bundle_of(predictor, bundle)
        found, kept = answers_to_golden(opened.read_golden(), opened.schema, predictor)
        lines = differences(found, kept)
        if lines:
            shown = "\n".join(f"  {line}" for line in lines)
            raise AssertionError(f"{opened.name} does not answer as its golden test says:\n{shown}")
        return found

    def _bundle_of(self, predictor: Predictor, given: ModelBundle | Path | str | None) -> ModelBundle:
        if given is not None:
            # Of a bundle that is elsewhere, the text files are enough.
            return given if isinstance(given, ModelBundle) else ModelBundle.read(self._shared.root / given)
        for endpoints in (self._own, self._shared):
            found = endpoints.bundle_of(predictor) if endpoints is not None else None
            if found is not None:
                return found
        raise UsageError(
            f"{predictor!r} was not given out by local_endpoint, so its golden test is not known.",
            remedy='Say whose it is: assert_golden(predictor, bundle="build/churn").',
        )
