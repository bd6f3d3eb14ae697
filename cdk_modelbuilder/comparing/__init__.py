"""The pull-request view: what changes for the service between two bundles, or two cloud assemblies.

    places ──▶ trees (disk, git) ──▶ sides ──▶ bundles/ or assemblies/ ──▶ report ──▶ markdown, or JSON

Only text is read: no model, no AWS, no CDK. Nothing changed means nothing said.
"""

from cdk_modelbuilder.comparing.comparison import compare
from cdk_modelbuilder.comparing.json_form import report_json
from cdk_modelbuilder.comparing.markdown import report_markdown
from cdk_modelbuilder.comparing.report import Change, Diff, Facet, Group, Mark, Part, Report, Section

__all__ = [
    "Change",
    "Diff",
    "Facet",
    "Group",
    "Mark",
    "Part",
    "Report",
    "Section",
    "compare",
    "report_json",
    "report_markdown",
]
