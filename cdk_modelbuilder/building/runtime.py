"""What a bundle runs on: the container image, and what is known about its packages before the code has run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cdk_modelbuilder.building.payload_code import payload_libraries, without_absent_libraries
from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.dependencies.evidence import Evidence, evidence_of
from cdk_modelbuilder.dependencies.installed import Installed
from cdk_modelbuilder.dependencies.listed import read_lines, read_listed
from cdk_modelbuilder.dependencies.local_source import Importer, LocalSource
from cdk_modelbuilder.dependencies.package_list import Terms, make_list
from cdk_modelbuilder.dependencies.target import Target
from cdk_modelbuilder.frameworks import FrameworkAdapter, ReadBy
from cdk_modelbuilder.images import ContainerImage, choose_image, images_for
from cdk_modelbuilder.schema.codecs import Marshaller

if TYPE_CHECKING:
    from cdk_modelbuilder.dependencies.options import DependencyOptions


@dataclass(frozen=True, slots=True)
class Runtime:
    """See the module.

    Attributes:
        image: For the container spec; empty if the user brings an image.
        notes: What the user should know about versions.
        terms: What decides the list of packages besides the code.
        evidence: What the files import.
        marshaller: The schema without the content types whose library is not there.
    """

    image: ImageReference
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
    read_by: ReadBy,
    source: LocalSource,
    modules: Mapping[str, Importer],
    marshaller: Marshaller,
    options: DependencyOptions,
    has_own_image: bool,
    python: str | None = None,
) -> Runtime:
    """Choose the image and read off what the files import.

    Args:
        adapter: The framework whose image runs the bundle.
        version: Its version here; None if the code does not use it, and its newest image is just a Python.
        read_by: What ties the bundle to a version, see :func:`~cdk_modelbuilder.images.choose_image`.
        source: The user's source.
        modules: Further modules that the bundle's files need, and who needs them.
        marshaller: Its codecs import libraries too.
        options: The user's ``dependencies=``.
        has_own_image: The user brings an image, of which nothing is known.
        python: Minor version that the image must have, or None.

    Raises:
        NoMatchingImage: No image can run it.
        DependencyError: A module is imported that is not installed, or a package cannot be pinned.
        UsageError: The user's lists contradict themselves.
    """
    image: ContainerImage | None = None
    notes: tuple[str, ...] = ()
    fixed: tuple[str, ...] = ()
    reference = ImageReference()
    if not has_own_image:
        wanted = version or images_for(adapter.name)[0].framework_version
        choice = choose_image(adapter.name, wanted, python=python, read_by=read_by)
        image, notes, reference = choice.image, choice.notes, _reference(choice.image)
        fixed = tuple(line.partition("==")[0] for line in choice.install_over)
        if version is None:
            notes = (*notes, _plain_python_note(choice.image))
    terms = _terms(adapter, image, options, fixed)
    imported = LocalSource()
    imported.update(source)
    for module, importer in modules.items():
        imported.add_import(module, importer)
    framework = {} if version is None else {_installed_name(adapter): "the model's framework"}
    evidence = _evidence(imported, payload_libraries(marshaller), framework, terms)
    packages = make_list(terms, evidence.roots)
    names = {pin.name for pin in packages.fitted.pins} | set(packages.selection.vendored)
    there = without_absent_libraries(marshaller, names | set(terms.target.provides))
    return Runtime(reference, notes, terms, evidence, there)


def _terms(
    adapter: FrameworkAdapter, image: ContainerImage | None, options: DependencyOptions, fixed: tuple[str, ...]
) -> Terms:
    target = Target.here()
    if image is not None:
        target = Target(image.python, provides=image.provides, image=image.name)
    environment = target.marker_environment()
    return Terms(
        options,
        target,
        aliases=dict.fromkeys(adapter.provided_by, adapter.distribution),
        fixed=fixed,
        file=None if options.requirements is None else read_listed(options.requirements, environment=environment),
        custom=read_lines(options.custom, "dependencies['custom']", environment=environment),
    )


def _evidence(source: LocalSource, payloads: Sequence[str], framework: Mapping[str, str], terms: Terms) -> Evidence:
    """What the files import, what payloads are made of, and the framework, which is always there."""
    evidence = Evidence()
    if terms.options.auto:
        evidence = evidence_of(
            source.imports,
            shipped=source.distributions,
            listed=terms.listed_names,
            exclude=terms.options.exclude,
        )
        for module in payloads:
            for name in Installed.here().owners(module):
                evidence.roots.setdefault(name, "payloads")
    evidence.roots.update(framework)
    return evidence


def _reference(image: ContainerImage) -> ImageReference:
    return ImageReference(
        repository=image.repository,
        tag=image.tag,
        accounts=dict(image.accounts),
        python=image.python,
        end_of_patch=None if image.end_of_patch is None else image.end_of_patch.isoformat(),
    )


def _installed_name(adapter: FrameworkAdapter) -> str:
    names = Installed.here().owners(adapter.name)
    return next((name for name in names if name in (adapter.distribution, *adapter.provided_by)), adapter.distribution)


def _plain_python_note(image: ContainerImage) -> str:
    return (
        f"the InferenceSpec imports no framework that has an AWS image of its own; {image.name} (Python "
        f"{image.python}) runs it."
    )
