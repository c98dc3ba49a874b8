import math
import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from animegan3_tf.reports.charts import line_chart, number_text, ticks


def parsed(chart):
    return ElementTree.fromstring(chart)


def lines(chart):
    """The points of each drawn line, [(x, y), ...] in the pixels of the SVG."""
    found = [element.get("points") for element in parsed(chart).iter("polyline")]
    return [[tuple(map(float, point.split(","))) for point in points.split()] for points in found]


def words(chart):
    return [text for text in parsed(chart).itertext() if text.strip()]


def test_a_line_goes_where_its_values_are():
    """From the left end of the axis to the right, at the bottom for the least; a level is level."""
    chart = line_chart("Speed", "images/s", {"a": [(0, 0.0), (50, 5.0), (100, 10.0)], "b": [(0, 5.0), (100, 5.0)]})
    a, b = lines(chart)
    assert a[1][0] - a[0][0] == pytest.approx(a[2][0] - a[1][0])
    assert a[0][1] - a[1][1] == pytest.approx(a[1][1] - a[2][1])
    assert a[0][1] > a[2][1]
    assert b[0][1] == b[1][1] == a[1][1]
    assert {"Speed", "images/s", "step", "a ", "10", "b ", "5"} <= set(words(chart))


def test_values_of_very_different_sizes_get_a_logarithmic_axis():
    chart = line_chart("Losses", "weighted loss", {"a": [(0, 1.0), (1, 10.0), (2, 100.0)]})
    (line,) = lines(chart)
    assert line[0][1] - line[1][1] == pytest.approx(line[1][1] - line[2][1], abs=0.11)
    assert "weighted loss, logarithmic" in words(chart)


@pytest.mark.parametrize("values", [(1.0, 20.0), (0.0, 100.0), (-1.0, 100.0)])
def test_other_values_get_a_linear_one(values):
    assert "loss" in words(line_chart("Losses", "loss", {"a": list(enumerate(values))}))


def test_a_value_that_is_missing_breaks_the_line():
    first, second = lines(line_chart("Losses", "loss", {"a": [(0, 1.0), (1, 2.0), (2, None), (3, 2.0), (4, 1.0)]}))
    assert (len(first), len(second)) == (2, 2)


def test_a_single_value_is_a_dot():
    assert len(list(parsed(line_chart("Losses", "loss", {"a": [(7, 1.0)]})).iter("circle"))) == 1


def test_nothing_to_draw_is_no_chart():
    assert line_chart("Losses", "loss", {}) == ""
    assert line_chart("Losses", "loss", {"a": [], "b": [(0, None), (1, float("nan"))]}) == ""


def test_many_values_are_drawn_as_mean_and_range():
    """A zigzag of 0 and 2 over 10,000 steps: a level of 1 in a band."""
    chart = line_chart("Losses", "loss", {"a": [(step, 2.0 * (step % 2)) for step in range(10_000)]})
    (line,) = lines(chart)
    assert len(line) == 200
    assert len({y for _, y in line}) == 1
    (band,) = parsed(chart).iter("polygon")
    levels = {point.split(",")[1] for point in band.get("points").split()}
    assert len(levels) == 2
    assert len(chart) < 20_000


def test_phases_are_named_and_the_first_is_shaded():
    chart = line_chart("Losses", "loss", {"a": [(0, 1.0), (100, 2.0)]}, [("first", 0, 25), ("second", 25, 100)])
    (shade,) = parsed(chart).iter("rect")
    (line,) = lines(chart)
    assert float(shade.get("x")) == line[0][0]
    assert float(shade.get("width")) == pytest.approx((line[1][0] - line[0][0]) / 4, abs=0.1)
    assert {"first", "second"} <= set(words(chart))


def test_names_are_text_whatever_they_hold():
    chart = line_chart("<script>", "&", {"<b>'\"": [(0, 1.0)]}, [("<i>", 0, 1)], {"</svg>": 1.0})
    assert {"<script>", "&", "<b>'\" ", "</svg>"} <= set(words(chart))
    assert not {"script", "b", "i"} & {element.tag for element in parsed(chart).iter() if element.text != "1"}


_VALUES = st.none() | st.floats() | st.integers(-10, 10) | st.sampled_from([1e308, -1e308, 1e30, -1e30, 5e-324, 1e-300])


@settings(deadline=None)
@given(st.lists(_VALUES, max_size=12), st.lists(_VALUES, max_size=3), st.booleans(), st.integers(0, 10**7), _VALUES)
def test_whatever_the_values_what_is_drawn_lies_in_the_picture(values, others, zero, start, level):
    series = {"a": [(start + i, v) for i, v in enumerate(values)], "b": [(start + i, v) for i, v in enumerate(others)]}
    chart = line_chart("Losses", "loss", series, [("p", 0, start)], {"level": level}, zero)
    if chart:
        for x, y in (point for line in lines(chart) for point in line):
            assert 0 <= x <= 420
            assert 0 <= y <= 250


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 100, [0, 20, 40, 60, 80, 100]), (0.1, 0.9, [0.2, 0.4, 0.6, 0.8]), (-1, 1, [-1, -0.5, 0, 0.5, 1])],
)
def test_ticks_are_round(low, high, expected):
    assert ticks(low, high) == pytest.approx(expected)


@settings(deadline=None)
@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6))
def test_ticks_lie_between_their_ends(low, span):
    found = ticks(low, low + span)
    assert 2 <= len(found) <= 6
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in found)


@pytest.mark.parametrize(("value", "text"), [(0.123456, "0.123"), (12345.6, "12,346"), (-2.0, "-2"), (1e-5, "1e-05")])
def test_numbers_are_short(value, text):
    assert number_text(value) == text
    assert math.isclose(float(text.replace(",", "")), value, rel_tol=1e-2)


def test_the_other_axis_may_be_something_else_and_the_last_value_untold():
    chart = line_chart("Red", "%", {"a": [(0, 1.0), (255, 7.5)]}, across="level", last=False)
    assert {"level", "a"} <= set(words(chart))
    assert not {"step", "7.5"} & set(words(chart))


def test_intervals_are_bands_and_a_lone_one_a_whisker():
    series = {"a": [(0, 5.0), (50, 5.0), (100, 5.0)], "b": [(0, 5.0), (50, 5.0), (100, 5.0)]}
    intervals = {"a": [(0, (1.0, 9.0)), (50, (3.0, 7.0)), (100, None)], "b": [(0, None), (50, (4.0, 6.0)), (100, None)]}
    chart = line_chart("Distance", "", series, intervals=intervals)
    (band,) = parsed(chart).iter("polygon")
    points = [tuple(map(float, point.split(","))) for point in band.get("points").split()]
    line = lines(chart)[0]
    assert [x for x, _ in points] == [line[0][0], line[1][0], line[1][0], line[0][0]]
    middle = line[0][1]
    u = points[2][1] - middle
    assert u > 20
    height = float(parsed(chart).find("svg").get("viewBox").split()[-1])
    assert all(0 < y < height for _, y in points)  # the axis is of the ends too
    assert [y - middle for _, y in points] == pytest.approx([-2 * u, -u, u, 2 * u], abs=0.2)
    (whisker,) = (g for g in parsed(chart).iter("g") if "whisker" in g.get("class"))
    bottom, top = whisker[0].get("d").split(" ")[1].split("V")
    assert (middle - float(top), float(bottom) - middle) == pytest.approx((u / 2, u / 2), abs=0.2)
