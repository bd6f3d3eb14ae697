"""Strict mode: a process that answers as the container of a bundle will, quirks included.

The project's own server gives an unsupported content type the status 415 and is unhealthy until the model is loaded.
AWS's serving toolkits do neither. What an application relies on is better found out here than after the deployment, so
this server runs the same hooks by the toolkits' rules. They were measured on the toolkits themselves, and the tests
compare the two answer by answer.
"""

from cdk_modelbuilder.local.strict.families import FAMILIES, Family, family_of

__all__ = ["FAMILIES", "Family", "family_of"]
