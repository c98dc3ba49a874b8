"""One table in every format, by hand."""

import csv
import io
import math
from html.parser import HTMLParser

import pytest
from helpers.comparisons import comparison
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from animegan3_tf.common.console import number
from animegan3_tf.reports.comparison import FILES, write_comparison
from animegan3_tf.reports.table import (
    WRITERS,
    Cell,
    Column,
    Table,
    cell,
    csv_table,
    html_table,
    latex_table,
    latex_text,
    markdown_table,
    print_table,
    register_writer,
)

TABLE = Table.of(
    (
        Column("method", "method"),
        Column("kind", "kind", "kind of method"),
        Column("size", "size"),
        Column("loss", "loss", "the <loss>", "lower"),
    ),
    [("a_1 & b~", "run", 1500, cell(-0.25, (-0.5, 0.125), "3 pictures")), ("|<i>^", "TFLite", None, math.nan)],
    ["features: 50 %"],
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"), (1500, "1,500"), (-1234567, "-1,234,567"), (0.5, "0.5"), (12.34567, "12.35"), (100.0, "100"),
        (0.000123456, "0.0001235"), (0.0000123456, "0.000012"), (-0.25, "-0.25"), (1234.56, "1,235"),
        (123456.7, "123,457"), (999.96, "1,000"),
    ],
)  # fmt: skip
def test_one_format_of_numbers(value, text):
    assert number(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e12, max_value=1e12))
def test_a_number_as_text_is_near_the_number_and_has_no_exponent(value):
    text = number(value)
    assert "e" not in text
    assert float(text.replace(",", "")) == pytest.approx(value, rel=6e-4, abs=6e-7)


def test_csv_has_whole_numbers_the_ends_of_intervals_and_nothing_for_nothing():
    assert csv_table(TABLE) == (
        "method,kind,size,loss,loss_low,loss_high\na_1 & b~,run,1500,-0.25,-0.5,0.125\n|<i>^,TFLite,,,,\n"
    )
    assert csv_table(Table.of_records([])) == ""
    assert csv_table(Table.of_records([{"a": 1 / 3, "b": "-"}, {"a": None, "b": 'x,"'}])) == (
        'a,b\n0.3333333333333333,-\n,"x,"""\n'
    )


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *((text, f"'{text}") for text in ("=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(1)", " =x", "-a", "＝1")),
        ("a\r=1", r"a\r=1"),  # else a row of its own
        ("\t=1\n\x1b", r"\t=1\n\x1b"),
        ("a;=1;-2", "a;'=1;-2"),  # where a comma is a decimal point, spreadsheets split at semicolons
    ],
)
def test_a_text_in_csv_is_no_formula(text, written):
    """As a cell and as a heading."""
    rows = list(csv.reader(io.StringIO(csv_table(Table.of([text], [[text]])))))
    assert rows == [[written]] * 2


def test_numbers_in_csv_stay_numbers():
    texts = ["-0.5", "+1,000", "-3e-7", "-12.5 %", "-", "a=b", "a-b"]
    rows = list(csv.reader(io.StringIO(csv_table(Table.of("ab", [[-0.5, text] for text in texts])))))
    assert rows[1:] == [["-0.5", text] for text in texts]


def test_what_is_printed_cannot_act_on_the_terminal():
    file = io.StringIO()
    print_table(Table.of(["\x1b[2Ja"], [["b\x1b]0;title\x07\nc\u202e"]]), Console(file=file, width=200))
    assert "\x1b" not in file.getvalue()
    assert r"\x1b[2Ja" in file.getvalue()
    assert r"b\x1b]0;title\x07\nc\u202e" in file.getvalue()


def test_markdown():
    assert markdown_table(TABLE) == (
        "| method | kind | size | loss ↓ |\n| --- | --- | ---: | ---: |\n"
        "| a\\_1 & b~ | run | 1,500 | -0.25 [-0.5, 0.125] |\n| \\|\\<i>^ | TFLite | - | - |\n"
    )


def test_latex():
    assert latex_table(TABLE).splitlines() == [
        "% features: 50 %",
        "% kind: kind of method",
        "% loss: the <loss>, lower is better",
        r"\begin{tabular}{llrr}",
        r"\hline",
        r"method & kind & size & loss $\downarrow$ \\",
        r"\hline",
        r"a\_1 \& b\textasciitilde{} & run & 1,500 & $-$0.25 [$-$0.5, 0.125] \\",
        r"\textbar{}\textless{}i\textgreater{}\textasciicircum{} & TFLite & -- & -- \\",
        r"\hline",
        r"\end{tabular}",
    ]


def test_what_has_a_meaning_in_latex_is_escaped():
    assert latex_text(r"\a{b}$#") == r"\textbackslash{}a\{b\}\$\#"
    assert latex_text("2 × 3") == r"2 $\times$ 3"


class _Cells(HTMLParser):
    """(tag, attributes, text) of a table's cells."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag in ("td", "th"):
            self.found.append([tag, dict(attributes), ""])

    def handle_data(self, text):
        if self.found:
            self.found[-1][2] += text


def test_html():
    html = html_table(TABLE, "made <by> hand")
    assert "<i>" not in html
    assert "<loss>" not in html
    assert 'aria-label="made &lt;by&gt; hand"' in html
    cells = [(tag, attributes, text.strip()) for tag, attributes, text in _Cells(html).found]
    assert cells == [
        ("th", {"scope": "col"}, "method"),
        ("th", {"scope": "col", "title": "kind of method"}, "kind"),
        ("th", {"scope": "col"}, "size"),
        ("th", {"scope": "col", "title": "the <loss>, lower is better"}, "loss ↓"),
        ("th", {"scope": "row"}, "a_1 & b~"),
        ("td", {}, "run"),
        ("td", {"data-value": "1500"}, "1,500"),
        ("td", {"data-value": "-0.25", "title": "3 pictures"}, "-0.25 [-0.5, 0.125]"),
        ("th", {"scope": "row"}, "|<i>^"),
        ("td", {}, "TFLite"),
        ("td", {}, "-"),
        ("td", {}, "-"),
    ]
    assert "<button" not in html
    assert html_table(TABLE, sortable=True).count("<button") == 4


@pytest.mark.parametrize("ends", [True, False])
def test_the_console(ends):
    printed = io.StringIO()
    print_table(TABLE, Console(file=printed, width=80), title="[bold]", ends=ends)
    lines = [line.split() for line in printed.getvalue().splitlines()]
    assert lines[0] == ["[bold]"]
    assert ["method", "kind", "size", "loss", "↓"] in lines
    assert ["a_1", "&", "b~", "run", "1,500", "-0.25", *(["[-0.5,", "0.125]"] if ends else [])] in lines
    assert ["|<i>^", "TFLite", "-", "-"] in lines


def test_rows_and_columns_change_places():
    turned = TABLE.transposed()
    assert [column.heading for column in turned.columns] == ["", "a_1 & b~", "|<i>^"]
    assert [row[0].text for row in turned.rows] == ["kind", "size", "loss ↓"]
    assert turned.rows[2][1:] == (TABLE.rows[0][3], Cell())


def test_columns_are_left_out_and_added():
    assert [column.key for column in TABLE.without("kind").columns] == ["method", "size", "loss"]
    assert TABLE.without("kind").rows[0] == (*TABLE.rows[0][:1], *TABLE.rows[0][2:])
    lacking = Table(TABLE.columns, TABLE.rows[1:])
    assert [column.key for column in lacking.without_empty().columns] == ["method", "kind"]
    both = TABLE.without("loss").joined(TABLE.without("kind", "size"))
    assert (both.columns, both.rows) == (TABLE.columns, TABLE.rows)


@pytest.fixture
def tabs():
    """Adds a format of tab-separated values for one test."""
    register_writer("tabs", ".tsv", lambda table: csv_table(table).replace(",", "\t"))
    yield
    del WRITERS["tabs"]


def test_a_format_from_outside_is_one_registration(tabs, tmp_path):
    write_comparison(comparison(tmp_path), tmp_path / "report", 1)
    added = {"methods.tsv", "pictures.tsv", "tables.tsv"}
    assert {path.name for path in (tmp_path / "report").iterdir()} == {*FILES, *added}
    with open(tmp_path / "report" / "methods.tsv", newline="") as tabbed:
        rows = list(csv.DictReader(tabbed, delimiter="\t"))
    with open(tmp_path / "report" / "methods.csv", newline="") as commas:
        assert rows == list(csv.DictReader(commas))


@pytest.mark.parametrize(("name", "suffix"), [("latex", ".latex"), ("plain", ".tex"), ("tabs", ".tabs")])
def test_a_format_is_registered_once(tabs, name, suffix):
    with pytest.raises(ValueError, match=r"is taken by '(latex|tabs)'"):
        register_writer(name, suffix, csv_table)
