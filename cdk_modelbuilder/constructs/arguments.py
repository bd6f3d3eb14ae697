"""Checks of arguments that every construct makes: names, ranges, secrets. Tokens pass, their values come later."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from weakref import WeakKeyDictionary

import aws_cdk as cdk
from aws_cdk import Duration, Size
from constructs import Construct

from cdk_modelbuilder.errors import UsageError

_places: WeakKeyDictionary[Construct, tuple[str, str]] = WeakKeyDictionary()
LIST_PLACEHOLDER = "#{Token["
"""How the only element of a list begins that stands for a whole list."""
_NAME = re.compile(r"[a-zA-Z0-9](-*[a-zA-Z0-9])*")


def is_token(value: object) -> bool:
    """Whether ``value`` is decided when deploying. Read off the text: asking the CDK is a call to another process."""
    if isinstance(value, str):
        return "${Token[" in value or value.startswith(LIST_PLACEHOLDER)
    return isinstance(value, float) and value < -1e288


def region_of(scope: Construct) -> str:
    """The region of ``scope``'s stack; a token where it is decided when deploying."""
    return _place(scope)[0]


def account_of(scope: Construct) -> str:
    """The account of ``scope``'s stack; a token where it is decided when deploying."""
    return _place(scope)[1]


def same_place(child: Construct, scope: Construct) -> None:
    """Let ``child`` have the region and account of its parent without asking for them again."""
    _places[child] = _place(scope)


def _place(scope: Construct) -> tuple[str, str]:
    if scope not in _places:
        stack = cdk.Stack.of(scope)
        if stack not in _places:
            _places[stack] = (stack.region, stack.account)
        _places[scope] = _places[stack]
    return _places[scope]


def check_name(what: str, name: str | None, *, longest: int = 63) -> None:
    """Refuse a name that SageMaker refuses: letters, digits and hyphens, a letter or digit at both ends.

    Source: the pattern of ``EndpointName``, ``ModelName`` and others in the SageMaker API reference.

    Raises:
        UsageError: It cannot be a name.
    """
    if name is None or is_token(name):
        return
    if not isinstance(name, str) or len(name) > longest or not _NAME.fullmatch(name):
        raise UsageError(
            f"{what} {name!r} cannot be a name in SageMaker.",
            remedy=f"Use up to {longest} letters, digits and hyphens, with a letter or digit at both ends.",
        )


def check_range(what: str, value: float | None, low: float, high: float | None = None, *, unit: str = "") -> None:
    """Refuse a number outside ``low`` to ``high``.

    Raises:
        UsageError: It is outside, or no number.
    """
    if value is None or is_token(value):
        return
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UsageError(f"{what} is {value!r}, which is no number.", remedy="Give a number.")
    if not low <= value <= (float("inf") if high is None else high):
        span = f"at least {low:g}" if high is None else f"between {low:g} and {high:g}"
        raise UsageError(f"{what} is {value:g}{unit}.", remedy=f"It must be {span}{unit}.")


def check_whole(what: str, value: int | None, low: int, high: int | None = None) -> None:
    """Refuse what is no whole number in ``low`` to ``high``.

    Raises:
        UsageError: It is outside, or not whole.
    """
    if value is not None and not is_token(value) and (isinstance(value, bool) or not isinstance(value, int)):
        raise UsageError(f"{what} is {value!r}, which is not a whole number.", remedy="Give a whole number.")
    check_range(what, value, low, high)


def check_choice(what: str, value: Any, choices: Iterable[str]) -> None:
    """Refuse a word that is none of ``choices``.

    Raises:
        UsageError: It is none of them.
    """
    known = list(choices)
    if value is not None and not is_token(value) and value not in known:
        raise UsageError(f"{what} is {value!r}.", remedy=f"Choose one of {', '.join(known)}.")


def seconds(what: str, value: Duration | None, low: int, high: int) -> int | None:
    """Whole seconds of ``value``, in the range that SageMaker takes; a token stays one.

    Raises:
        UsageError: No Duration, no whole number of seconds, or outside the range.
    """
    return _whole(what, value, Duration, unit="seconds", low=low, high=high, shown=" s")


def minutes(what: str, value: Duration | None, low: int, high: int) -> int | None:
    """The same in minutes.

    Raises:
        UsageError: No Duration, no whole number of minutes, or outside the range.
    """
    return _whole(what, value, Duration, unit="minutes", low=low, high=high, shown=" min")


def gibibytes(what: str, value: Size | None, low: int, high: int) -> int | None:
    """Whole GiB of ``value``, in the range that SageMaker takes; a token stays one.

    Raises:
        UsageError: No Size, no whole number of GiB, or outside the range.
    """
    return _whole(what, value, Size, unit="gibibytes", low=low, high=high, shown=" GiB")


def mebibytes(what: str, value: Size | None, low: int, high: int | None = None) -> int | None:
    """The same in MiB.

    Raises:
        UsageError: No Size, no whole number of MiB, or outside the range.
    """
    return _whole(what, value, Size, unit="mebibytes", low=low, high=high, shown=" MiB")


def times(what: str, value: float, factor: int) -> float:
    """``value`` times ``factor``.

    Raises:
        UsageError: It is a token, with which nothing can be calculated before the deployment.
    """
    if is_token(value) and factor != 1:
        raise UsageError(f"{what} is a token, which cannot be multiplied by {factor}.", remedy="Give a number.")
    return value * factor


def check_s3_uri(what: str, uri: str) -> None:
    """Refuse what does not name a place in S3.

    Raises:
        UsageError: It does not begin with s3://.
    """
    if not isinstance(uri, str) or not re.match(r"s3://[^/]+|\$\{Token\[", uri):
        raise UsageError(f"{what} {uri!r} is no S3 URI.", remedy="Write s3://bucket/prefix.")


def _whole(what: str, value: Any, kind: type, *, unit: str, low: int, high: int | None, shown: str) -> int | None:
    if value is None:
        return None
    if not isinstance(value, kind):
        raise UsageError(
            f"{what} is {value!r}, not a {kind.__name__}.", remedy=f"Write {kind.__name__}.{unit}({value})."
        )
    try:
        amount = getattr(value, f"to_{unit}")()
    except RuntimeError:  # the CDK converts no token, and rounds nothing
        raise UsageError(
            f"{what} is no whole number of {unit}, or a token in another unit.",
            remedy=f"Write {kind.__name__}.{unit}(...).",
        ) from None
    whole: int = amount if is_token(amount) else int(amount)
    check_range(what, whole, low, high, unit=shown)
    return whole
