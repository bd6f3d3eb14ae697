"""plan_app(): the plan of an app, from what is asked for and what an earlier run remembers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from cdk_modelbuilder.bundle import ModelBundle
from cdk_modelbuilder.container_spec import ImageReference
from cdk_modelbuilder.errors import UsageError
from cdk_modelbuilder.generating.app_files import versions_and_flags
from cdk_modelbuilder.generating.fit import check_image, check_plan
from cdk_modelbuilder.generating.names import check_apart
from cdk_modelbuilder.generating.plan import EXAMPLE, AppPlan, EndpointPlan, HostingKind, Pipeline, ResourcesPlan
from cdk_modelbuilder.generating.planning import plan_endpoint, replan

_EXAMPLE_BUNDLE = f"build/{EXAMPLE}"
_WISHES = tuple(item.name for item in fields(EndpointPlan) if item.name not in ("name", "bundle", "packages"))
_NAMED = re.compile(r"(?P<name>[^/\\=]*)=(?P<folder>.*)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What is asked for; None stands for what was, or for the default.

    Attributes:
        bundles: Folders of bundles, each perhaps as ``NAME=FOLDER``.
        removed: Names of endpoints to take out.
        endpoint: Arguments of :func:`plan_endpoint` for the bundles, or for all endpoints where no bundle is named.
        pipeline: Whose pipeline.
        account: Account.
        region: Region.
        name: The app's name.
    """

    bundles: Sequence[str] = ()
    removed: Sequence[str] = ()
    endpoint: Mapping[str, Any] = field(default_factory=dict)
    pipeline: Pipeline | None = None
    account: str | None = None
    region: str | None = None
    name: str | None = None


def plan_app(folder: Path, wishes: Wishes, before: AppPlan | None = None) -> AppPlan:
    """The plan for the app in ``folder``.

    Args:
        folder: The app's folder; it need not exist.
        wishes: What is asked for.
        before: What the app consists of already.

    Raises:
        BundleError: A bundle is missing, or is not complete.
        IntegrityError: A bundle was changed.
        UsageError: Names that clash or do not exist, or hosting that a bundle cannot have.
    """
    _check_place(wishes)
    asked = {name: value for name, value in wishes.endpoint.items() if value is not None}
    named = [_open(text) for text in wishes.bundles]
    endpoints = {one.name: one for one in (before.endpoints if before else ())}
    for name in wishes.removed:
        if name not in endpoints:
            raise UsageError(
                f"the app has no endpoint {name!r} to remove.", remedy=f"It has {', '.join(endpoints) or 'none'}."
            )
        del endpoints[name]
    seen: dict[str, ModelBundle] = {}
    for name, bundle in named:
        if name in seen:
            raise UsageError(
                f"the bundles {seen[name].path} and {bundle.path} are both called {name}.",
                remedy=f"Give one of them another name: --bundle OTHER={bundle.path}",
            )
        seen[name] = bundle
        endpoints[name] = _planned(bundle, folder, name, asked, endpoints.get(name))
    if asked and not named:
        endpoints = {name: _again(one, folder, asked) for name, one in endpoints.items()}
    is_example = not named and before is None
    if is_example:
        endpoints[EXAMPLE] = _example(asked)
    elif before is not None and before.example and EXAMPLE in endpoints:
        # A bundle of that name from elsewhere takes its place.
        is_example = EXAMPLE not in seen or endpoints[EXAMPLE].bundle == _EXAMPLE_BUNDLE
    pythons = {str(bundle.info.get("python")) for _, bundle in named}
    python = pythons.pop() if len(pythons) == 1 else (before.python if before else "3.12")
    made = AppPlan(
        name=wishes.name or (before.name if before else _name_of(folder)),
        endpoints=tuple(endpoints[name] for name in sorted(endpoints)),
        pipeline=wishes.pipeline or (before.pipeline if before else Pipeline.NONE),
        example=is_example,
        account=wishes.account or (before.account if before else None),
        region=wishes.region or (before.region if before else None),
        python=python if re.fullmatch(r"3\.\d+", python) else "3.12",
    )
    check_apart(made.endpoints)
    return made


def _open(text: str) -> tuple[str, ModelBundle]:
    named = _NAMED.fullmatch(text)
    folder = named["folder"] if named else text
    bundle = ModelBundle.read(folder)
    if bundle.model_dir.is_dir():  # of text files alone, which is what a review has, nothing more can be checked
        bundle.check_content()
    return (named["name"] if named else bundle.name), bundle


def _planned(
    bundle: ModelBundle, folder: Path, name: str, asked: Mapping[str, Any], before: EndpointPlan | None
) -> EndpointPlan:
    """The endpoint of a bundle that was named: what is not asked for stays as it was."""
    if before is None:
        return plan_endpoint(bundle, folder, name=name, **asked)
    if not asked:
        return replan(before, bundle, folder)
    return plan_endpoint(bundle, folder, name=name, **{**_kept(before, folder, asked), **asked})


def _again(plan: EndpointPlan, folder: Path, asked: Mapping[str, Any]) -> EndpointPlan:
    """The endpoint with other wishes, for the bundle that it has."""
    if (folder / plan.bundle).is_dir():
        return _planned(ModelBundle.read(folder / plan.bundle), folder, plan.name, asked, plan)
    if plan.bundle != _EXAMPLE_BUNDLE:
        raise UsageError(
            f"the bundle {folder / plan.bundle} is not here, so its hosting cannot be changed.",
            remedy=f"Build it, or name it: --bundle {plan.name}=FOLDER.",
        )
    return _example({**_kept(plan, folder, asked), **asked})


def _kept(plan: EndpointPlan, folder: Path, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that make ``plan`` again, but for those that another hosting does not have."""
    hosting = asked.get("hosting", plan.hosting)
    without: set[str] = set()
    if hosting is not plan.hosting:
        without |= {"hosting", "max_instance_count", "resources", "serverless", "asynchronous"}
        if HostingKind.SERVERLESS in (hosting, plan.hosting):
            without |= {"instance_type", "initial_instance_count"}
    kept = {name: getattr(plan, name) for name in _WISHES if name not in without}
    if plan.public_key is not None:
        kept["public_key"] = folder / plan.public_key
    return kept


def _example(asked: Mapping[str, Any]) -> EndpointPlan:
    """The endpoint of the model that model.py builds, before it is built: a small one for processors."""
    values: dict[str, Any] = {"hosting": HostingKind.REAL_TIME, **asked}
    kind = values["hosting"]
    if kind is not HostingKind.SERVERLESS:
        values["instance_type"] = values.get("instance_type") or "ml.c6i.large"
        if values.get("initial_instance_count") is None and kind is not HostingKind.ASYNCHRONOUS:
            values["initial_instance_count"] = 2
    if kind is HostingKind.COMPONENTS and values.get("resources") is None:
        values["resources"] = ResourcesPlan(num_cpus=1, copies=1)
    pin = f"scikit-learn=={versions_and_flags('versions.json')['scikit-learn']}"
    made = EndpointPlan(name=EXAMPLE, bundle=_EXAMPLE_BUNDLE, packages=(pin,), **values)
    check_plan(made)
    if kind is not HostingKind.SERVERLESS:
        check_image(ImageReference(), made)
    return made


def _check_place(wishes: Wishes) -> None:
    if wishes.account is not None and not re.fullmatch(r"\d{12}", wishes.account):
        raise UsageError(f"{wishes.account!r} is no account of AWS.", remedy="Give its 12 digits.")
    if wishes.region is not None and not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d+", wishes.region):
        raise UsageError(f"{wishes.region!r} is no region of AWS.", remedy="Give one such as eu-west-1.")
    if wishes.name is not None and not _is_line(wishes.name):
        raise UsageError(f"the app cannot be called {wishes.name!r}.", remedy="Give one line without quotes.")


def _is_line(name: str) -> bool:
    return bool(name.strip()) and name.isprintable() and not set(name) & set("\"\\'`")


def _name_of(folder: Path) -> str:
    name = folder.absolute().name
    return name if _is_line(name) else "models"
