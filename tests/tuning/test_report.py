"""What people see of a tuning: the table, the page, the plot, and the diff."""

from __future__ import annotations

from html.parser import HTMLParser

import pytest

from cdk_modelbuilder.container_spec import ContainerSpec, ImageReference
from cdk_modelbuilder.tuning.change import spec_diff, with_environment
from cdk_modelbuilder.tuning.report.page import page
from cdk_modelbuilder.tuning.report.points import front, points_of
from cdk_modelbuilder.tuning.report.table import table
from tests.tuning.scripted import configuration, result

SPEC = ContainerSpec(
    image=ImageReference(repository="r", tag="t"),
    model_server="builtin",
    environment={"A": "1", "C": "3"},
    secret_environment={},
)


def test_table(snapshot):
    assert table(result()) == snapshot
    assert table(result(), most=3).endswith("... and 1 more in tuning.json")


def test_the_front_is_what_no_other_beats():
    trials = (
        configuration(100.0, workers=1),  # 10 ms
        configuration(200.0, workers=2),  # 5 ms: beats the first in both
        configuration(400.0, status="start-failed", workers=3),
    )
    made = result(default=trials[0], chosen=trials[1], finalists=(trials[1],), trials=trials)
    assert [one.words for one in front(points_of(made))] == ["workers=2 at 8 users"]
    kinds = {one.words: one.kind for one in points_of(made)}
    assert kinds["workers=2 at 8 users"] == "chosen"
    assert kinds["workers=1 at 8 users"] == "default"


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.circles = 0

    def handle_starttag(self, tag, attrs):
        self.circles += tag == "circle"
        if tag not in ("meta", "line", "polyline") and not self.get_starttag_text().endswith("/>"):
            self.open.append(tag)
        assert not any(name in ("src", "href") for name, _ in attrs)  # it loads nothing

    def handle_endtag(self, tag):
        if tag != "line" and not (self.get_starttag_text() or "").endswith("/>"):
            assert self.open.pop() == tag


def test_page(snapshot):
    text = page(result(), spec_diff(SPEC, {"A": "2<b>"}))
    tags = Tags()
    tags.feed(text)
    assert tags.circles == 3
    assert "&lt;a note&gt; &amp; more" in text
    assert "2&lt;b&gt;" in text
    assert "<script" not in text
    assert text == snapshot


def test_diff():
    changed = with_environment(SPEC, {"A": "2", "B": "x", "C": None})
    assert changed.environment == {"A": "2", "B": "x"}
    lines = spec_diff(SPEC, {"A": "2", "B": "x", "C": None}).splitlines()
    assert [line for line in lines if line[0] in "+-"] == [
        "--- container.json",
        "+++ container.json, tuned",
        '-    "A": "1",',
        '-    "C": "3"',
        '+    "A": "2",',
        '+    "B": "x"',
    ]
    assert spec_diff(SPEC, {"A": "1"}) == ""


@pytest.mark.slow
def test_plot(tmp_path):
    pytest.importorskip("matplotlib", exc_type=ImportError)
    from PIL import Image

    from cdk_modelbuilder.tuning.report.chart import draw

    for name in ("one", "two"):
        draw(result(), tmp_path / f"{name}.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    image = Image.open(tmp_path / "one.png").convert("RGB")
    assert image.size == (960, 600)
    assert {(21, 128, 61), (194, 65, 12)} <= {color for _, color in image.getcolors(1 << 20)}  # chosen, and the bound
