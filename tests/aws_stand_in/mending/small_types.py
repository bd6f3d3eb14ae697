"""Secrets and model package groups made by a stack."""

from __future__ import annotations

import json
from typing import Any

from moto.sagemaker.models import sagemaker_backends
from moto.secretsmanager.models import secretsmanager_backends

from tests.aws_stand_in.mending.recorded import Recorded, stands_for


@stands_for("AWS::SecretsManager::Secret")
class Secret(Recorded):
    secret_arn = ""

    @property
    def backend(self) -> Any:
        return secretsmanager_backends[self.account][self.region]

    def apply(self) -> None:
        if not self.secret_arn:
            self.create()
        elif "SecretString" in self.properties:  # a generated value stays, unless the rule for it changed
            self.backend.put_secret_value(
                secret_id=self.secret_arn,
                secret_string=self.properties["SecretString"],
                secret_binary=None,
                client_request_token=None,
                version_stages=None,
            )

    def create(self) -> None:
        made = self.backend.create_secret(
            name=self.name,
            secret_string=self.value(),
            secret_binary=None,
            description=self.properties.get("Description"),
            tags=self.properties.get("Tags"),
            kms_key_id=self.properties.get("KmsKeyId"),
            client_request_token=None,
            replica_regions=[],
            force_overwrite=False,
        )
        self.secret_arn = (json.loads(made) if isinstance(made, str) else made)["ARN"]

    def value(self) -> str:
        rule = self.properties.get("GenerateSecretString")
        if rule is None:
            return self.properties.get("SecretString", "")
        answer = self.backend.get_random_password(
            password_length=int(rule.get("PasswordLength", 32)),
            exclude_characters=rule.get("ExcludeCharacters", ""),
            exclude_numbers=rule.get("ExcludeNumbers", False),
            exclude_punctuation=rule.get("ExcludePunctuation", False),
            exclude_uppercase=rule.get("ExcludeUppercase", False),
            exclude_lowercase=rule.get("ExcludeLowercase", False),
            include_space=rule.get("IncludeSpace", False),
            require_each_included_type=rule.get("RequireEachIncludedType", True),
        )
        drawn = json.loads(answer)["RandomPassword"]
        if "GenerateStringKey" not in rule:
            return drawn
        return json.dumps({**json.loads(rule.get("SecretStringTemplate", "{}")), rule["GenerateStringKey"]: drawn})

    def remove(self) -> None:
        self.backend.delete_secret(self.secret_arn, None, True)

    @property
    def arn(self) -> str:
        return self.secret_arn

    @property
    def physical_resource_id(self) -> str:
        return self.secret_arn

    def get_cfn_attribute(self, attribute: str) -> str:
        return self.secret_arn


@stands_for("AWS::SageMaker::ModelPackageGroup")
class ModelPackageGroup(Recorded):
    def apply(self) -> None:
        sagemaker_backends[self.account][self.region].create_model_package_group(
            self.name, self.properties.get("ModelPackageGroupDescription", ""), self.properties.get("Tags", [])
        )

    def remove(self) -> None:
        sagemaker_backends[self.account][self.region].model_package_groups.pop(self.name, None)

    @property
    def arn(self) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.account}:model-package-group/{self.name}"

    @property
    def physical_resource_id(self) -> str:
        return self.arn
