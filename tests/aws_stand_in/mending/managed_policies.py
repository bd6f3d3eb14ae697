"""Deleting a customer-managed policy, which moto's CloudFormation leaves attached, so that its role cannot go."""

from __future__ import annotations

from typing import Any

from moto.iam.models import ManagedPolicy


def mend() -> None:
    def delete(self: ManagedPolicy, account_id: str, region: str) -> Any:
        backend = self.backend
        for holders in (backend.roles, backend.users, backend.groups):
            for holder in holders.values():
                if self.arn in holder.managed_policies:
                    self.detach_from(holder)
        backend.managed_policies.pop(self.arn, None)

    ManagedPolicy.delete = delete
