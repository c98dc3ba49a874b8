import xml.etree.ElementTree as ElementTree

import pytest

from animegan3_tf.reports.charts import interval_chart

ROWS = [("first", 1.0, 0.5, 1.5), ("a name that is far too long", 0.0, -1.0, 0.5)]


def dots(chart):
    return [(float(dot.get("cx")), float(dot.get("cy"))) for dot in ElementTree.fromstring(chart).iter("circle")]


def whiskers(chart):
    """(left, right) pixel of each."""
    paths = [group.find("path").get("d") for group in ElementTree.fromstring(chart).iter("g")]
    return [(float(d[1:].split(" ")[0]), float(d.split("H")[1].split("M")[0])) for d in paths]


def test_dots_and_whiskers_lie_where_their_values_are():
    chart = interval_chart("Score", "log-odds", ROWS)
    (x, y), (other_x, other_y) = dots(chart)
    (left, right), (other_left, other_right) = whiskers(chart)
    assert x - left == pytest.approx(right - x, abs=0.2)
    assert right > x > other_x > other_left
    assert left == other_right  # both 0.5
    assert y < other_y


def test_long_names_are_cut_and_told_in_full():
    words = list(ElementTree.fromstring(interval_chart("Score", "log-odds", ROWS)).itertext())
    assert "a name that is …" in words
    assert "a name that is far too long: 0.000 [-1.000, 0.500]" in words


def test_equal_values_hostile_names_and_no_rows():
    chart = interval_chart("<i>", "&", [("<script>", 2.0, 2.0, 2.0)], reference=2.0)
    assert "<script>" not in chart
    assert len(dots(chart)) == 1
    assert interval_chart("Score", "log-odds", []) == ""
