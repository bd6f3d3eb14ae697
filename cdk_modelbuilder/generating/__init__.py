"""Writes CDK apps: from an :class:`~cdk_modelbuilder.generating.plan.AppPlan` to files that a team owns.

    plan_endpoint(bundle, folder, hosting=...)   a bundle and what is wanted of it -> EndpointPlan, checked
    app_files(plan)                              the text of each file
    write_app(folder, plan)                      the files on disk, where what somebody changed stays

docs/generating.md says what is written, and what is kept.
"""

from __future__ import annotations
