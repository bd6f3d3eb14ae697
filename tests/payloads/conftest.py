"""What the tests of payloads share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import ModuleType

import pytest

from tests.payloads.cases import SAMPLES


@pytest.fixture(scope="module")
def echo() -> Iterator[ModuleType]:
    """The module of specs that give back what they get, imported as a user's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(SAMPLES)
        import echo

        yield echo
    sys.modules.pop("echo")
