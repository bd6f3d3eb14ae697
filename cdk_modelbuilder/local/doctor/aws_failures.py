"""What botocore's errors mean for who may do what, in words, with the command that mends it.

Codes: "Common Errors" of AWS's API references (https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html).
"""

from __future__ import annotations

import re
from typing import Any

from cdk_modelbuilder.local.doctor.aws_account import AwsAccount, skew_of
from cdk_modelbuilder.local.doctor.finding import Finding, Outcome
from cdk_modelbuilder.local.doctor.hidden_secrets import without_secrets
from cdk_modelbuilder.local.doctor.platforms import Commands, this_platform

SKEW_LIMIT_SECONDS = 300
"""Signatures are good for five minutes: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html."""

SET_CLOCK = Commands(
    debian=("sudo timedatectl set-ntp true", "timedatectl status", "# in WSL after sleep: sudo hwclock --hctosys"),
    macos=("sudo sntp -sS time.apple.com",),
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired"})
_UNKNOWN_KEY = frozenset({"InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException", "InvalidToken"})
_BAD_SIGNATURE = frozenset(
    {"SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed", "IncompleteSignature", "AuthFailure"}
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403", "Forbidden"})
_SSO = ("SSOTokenLoadError", "UnauthorizedSSOTokenError", "TokenRetrievalError", "SSOError")
_LOGIN = ("LoginRefreshRequired", "LoginTokenLoadError", "LoginError")
_REFUSAL = re.compile(r"not authorized to perform: (\S+)(?: on resource: (\S+))?")


def code_of(error: BaseException) -> str:
    """The code in an answer of AWS; empty for an error of another kind."""
    response: Any = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def denied_action(error: BaseException) -> str:
    """The IAM action, and on what, that an answer of AWS denies; empty where it does not say."""
    found = _REFUSAL.search(str(error))
    return " on ".join(part for part in found.groups() if part).rstrip(".,") if found else ""


def failure(check: str, error: Exception, account: AwsAccount, *, doing: str) -> Finding:
    """The finding for ``error``.

    Args:
        check: Whose finding it is.
        error: What boto3 raised.
        account: Who was asking.
        doing: What for, to follow "while", such as ``asking who this is``.
    """
    detail, remedy, commands = _words(error, account, doing)
    return Finding(check, Outcome.FAILURE, detail, remedy, commands)


def _words(error: Exception, account: AwsAccount, doing: str) -> tuple[str, str, tuple[str, ...]]:
    code = code_of(error)
    if code:
        return _answered(error, code, account, doing)
    kinds = {kind.__name__ for kind in type(error).__mro__}
    login = _login(account)
    if isinstance(error, ImportError):
        return (
            "boto3 is not installed, which asks AWS.",
            "Install the extra for it.",
            ("pip install 'cdk-modelbuilder[aws]'",),
        )
    if "ProfileNotFound" in kinds:
        return f"{error}.", "See which there are, or make it.", ("aws configure list-profiles", "aws configure sso")
    if kinds & set(_SSO):
        return (
            f"the login of AWS IAM Identity Center (SSO) has ended, or none was made, while {doing}.",
            "Log in.",
            login,
        )
    if kinds & set(_LOGIN):
        return f"the login for AWS has ended, while {doing}.", "Log in.", ("aws login",)
    if "NoCredentialsError" in kinds or "NoAuthTokenError" in kinds:
        return (
            "there are no AWS credentials in the environment, in AWS's settings files, or of a role of this machine.",
            "Log in, or name the profile that has them.",
            ("aws configure sso", "export AWS_PROFILE=..."),
        )
    if "PartialCredentialsError" in kinds:
        return f"{_sentence(error)}", "Set both parts of the key, or neither.", ("aws configure list",)
    if "CredentialRetrievalError" in kinds:
        return (
            f"the credentials could not be fetched: {_sentence(error)}",
            "Try what fetches them.",
            ("aws configure list",),
        )
    if "NoRegionError" in kinds:
        return "no region is set.", "Name it.", ("export AWS_DEFAULT_REGION=eu-west-1",)
    if kinds & {"ConnectionError", "HTTPClientError", "EndpointConnectionError", "InvalidRegionError"}:
        return (
            f"AWS gave no answer while {doing}: {_sentence(error)}",
            "Check the network, the proxy (HTTPS_PROXY) and the region's name.",
            ("curl -sSI https://sts.amazonaws.com",),
        )
    return (
        f"{type(error).__name__} while {doing}: {_sentence(error)}",
        "See what AWS's own command says.",
        ("aws sts get-caller-identity",),
    )


def _answered(error: Exception, code: str, account: AwsAccount, doing: str) -> tuple[str, str, tuple[str, ...]]:
    skew = skew_of(getattr(error, "response", {}))
    if code in _BAD_SIGNATURE:
        if skew is not None and abs(skew) > SKEW_LIMIT_SECONDS:
            return (
                f"{skew_sentence(skew)} AWS refuses what is signed so ({code}).",
                "Set the clock.",
                SET_CLOCK.on(this_platform()),
            )
        return (
            f"AWS does not accept the signature ({code}), and the clock is right: the secret key is not the key id's.",
            "Set both again; a slash or plus that was lost in copying is usual.",
            ("aws configure", "aws configure list"),
        )
    if code in _EXPIRED:
        if skew is not None and abs(skew) > SKEW_LIMIT_SECONDS:
            return (
                f"{skew_sentence(skew)} AWS takes the credentials for expired ({code}).",
                "Set the clock.",
                SET_CLOCK.on(this_platform()),
            )
        return (f"the AWS credentials have expired ({code}).", "Log in again, or fetch new ones.", _login(account))
    if code in _UNKNOWN_KEY:
        return (
            f"AWS does not know the access key ({code}): it is gone, its session token is missing, or China's.",
            "See which key is used and from where.",
            ("aws configure list", *_login(account)),
        )
    if code in DENIED:
        action = denied_action(error)
        return (
            f"AWS does not allow {action or 'it'} while {doing}.",
            f"Ask who manages the account to allow {action or 'it'} to this user or role.",
            (),
        )
    return f"AWS answered {code} while {doing}: {_sentence(error)}", "It says why.", ()


def skew_sentence(skew: float) -> str:
    """How far the clocks differ."""
    return f"the clock here is {abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} AWS's."


def _login(account: AwsAccount) -> tuple[str, ...]:
    profile = account.question.profile
    return (f"aws sso login --profile {profile}" if profile else "aws sso login", "# or: aws login")


def _sentence(error: Exception) -> str:
    # A process that fetches credentials may have said anything.
    return without_secrets(str(error).split()).rstrip(".") + "."
