"""What a tool finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """One rule that one resource breaks, without an acknowledgement.

    Attributes:
        tool: ``cfn-lint``, ``checkov``, or a validation plugin's name: ``CloudFormation Validate``, ``SecureDefaults``,
            ``AwsSolutions`` and the other packs of cdk-nag.
        rule: As the tool names it, and as an acknowledgement must.
        path: The construct's path; the logical id where the template does not tell it.
        message: The tool's words.
    """

    tool: str
    rule: str
    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.tool} {self.rule} {self.path}: {self.message}"
