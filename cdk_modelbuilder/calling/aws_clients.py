"""boto3 clients as calls to endpoints need them. Imported when one is asked for: boto3 is an extra."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, HTTPClientError, ReadTimeoutError, SSLError

from cdk_modelbuilder.calling.http import CONNECT_SECONDS, CONNECTIONS
from cdk_modelbuilder.calling.retries import wait_after
from cdk_modelbuilder.errors import UsageError


def open_session(session: Any, region: str | None) -> Any:
    """``session``, or a new one with the environment's credentials.

    Raises:
        UsageError: The environment's AWS settings are wrong, or ``region`` is not the session's.
    """
    if session is not None:
        if region is not None and session.region_name not in (None, region):
            raise UsageError(
                f"region={region!r} differs from the session's, {session.region_name!r}.", remedy="Leave region out."
            )
        return session
    try:
        return boto3.Session(region_name=region)
    except BotoCoreError as error:
        raise UsageError(f"AWS's settings here are wrong: {error}.", remedy="Check AWS_PROFILE.") from None


_PERHAPS_SENT = (HTTPClientError, SSLError)
"""What else can fail comes before the request: no connection to AWS, or to the proxy."""


def new_client(
    session: Any, service: str, *, region: str | None, timeout: float, max_attempts: int, repeatable: bool
) -> Any:
    """A client in botocore's standard retry mode, except that a time-out is final, and a connection that broke.

    That mode sends again after throttling (ThrottlingException and its kin, or a status of 429), after 500, 502, 503
    and 504 from AWS, and after a connection that could not be made. A model's own error (ModelError, 424) is none of
    these. A connection that broke after the request was sent is final, too: the model may have answered it.

    Args:
        session: A boto3 session.
        service: Its name in boto3.
        region: AWS region. Default: the session's.
        timeout: Seconds until an answer must begin.
        max_attempts: How often a request is sent at most.
        repeatable: Whether requests may be sent again after a connection that broke, because twice does no harm.

    Raises:
        UsageError: There is no region.
    """
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=timeout,
        max_pool_connections=CONNECTIONS,
        retries={"mode": "standard", "total_max_attempts": max_attempts},
    )
    try:
        client = session.client(service, region_name=region, config=config)
    except (BotoCoreError, ValueError) as error:
        raise UsageError(
            f"no client for {service}: {error}.", remedy="Give region=, or set AWS_DEFAULT_REGION."
        ) from None
    event = f"needs-retry.{client.meta.service_model.service_id.hyphenize()}"
    client.meta.events.register_first(event, _Exceptions(max_attempts, repeatable=repeatable).decide)
    return client


class _Exceptions:
    """Where this differs from botocore's standard mode."""

    def __init__(self, max_attempts: int, *, repeatable: bool) -> None:
        self._max_attempts = max_attempts
        self._repeatable = repeatable

    def decide(self, *, attempts: int, response: Any, caught_exception: Exception | None, **_: Any) -> float | None:
        """What botocore's needs-retry event asks for: seconds to wait before another attempt, or no opinion."""
        if isinstance(caught_exception, ReadTimeoutError):
            raise caught_exception  # the model may be at work on it: another attempt would double its load
        if isinstance(caught_exception, _PERHAPS_SENT) and not self._repeatable:
            raise caught_exception  # the model may have done it
        if response is not None and attempts < self._max_attempts:
            code = response[1].get("Error", {}).get("Code")
            if code == "ModelNotReadyException":  # "Wait and try your request again", says the API reference
                return wait_after(attempts)
        return None
