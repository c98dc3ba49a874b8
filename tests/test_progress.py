import io

import rich.console
from helpers.driven import Clock

from animegan3_tf.common.console import Lines, hear_parts, progress, tell_part


def test_lines_tell_the_rate_since_the_line_before_and_the_time_left():
    """9,000 found done in no time, then 2 a second: after 30 s 60 are made, and 940 take 7 min 50 s."""
    clock, lines = Clock(), []
    tell = Lines("preparing", clock, lines.append)
    tell(9000, 10_000, "a")
    clock.now += 30
    tell(9060, 10_000, "b")
    assert lines == ["preparing: 9,060 of 10,000, 302/s, 3 s left"]
    clock.now += 29
    tell(9118, 10_000, "c")
    clock.now += 1
    tell(9120, 10_000, "d")
    assert lines[1:] == ["preparing: 9,120 of 10,000, 2/s, 7 min left"]


def test_lines_tell_of_parts_of_one_item():
    clock, lines = Clock(), []
    tell = Lines("stylising", clock, lines.append)
    clock.now += 30
    tell(0, 1, "a")
    tell(0.25, 1, "a")
    assert lines == ["stylising: 0.25 of 1, 0.00833/s, 2 min left"]  # a quarter in 30 s


def test_parts_are_told_to_whoever_listens():
    heard = []
    tell_part(1, 2)
    with hear_parts(lambda *part: heard.append(part)):
        tell_part(1, 2)
    tell_part(2, 2)
    assert heard == [(1, 2)]


def test_a_bar_shows_rate_and_names_of_any_bytes(monkeypatch):
    shown = io.StringIO()

    def console(stderr):
        return RealConsole(file=shown, force_terminal=True, width=150)

    RealConsole = rich.console.Console
    monkeypatch.setattr(rich.console, "Console", console)
    with progress("preparing") as advance:
        advance(1, 4, "a")
        advance(2, 4, "caf\udce9")
    assert "2/4" in shown.getvalue()
    assert "caf\\udce9" in shown.getvalue()
