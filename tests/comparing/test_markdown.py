"""Markdown that says what it says, whatever is in it, and fits a comment."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk_modelbuilder.comparing import Change, Diff, Facet, Group, Mark, Part, Report, Section, report_markdown
from cdk_modelbuilder.comparing.markdown_text import code, fence_for, html_line, inline, pair_code, value_code
from cdk_modelbuilder.comparing.report import ABSENT
from cdk_modelbuilder.comparing.wording import clean, quoted

CODE_SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL)


def report_of(*groups: Group, facet: Facet = Facet.MODEL) -> Report:
    return Report((Part(f"Bundle {quoted('homes')}", ("one fact",), (Section(facet, "Model", groups),)),))


def shown(span: str) -> str:
    """What GitHub shows for a code span (GFM 6.3)."""
    found = CODE_SPAN.fullmatch(span)
    assert found is not None, span
    inner = found.group(2)
    return inner[1:-1] if inner[0] == inner[-1] == " " and inner.strip() else inner


@given(st.text(min_size=1, max_size=40) | st.text(" \t\n\r\xa0\u2003\u3000\u2028\x1c`", min_size=1, max_size=4))
def test_a_code_span_shows_what_it_is_given(text):
    span = code(text)
    assert "\n" not in span
    assert "\r" not in span
    # What nobody could see is shown in quotes, and as an escape where it is no plain space.
    assert shown(span) == (clean(text) if clean(text).strip() else json.dumps(clean(text)))


@given(st.text(max_size=40), st.text(max_size=40))
def test_two_values_that_differ_look_different(one, other):
    if one != other:
        before, after = pair_code(one, other)
        assert before != after


def test_long_values_show_where_they_differ():
    old, new = "a" * 500 + "X" + "b" * 500, "a" * 500 + "Y" + "b" * 500
    before, after = pair_code(old, new)
    assert len(before) < 250
    assert "aX" in before
    assert "aY" in after
    assert pair_code(1, "1") != ("`1`", "`1`")
    one, other = "0" * 63 + "1", "0" * 63 + "2"
    assert pair_code(f"s3://{one}/x", f"s3://{other}/x")[0] != pair_code(f"s3://{one}/x", f"s3://{other}/x")[1]
    assert value_code("d" * 64) == f"`{'d' * 64}`"
    assert value_code(f"s3://b/{'d' * 64}.gz") == "`s3://b/dddddddddddd….gz`"


@pytest.mark.parametrize(
    "evil",
    ["<script>alert(1)</script>", "[x](https://example.com)", "![x](https://example.com/y.png)", "@everyone", "#123",
     "| a | b |", "``` \n# heading", "**bold** _it_ ~~gone~~", "$x$", "&lt;", "\\`", "<!-- gone -->", "</details>"],
)  # fmt: skip
def test_nothing_in_a_name_or_a_value_is_markup(evil):
    change = Change(f"the column {quoted(evil)}", evil, f"{evil}!", note=f"about {quoted(evil)}")
    for as_table in (False, True):
        text = report_markdown(report_of(Group(quoted(evil), (change,), as_table=as_table, note=quoted(evil))))
        outside = CODE_SPAN.sub("", text.replace("\\|", "|"))
        for piece in ("<script", "](http", "@everyone", "#123", "<!--", "</details", "**bold", "$x$"):
            assert piece not in outside
    assert "<script" not in html_line(quoted(evil))
    folded = report_markdown(report_of(Group(quoted(evil), (change,), folded=True)))
    for tag in ("<details>", "</details>"):
        assert len(re.findall(f"^{tag}", folded, re.MULTILINE)) == 1


def test_words_of_ours_are_escaped_too():
    assert inline("a_b *c* <d> #1 @e") == "a\\_b \\*c\\* &lt;d&gt; \\#1 &#64;e"
    assert inline("- a list") == "\\- a list"


def test_names_cannot_pass_for_words():
    assert inline(quoted("a\x03 *b* \x02c")) == "`a\\x03 *b* \\x02c`"


def test_tables_have_as_many_cells_as_columns():
    group = Group("", (Change(quoted("a|b"), "1|2", "3|4", (Mark.MAJOR,), quoted("x|y")),), as_table=True)
    row = next(
        line for line in report_markdown(report_of(group)).splitlines() if "a" in line and line.startswith("| `")
    )
    assert len(re.split(r"(?<!\\)\|", row)) == 6
    assert "**major** `x\\|y`" in row


def test_what_was_not_there_and_what_was_null():
    lines = (Change("a", ABSENT, None), Change("b", None, ABSENT), Change("c", None, 0), Change("d"))
    text = report_markdown(report_of(Group("", lines)))
    assert text.endswith("\n- a: added `null`\n- b: removed `null`\n- c: `null` → `0`\n- d\n")


def test_diffs_cannot_leave_their_fence():
    lines = ("+```", "+````", "+</details>", "+# heading")
    assert fence_for(lines) == "`````"
    text = report_markdown(report_of(Group("", diffs=(Diff("f.py", lines, folded=True),))))
    assert text.count("`````") == 2
    assert text.rstrip().endswith("</details>")


def test_diffs_beyond_the_limit_are_folded():
    short, long = Diff("a.py", ("+1",) * 10), Diff("b.py", ("+2",) * 30)
    text = report_markdown(report_of(Group("", diffs=(short, long, short))), max_lines=25)
    assert text.count("<details>") == 1
    assert "<details><summary><code>b.py</code>: 30 lines</summary>" in text


def sample(size: int) -> Report:
    changes = tuple(Change(f"line {number}", "x" * 50, "y" * 50) for number in range(size))
    diff = Diff("f.py", tuple(f"+{'z' * 60}{number}" for number in range(size)))
    return report_of(Group("first", changes, folded=True), Group("", diffs=(diff,)), Group("last", changes))


@pytest.mark.parametrize("size", [1, 50, 500, 3000])
@pytest.mark.parametrize("most", [1000, 5000, 60_000])
def test_the_report_fits_and_says_what_is_cut(size, most):
    whole = report_markdown(sample(size), max_chars=10**9)
    text = report_markdown(sample(size), max_chars=most)
    assert len(text) <= most
    assert text.startswith("### Bundle `homes`\n\none fact.\n")
    if len(whole) <= most:
        assert text == whole
    else:
        assert "cut" in text.lower()
        assert "--max-chars" in text
    assert text.count("<details>") == text.count("</details>")
    assert len(re.findall(r"^```", text, re.MULTILINE)) % 2 == 0


def test_marked_lines_are_not_cut_off():
    many = tuple(Change(f"line {number}", ABSENT, "x" * 100) for number in range(500))
    loud = Change("a statement", ABSENT, "allow s3:* on *", (Mark.WIDENED,))
    text = report_markdown(report_of(Group("first", many), Group(quoted("Policy"), (loud,))), max_chars=5000)
    assert text.startswith("### Marked lines, as not all of the report is here\n\n- **widened** a statement: added")
    assert text.splitlines()[2].endswith("`allow s3:* on *`, in `Policy`")
    assert len(text) <= 5000
    assert "### Bundle `homes`" in text


def test_emoji_count_as_browsers_count_them():
    report = report_of(Group("", tuple(Change(f"l{number}", ABSENT, "😀" * 50) for number in range(400))))
    text = report_markdown(report, max_chars=10_000)
    assert len(text.encode("utf-16-le")) // 2 <= 10_000


def test_nothing_is_nothing():
    assert report_markdown(Report()) == ""
