"""Doing without a library that moto imports for services nobody here uses.

Moto's CloudFormation imports every service it can create, among them API Gateway, which imports an OpenAPI validator
(and with it pydantic and several JSON schema packages) at the top of its module. It calls it only to import an API.
"""

from __future__ import annotations

import importlib.util
import sys
import types

PACKAGE = "openapi_spec_validator"


def mend() -> None:
    if importlib.util.find_spec(PACKAGE) is not None:
        return

    def validate(*_: object, **__: object) -> None:
        raise NotImplementedError(f"{PACKAGE} is not installed with the AWS stand-in")

    package = types.ModuleType(PACKAGE)
    package.__path__ = []
    package.validate = validate
    exceptions = types.ModuleType(f"{PACKAGE}.validation.exceptions")
    exceptions.OpenAPIValidationError = type("OpenAPIValidationError", (Exception,), {})
    validation = types.ModuleType(f"{PACKAGE}.validation")
    validation.__path__ = []
    sys.modules.update({module.__name__: module for module in (package, validation, exceptions)})
