"""Writes docs/cli.md, and the table of known causes in docs/troubleshooting.md, from the code: ``--check`` compares."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cdk_modelbuilder.cli.root_command import group
from cdk_modelbuilder.deploying.causes import CAUSES

DOCS = Path(__file__).resolve().parents[1] / "docs"
_CAUSES = re.compile(r"(<!-- causes[^>]*-->\n\n).*?(\n<!-- /causes -->)", re.DOTALL)
_HEAD = """\
# The command line

<!-- Made by scripts/make_reference_pages.py from the commands themselves; do not edit. -->

`cdk-modelbuilder --help` lists the commands by what they are for. All of them end with 0 when done, 1 when the work
failed, and 2 for wrong usage; errors say what was wrong and what to do, on standard error. `--json` prints one JSON
object on standard output, errors too; `-q` leaves notes and progress out. Colours and bars show on a terminal only, and
`NO_COLOR` turns colours off.

Defaults of options may stand in `modelbuilder.toml`, or in `pyproject.toml`:

```toml
[tool.cdk-modelbuilder.run]
port = 9000
strict = true

[tool.cdk-modelbuilder.deploy]
region = "eu-west-1"
```

The nearest file counts, in this folder or one above; the command line wins. `cdk-modelbuilder config` shows what holds,
and `cdk-modelbuilder config --schema` prints the JSON schema, with which editors check and complete the file.

`cdk-modelbuilder completion bash >> ~/.bashrc` (or `zsh`, `fish`) makes the shell complete commands and options.

"""


def _commands(command: click.Command, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield words, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from _commands(found, (*words, name))


def _section(words: tuple[str, ...], command: click.Command) -> str:
    context = click.Context(command, info_name=" ".join(words))
    lines = [f"{'#' * len(words)} {' '.join(words[1:])}", ""]
    text = "\n\n".join(" ".join(part.split()) for part in (command.help or "").split("\n\n"))
    lines += [text, "", "```", f"{' '.join(words)} {' '.join(command.collect_usage_pieces(context))}", "```", ""]
    options = [option for option in command.params if isinstance(option, click.Option)]
    rows = [record for option in options if (record := option.get_help_record(context))]
    rows = [row for row in rows if not row[0].startswith(("-h", "-q"))]
    if rows and not isinstance(command, click.Group):
        lines += ["| option | |", "|---|---|"]
        lines += [f"| `{_cell(name)}` | {_cell(' '.join(said.split()))} |" for name, said in rows]
        lines.append("")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def cli_page() -> str:
    """The page of all commands."""
    parts = [_section(words, command) for words, command in _commands(group, ("cdk-modelbuilder",)) if len(words) > 1]
    return _HEAD + "\n".join(parts)


def causes_table() -> str:
    """Known causes of failed deployments, as rows."""
    rows = [f"| `{one.name}` | {_sentence(one.meaning)} | {_sentence(one.remedy)} |" for one in CAUSES]
    return "\n".join(["| cause | what happened | what to do |", "|---|---|---|", *rows])


def _sentence(text: str) -> str:
    plain = re.sub(r"\{(\w+)\}", lambda found: found.group(1).upper(), text)
    return _cell(plain[:1].upper() + plain[1:])


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, and write nothing")
    options = parser.parse_args()
    trouble = DOCS / "troubleshooting.md"
    pages = {
        DOCS / "cli.md": cli_page(),
        trouble: _CAUSES.sub(lambda found: found[1] + causes_table() + "\n" + found[2], trouble.read_text("utf-8")),
    }
    stale = [path for path, text in pages.items() if not path.is_file() or path.read_text("utf-8") != text]
    for path in stale:
        if options.check:
            sys.stderr.write(
                f"docs/{path.name} is not what the code says; run: python scripts/make_reference_pages.py\n"
            )
        else:
            path.write_text(pages[path], "utf-8")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
