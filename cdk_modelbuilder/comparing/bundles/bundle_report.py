"""The report of two bundles."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from cdk_modelbuilder.comparing.bundles.bundle_text import BundleText
from cdk_modelbuilder.comparing.bundles.code_section import code_section, tampered_lines
from cdk_modelbuilder.comparing.bundles.container_section import container_section, image_text
from cdk_modelbuilder.comparing.bundles.dependency_section import dependency_section, read_lock
from cdk_modelbuilder.comparing.bundles.golden_section import golden_section
from cdk_modelbuilder.comparing.bundles.model_section import UNPICKLED, model_section
from cdk_modelbuilder.comparing.bundles.schema_section import direction_text, schema_section
from cdk_modelbuilder.comparing.bundles.serving_lines import serving_facts
from cdk_modelbuilder.comparing.bundles.tuning_lines import tuning_changes
from cdk_modelbuilder.comparing.report import ABSENT, Change, Facet, Group, Mark, Part, Section, section_of
from cdk_modelbuilder.comparing.wording import counted, quoted


def compare_bundles(
    old: BundleText | None, new: BundleText | None, *, today: dt.date, show_values: bool = False, folder: str = ""
) -> Part | None:
    """What changes from one bundle to another; None if nothing does.

    Args:
        old: The bundle before; None if there was none.
        new: The bundle after; None if there is none any more.
        today: Whether an image is past its end is told by this date.
        show_values: Whether the golden test's values may be shown.
        folder: What the bundle's folder is called, where there are several.
    """
    named = new if new is not None else old
    assert named is not None
    title = f"Bundle {quoted(named.name)}"
    if folder and folder != named.name:
        title += f" in {quoted(folder)}"
    if old is None or new is None:
        return Part(title, *(_removed(named) if new is None else _created(named)))
    sections = [
        *model_section(old, new),
        *code_section(old, new),
        *dependency_section(old.lock, new.lock),
        *schema_section(old, new),
        *container_section(old, new, today),
        *golden_section(old.golden, new.golden, show_values=show_values),
    ]
    sections = [*section_of(Facet.FINDINGS, "Findings", Group("", tuple(_findings(old, new)))), *sections]
    if not sections:
        return None
    return Part(title, tuple(_summary(old, new, sections)), tuple(sections))


def _findings(old: BundleText, new: BundleText) -> Iterator[Change]:
    """What is wrong with the new bundle and was not with the old one."""
    if new.defect and new.defect.replace(new.tree.name, "") != old.defect.replace(old.tree.name, ""):
        yield Change("the new bundle would be refused", marks=(Mark.SECURITY,), note=quoted(new.defect))
    elif old.defect and not new.defect:
        yield Change("the old bundle would have been refused, the new one is not", note=quoted(old.defect))
    yield from tampered_lines(old, new)


def _summary(old: BundleText, new: BundleText, sections: list[Section]) -> Iterator[str]:
    by_facet = {section.facet: section for section in sections}
    if Facet.FINDINGS in by_facet:
        yield f"{counted(sum(len(g.changes) for g in by_facet[Facet.FINDINGS].groups), 'finding')}, see below"
    if old.root_sha256 != new.root_sha256:
        yield f"model digest {quoted(old.root_sha256[:12])} → {quoted(new.root_sha256[:12])}"
    else:
        yield f"model digest unchanged ({quoted(new.root_sha256[:12])})"
    if Facet.CODE in by_facet:
        yield _code_words(by_facet[Facet.CODE])
    if Facet.DEPENDENCIES in by_facet:
        lines = by_facet[Facet.DEPENDENCIES].groups[0].changes
        major = sum(Mark.MAJOR in line.marks for line in lines)
        yield counted(len(lines), "dependency", "dependencies") + (f" ({major} major)" if major else "")
    if Facet.SCHEMA in by_facet:
        yield from _schema_words(by_facet[Facet.SCHEMA])
    images = image_text(old.container), image_text(new.container)
    yield f"image {quoted(images[0])} → {quoted(images[1])}" if images[0] != images[1] else "image unchanged"
    if Facet.CONTAINER in by_facet and images[0] == images[1]:
        yield "container's settings change"
    if Facet.GOLDEN in by_facet:
        yield "golden test changed"
    marks = [mark for section in sections for group in section.groups for mark in group.all_marks()]
    security = marks.count(Mark.SECURITY)
    if security:
        yield f"{counted(security, 'line')} on security"


def _code_words(section: Section) -> str:
    own = [group for group in section.groups if not group.title]
    count = sum(len(group.changes) + len(group.diffs) for group in own)
    return f"{counted(count, 'file')} of code" if count else "code unchanged but for what travels with it"


def _schema_words(section: Section) -> Iterator[str]:
    for group in section.groups:
        marks = {mark for line in group.changes for mark in line.marks}
        judged = (
            "breaking for callers" if Mark.BREAKING in marks
            else "look whether callers notice" if Mark.UNCLEAR in marks
            else "compatible"
        )  # fmt: skip
        yield f"{group.title.lower() or 'other'} schema changed ({judged})"


def _created(bundle: BundleText) -> tuple[tuple[str, ...], tuple[Section, ...]]:
    summary = (
        "new bundle",
        f"model digest {quoted(bundle.root_sha256[:12])}",
        f"image {quoted(image_text(bundle.container))}",
    )
    findings = [Change("the new bundle would be refused", marks=(Mark.SECURITY,), note=quoted(bundle.defect))]
    sections = [
        *section_of(Facet.FINDINGS, "Findings", Group("", tuple(findings) if bundle.defect else ())),
        *section_of(Facet.MODEL, "Model", Group("", tuple(_facts(bundle)), as_facts=True)),
    ]
    return summary, tuple(sections)


def _removed(bundle: BundleText) -> tuple[tuple[str, ...], tuple[Section, ...]]:
    line = Change("root digest", bundle.root_sha256, ABSENT)
    return ("bundle removed",), tuple(section_of(Facet.MODEL, "Model", Group("", (line,), as_facts=True)))


def _facts(bundle: BundleText) -> Iterator[Change]:
    """What a new bundle is, in a few lines."""
    info = bundle.info
    model = info.get("model")
    model = model if isinstance(model, Mapping) else {}
    facts: dict[str, Any] = {
        "root digest": bundle.root_sha256,
        "key id": bundle.signature.get("key_id"),
        "public key": bundle.public_key_id or None,
        "class": model.get("class"),
        "framework": _framework(info.get("framework")),
        "Python that built it": info.get("python"),
        "input": direction_text(bundle.schema, "input"),
        "output": direction_text(bundle.schema, "output"),
        "packages": len(read_lock(bundle.lock)),
        "files": len(bundle.files),
        "golden test": "yes" if bundle.golden else "no",
        "image is patched until": _image(bundle).get("end_of_patch"),
    }
    for name, value in facts.items():
        if value is not None:
            yield Change(name, ABSENT, value)
    yield from serving_facts(bundle.serving)
    yield from tuning_changes({}, bundle.tuning)
    form = model.get("format")
    marks = (Mark.SECURITY,) if form in UNPICKLED else ()
    yield Change("format of the model's file", ABSENT, form, marks)
    names = model.get("pickle_globals")
    if names:
        yield Change("globals that the model's pickle data call", ABSENT, names, (Mark.SECURITY,))
    notes = info.get("notes")
    for note in notes if isinstance(notes, list) else ():
        yield Change("note", ABSENT, note)


def _framework(given: Any) -> str | None:
    return f"{given.get('name')} {given.get('version')}" if isinstance(given, Mapping) else None


def _image(bundle: BundleText) -> Mapping[str, Any]:
    image = bundle.container.get("image")
    return image if isinstance(image, Mapping) else {}
