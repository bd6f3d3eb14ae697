"""``diff``: what changes for the service, for a pull request."""

from __future__ import annotations

import sys

import click

from cdk_modelbuilder.cli.output import json_option, print_json
from cdk_modelbuilder.comparing import Facet, Mark, Report, compare, report_json, report_markdown
from cdk_modelbuilder.comparing.markdown import LEAST_CHARS, MAX_CHARS, MAX_LINES
from cdk_modelbuilder.errors import ModelBuilderError, UsageError

_WORDS = (*(facet.value for facet in Facet), *(mark.value for mark in Mark))


@click.command(
    "diff",
    short_help="Show what changes for the service.",
    epilog="Example: cdk-modelbuilder diff main HEAD --path build/churn --fail-on breaking,widened",
)
@click.argument("old", metavar="OLD")
@click.argument("new", metavar="NEW")
@click.option("--path", help="A folder below both, which one of them may lack: a bundle that is new, or removed.")
@click.option(
    "--bundles",
    nargs=2,
    metavar="OLD NEW",
    help="With two cdk.out folders: where the bundles of each are, to report of those that they deploy, too.",
)
@click.option("--fail-on", default="", metavar="WORD,...", help=f"Exit 1 if one of these changed: {', '.join(_WORDS)}.")
@click.option("--exit-code", is_flag=True, help="Exit 1 if anything changed.")
@click.option(
    "--max-lines", type=click.IntRange(min=0), default=MAX_LINES, show_default=True, help="Fold longer diffs of code."
)
@click.option(
    "--max-chars",
    type=click.IntRange(min=LEAST_CHARS),
    default=MAX_CHARS,
    show_default=True,
    help="Cut the report there; GitHub takes comments of 65,536 characters.",
)
@click.option("--show-values", is_flag=True, help="Show the values of golden tests, which are somebody's data.")
@json_option
def command(
    old: str,
    new: str,
    *,
    path: str | None,
    bundles: tuple[str, str] | None,
    fail_on: str,
    exit_code: bool,
    max_lines: int,
    max_chars: int,
    show_values: bool,
    as_json: bool,
) -> None:
    """Print in Markdown what changes for the service from OLD to NEW, and nothing if nothing does.

    Each is a bundle, a folder of bundles, or a cloud assembly (cdk.out): a folder, REF:path in this git repository, or
    REF with --path. /dev/null stands for nothing. The work tree stays as it is.

    Exit codes: 0 compared, 1 something changed that --fail-on or --exit-code asks for, 2 it could not be compared.
    """
    asked = _asked(fail_on)
    try:
        report = compare(old, new, path=path, bundles=bundles or None, show_values=show_values)
    except ModelBuilderError as error:
        error.exit_code = 2  # 1 says that something changed
        raise
    if as_json:
        print_json(report_json(report))
    else:
        click.echo(report_markdown(report, max_lines=max_lines, max_chars=max_chars), nl=False)
    _end(report, asked, exit_code=exit_code)


def _asked(fail_on: str) -> frozenset[str]:
    words = frozenset(word.strip() for word in fail_on.split(",") if word.strip())
    unknown = sorted(words - set(_WORDS))
    if unknown:
        raise UsageError(f"--fail-on does not know {unknown[0]!r}.", remedy=f"Its words are {', '.join(_WORDS)}.")
    return words


def _end(report: Report, asked: frozenset[str], *, exit_code: bool) -> None:
    found = sorted(asked & report.words)
    if found:
        click.echo(f"changed: {', '.join(found)}", err=True)
    if found or (exit_code and report):
        sys.exit(1)
