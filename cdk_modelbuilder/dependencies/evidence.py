"""Which installed packages the bundle's files import, read without running them."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from packaging.utils import canonicalize_name

from cdk_modelbuilder.dependencies.installed import Installed
from cdk_modelbuilder.dependencies.local_source import Importer, module_file
from cdk_modelbuilder.errors import DependencyError

OWN_DISTRIBUTION = "cdk-modelbuilder"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is needed, and why.

    Attributes:
        roots: Distribution, as installed -> reason.
        left_out: Module or distribution that the code can do without -> reason.
    """

    roots: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)


def evidence_of(
    imports: Mapping[str, Importer], *, shipped: Collection[str], listed: Collection[str], exclude: Collection[str]
) -> Evidence:
    """The distributions of ``imports``.

    Args:
        imports: Module -> who imports it.
        shipped: Distributions whose modules are among the bundle's own files.
        listed: Names of packages that the user lists: a module of that name need not be installed here.
        exclude: Distributions that the user leaves out.

    Raises:
        DependencyError: A module is imported that no distribution brings.
    """
    installed = Installed.here()
    evidence = Evidence()
    left_out = {canonicalize_name(name) for name in exclude}
    for module, importer in sorted(imports.items()):
        top = module.partition(".")[0]
        if top in sys.stdlib_module_names or canonicalize_name(top) == OWN_DISTRIBUTION:
            continue
        owners = [name for name in installed.owners(module) if name not in shipped]
        if not owners:
            _check_absent(module, importer, listed=listed, left_out=left_out, evidence=evidence)
        for name in owners:
            if name in left_out:
                evidence.left_out[name] = f"excluded, though {importer.name} imports it"
            else:
                evidence.roots.setdefault(name, f"imported by {importer.name}")
    return evidence


def _check_absent(
    module: str, importer: Importer, *, listed: Collection[str], left_out: Collection[str], evidence: Evidence
) -> None:
    compiled = module_file(module)
    if compiled is not None and compiled.suffix != ".py":
        raise DependencyError(
            f"{importer.place} imports {module}, which is compiled code of your own ({compiled.name}), made for this "
            "Python and this platform.",
            remedy="Build a wheel of it for the container's Python, and name that in dependencies={'custom': "
            "['./the.whl']}.",
        )
    names = {canonicalize_name(module.partition(".")[0]), canonicalize_name(module)}
    if importer.optional or names & set(left_out):
        evidence.left_out.setdefault(module, f"not installed here; {importer.name} can do without it")
    elif not names & set(listed):
        raise DependencyError(
            f"{importer.place} imports {module}, which no installed distribution brings.",
            remedy="Install it here, or guard the import with try/except ImportError if the code can do without it; "
            f"if the container has it, say dependencies={{'exclude': ['{module.partition('.')[0]}']}}.",
        )
