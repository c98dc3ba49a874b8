import io
import threading

import pytest
from driven import Clock, drive
from rich.console import Console

from animegan3_tf.training.callbacks import Pace
from animegan3_tf.training.watch import LiveTable, trend


def terminal(width=100):
    return Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None, legacy_windows=False)


def table_on(console, every=1, steps=1000, pretrain=0, clock=None):
    clock = clock or Clock()
    return LiveTable(every, steps, pretrain, 8, console, clock=clock, pace=Pace(clock))


def shown(table):
    """What stands on the terminal now, as plain lines."""
    plain = Console(file=io.StringIO(), width=100)
    plain.print(table.render())
    return plain.file.getvalue()


def test_the_table_says_where_the_run_is(tmp_path):
    clock, console = Clock(), terminal()
    table = table_on(console, pretrain=100, clock=clock)
    drive(table, [{"loss": value} for value in (4.0, 3.0, 2.0, 1.0)], "pretrain", clock=clock, seconds=0.5)
    table.validated(4, "pretrain", {"anime_likeness_main": 0.125}, tmp_path / "000004.png")
    text = shown(table)
    assert "step 4 of 1,000 (0%)  pretrain" in text
    assert "2.00 steps/s  16.0 images/s  adversarial in 48 s" in text
    (row,) = (line for line in text.splitlines() if line.startswith("loss"))
    assert row.split() == ["loss", "1", "2.5", "-57.1", "%"]  # newest, mean, and 1.5 after 3.5
    assert "memory: process peak " in text
    assert ["anime_likeness_main", "0.125"] in [line.split() for line in text.splitlines()]
    assert "000004.png" in text
    table.close()


def test_a_new_phase_shows_its_own_terms():
    table = table_on(terminal())
    drive(table, [{"pretrain_main": 1.0}], "pretrain")
    drive(table, [{"content": 2.0}], first=2)
    assert "content" in shown(table)
    assert "pretrain_main" not in shown(table)
    table.close()


def test_warnings_stand_above_the_table_from_any_thread():
    console = terminal()
    table = table_on(console)
    drive(table, [{"loss": 1.0}])
    thread = threading.Thread(target=table.warned, args=("left out: [bold] 'a.png' is empty",))
    thread.start()
    thread.join()
    table.close()
    written = console.file.getvalue()
    assert "left out: [bold] 'a.png' is empty" in written
    assert written.rindex("warnings: 1, the last:") > written.index("left out: [bold] 'a.png' is empty")


def test_the_terminal_is_given_back(tmp_path):
    console = terminal()
    table = table_on(console)
    drive(table, [{"loss": 1.0}])
    assert "\x1b[?25l" in console.file.getvalue()  # the cursor is hidden while it draws
    table.close()
    table.close()
    assert console.file.getvalue().rstrip("\n").endswith("\x1b[?25h")
    before = console.file.getvalue()
    table.validated(1, "adversarial", {}, tmp_path / "a.png")
    assert console.file.getvalue() == before


def test_between_readings_the_step_count_goes_on():
    clock, console = Clock(), terminal()
    table = table_on(console, every=100, clock=clock)
    drive(table, [{"loss": 1.0}] * 3, clock=clock, seconds=1.0)
    assert "step 3 of 1,000" in shown(table)
    assert "loss" not in shown(table)
    assert "step 2 of 1,000" in console.file.getvalue()
    table.close()


@pytest.mark.parametrize(
    ("readings", "words"),
    [
        ([], ""),
        ([1.0, 2.0, 3.0], ""),
        ([1.0, 1.0, 2.0, 2.0], "+100.0 %"),
        ([4.0, 4.0, 9.0, 3.0, 3.0], "-25.0 %"),  # the one in the middle is of neither half
        ([-2.0, -2.0, -1.0, -1.0], "+50.0 %"),
        ([0.0, 0.0, 1.0, 1.0], ""),
        ([1.0, float("nan"), 1.0, 2.0, 2.0], "+100.0 %"),
    ],
)
def test_trends(readings, words):
    assert trend(readings) == words
