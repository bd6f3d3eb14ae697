"""Where a secret's value is in AWS Secrets Manager, as text that is no secret itself; and what looks like a token.

hub/token            the whole text of the secret with this name, in the account and region of the stack
hub/token#read       the field ``read`` of its JSON
arn:aws:secretsmanager:eu-west-1:123456789012:secret:hub/token-a1B2c3#read
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from cdk_modelbuilder.errors import UsageError

HUB_TOKEN = "HF_TOKEN"  # noqa: S105 - the variable's name
"""What huggingface_hub reads its token from, and with it every server that downloads from the hub."""
_TOKEN_VARIABLES = frozenset(
    (HUB_TOKEN, "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGINGFACE_TOKEN", "HF_API_TOKEN", "HF_HUB_TOKEN")
)
_TOKEN = re.compile(r"(^|[^A-Za-z0-9])(hf|api_org)_[A-Za-z0-9]{30,}")
_REFERENCES = ("{{resolve:", "${Token[")
_NAME = re.compile(r"[A-Za-z0-9/_+=.@-]{1,512}")
_ARN = re.compile(r"arn:[\w-]+:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@-]{1,519}")
_FIELD = re.compile(r"[A-Za-z0-9_.-]{1,128}")


@dataclass(frozen=True, slots=True)
class SecretReference:
    """A secret, or a field of one.

    Attributes:
        secret: Its name or ARN.
        field: A field of its JSON; None for its whole text.
    """

    secret: str
    field: str | None = None

    @classmethod
    def parse(cls, text: object, argument: str) -> SecretReference:
        """What a line says.

        Args:
            text: The line.
            argument: Where it stands, for messages.

        Raises:
            UsageError: It is no name or ARN of a secret; the text is not repeated where it looks like a token.
        """
        if isinstance(text, str) and _TOKEN.search(text):
            raise UsageError(
                f"{argument} is a token itself.",
                remedy="Put it into AWS Secrets Manager, give the secret's name or ARN here, and revoke a token that "
                "was written down.",
            )
        secret, mark, field = text.partition("#") if isinstance(text, str) else ("", "", "")
        well_formed = _ARN.fullmatch(secret) or _NAME.fullmatch(secret)
        if not well_formed or (mark and not _FIELD.fullmatch(field)):
            raise UsageError(
                f"{argument} is {text!r}, which names no secret.",
                remedy="Give the name or the ARN of a secret of AWS Secrets Manager; '#field' at its end for a field "
                "of its JSON.",
            )
        return cls(secret, field or None)

    @property
    def dynamic_reference(self) -> str:
        """What CloudFormation puts the value in place of when it deploys.

        Source: "Get a secret or secret value from Secrets Manager" in the CloudFormation user guide:
        ``{{resolve:secretsmanager:secret-id:secret-string:json-key:version-stage:version-id}}``.
        """
        return f"{{{{resolve:secretsmanager:{self.secret}:SecretString:{self.field or ''}::}}}}"


def refuse_tokens(variables: Mapping[str, object], argument: str) -> None:
    """Refuse a hub's token among variables that stand in the template; its value is not repeated.

    A reference, which CloudFormation or the CDK resolves, is none.

    Raises:
        UsageError: A variable is one of those that hold a token, or its value looks like one.
    """
    for name, value in variables.items():
        if isinstance(value, str) and value.startswith(_REFERENCES):
            continue
        if (name in _TOKEN_VARIABLES and value) or (isinstance(value, str) and _TOKEN.search(value)):
            raise UsageError(
                f"{argument} sets {name} to a token of the Hugging Face hub, which would stand in the template and in "
                "container.json.",
                remedy="Put it into AWS Secrets Manager and give hub_token_secret= its name or ARN; on this machine "
                "the container gets your own HF_TOKEN.",
            )
