"""What is known about a bundle's packages before its code has run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from packaging.utils import canonicalize_name

from cdk_modelbuilder.building.hosting import Host
from cdk_modelbuilder.building.payload_code import native_libraries, payload_libraries, without_absent_libraries
from cdk_modelbuilder.dependencies.evidence import Evidence, evidence_of
from cdk_modelbuilder.dependencies.installed import Installed
from cdk_modelbuilder.dependencies.listed import read_lines, read_listed
from cdk_modelbuilder.dependencies.local_source import Importer, LocalSource
from cdk_modelbuilder.dependencies.options import DependencyOptions
from cdk_modelbuilder.dependencies.package_list import Terms, make_list
from cdk_modelbuilder.dependencies.pin import SERVER_REASON
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.frameworks import FrameworkAdapter
from cdk_modelbuilder.schema.codecs import Marshaller

_SERVER_PACKAGES = ("httptools", "uvicorn", "uvloop")
"""What the project's own server imports."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """See the module.

    Attributes:
        host: The server and the image.
        notes: What the user should know about versions.
        terms: What decides the list of packages besides the code.
        evidence: What the files import.
        marshaller: The schema without the content types whose library is not there.
    """

    host: Host
    notes: tuple[str, ...]
    terms: Terms
    evidence: Evidence
    marshaller: Marshaller

    def packages_of(self, source: LocalSource) -> Evidence:
        """The evidence in more source that turned up later."""
        if not self.terms.options.auto:
            return Evidence()
        return evidence_of(
            source.imports,
            shipped=source.distributions,
            listed=self.terms.listed_names,
            exclude=self.terms.options.exclude,
        )


def runtime_for(
    adapter: FrameworkAdapter,
    version: str | None,
    *,
    host: Host,
    source: LocalSource,
    modules: Mapping[str, Importer],
    marshaller: Marshaller,
    options: DependencyOptions,
) -> Runtime:
    """Read off what the files import.

    Args:
        adapter: The framework whose models they are.
        version: Its version here; None if the code does not use it.
        host: Where the bundle runs.
        source: The user's source.
        modules: Further modules that the bundle's files need, and who needs them.
        marshaller: Its codecs import libraries too.
        options: The user's ``dependencies=``.

    Raises:
        DependencyError: A module is imported that is not installed, or a package cannot be pinned.
        UsageError: The user's lists contradict themselves.
    """
    terms = _terms(adapter, host, options)
    imported = LocalSource()
    imported.update(source)
    runs_model = host.server.runs_model
    for module, importer in modules.items() if runs_model else ():
        imported.add_import(module, importer)
    always = {} if version is None or not runs_model else {_installed_name(adapter): "the model's framework"}
    if host.server.own_image:
        always.update(dict.fromkeys(_SERVER_PACKAGES, SERVER_REASON))
    evidence = _evidence(imported, payload_libraries(marshaller), always, terms)
    packages = make_list(terms, evidence.roots)
    names = {pin.name for pin in packages.fitted.pins} | set(packages.selection.vendored)
    present = (names | set(terms.target.provides)).difference(map(canonicalize_name, options.exclude))
    there = without_absent_libraries(marshaller, present)
    if terms.options.auto:  # else a first run would fail for want of them, and more runs would look for which it was
        _add(evidence, native_libraries(there))
    return Runtime(host, host.notes, terms, evidence, there)


def terms_without_packages(host: Host) -> Terms:
    """For containers that run no code of the bundle."""
    listed = read_lines((), "dependencies", environment=host.target.marker_environment())
    return Terms(DependencyOptions(auto=False), host.target, {}, (), None, listed)


def _terms(adapter: FrameworkAdapter, host: Host, options: DependencyOptions) -> Terms:
    if host.server.own_image:
        if options.packaging == "wheels":
            raise UsageError(
                f"dependencies: packaging is 'wheels', and the image of {host.server.title} has the packages inside.",
                remedy="Leave packaging out; nothing is installed when the container starts.",
            )
        options = replace(options, packaging="image")
    environment = host.target.marker_environment()
    return Terms(
        options,
        host.target,
        aliases=dict.fromkeys(adapter.provided_by, adapter.distribution),
        fixed=host.fixed,
        file=None if options.requirements is None else read_listed(options.requirements, environment=environment),
        custom=read_lines(options.custom, "dependencies['custom']", environment=environment),
    )


def _evidence(source: LocalSource, payloads: Sequence[str], always: Mapping[str, str], terms: Terms) -> Evidence:
    """What the files import, what payloads are made of, and what is there always."""
    evidence = Evidence()
    if terms.options.auto:
        evidence = evidence_of(
            source.imports,
            shipped=source.distributions,
            listed=terms.listed_names,
            exclude=terms.options.exclude,
        )
        _add(evidence, payloads)
    evidence.roots.update(always)
    return evidence


def _add(evidence: Evidence, payloads: Iterable[str]) -> None:
    for module in payloads:
        for name in Installed.here().owners(module):
            evidence.roots.setdefault(name, "payloads")


def _installed_name(adapter: FrameworkAdapter) -> str:
    names = (adapter.distribution, *adapter.provided_by)
    return next((name for name in names if Installed.here().get(name) is not None), adapter.distribution)
