import signal
from pathlib import Path

import pytest
from helpers.driven import drive
from helpers.tiny_training import tiny_style

from animegan3_tf.common.errors import UserError
from animegan3_tf.reports.training import write_run_page
from animegan3_tf.training.run import RunConfiguration, RunResult
from animegan3_tf.training.run_files import read_metrics, read_status
from animegan3_tf.training.watch import RunMonitor


@pytest.fixture
def watch(tmp_path):
    """Makes a `RunMonitor` of a run of ten steps in tmp_path, whose lines go to `watch.lines`."""

    def make(resumed_at=None, **options):
        plan = RunConfiguration(tiny_style(), "photo", "anime", "random", 10, 2, log_every=1)
        (tmp_path / "config.json").write_text('{"style": {"name": "tiny"}, "steps": 10}')
        options = {"write_page": write_run_page, **options}
        return RunMonitor(plan, tmp_path, resumed_at, make.lines.append, **options)

    make.lines = []
    return make


def steps(watch, first, last, phase="adversarial"):
    for callback in watch.callbacks:
        drive(callback, [{"loss": float(step)} for step in range(first, last + 1)], phase, first)


def test_a_run_from_start_to_end(watch, tmp_path):
    with watch() as run:
        assert read_status(tmp_path)["state"] == "starting"
        run.warn("two pictures are broken")
        steps(run, 1, 10)
        assert read_status(tmp_path)["state"] == "running"
        assert not (tmp_path / "report.html").exists()
        run.ended(RunResult(10, None, Path("a.png")))
    status = read_status(tmp_path)
    assert (status["state"], status["step"], status["steps"], status["message"]) == ("finished", 10, 10, "")
    assert "two pictures are broken" in (tmp_path / "report.html").read_text()
    assert watch.lines[0] == "two pictures are broken"
    assert [line.split()[1] for line in watch.lines[1:]] == [f"{step}/10" for step in range(1, 11)]
    assert [record["step"] for record in read_metrics(tmp_path)] == [0, *range(1, 11)]


def test_a_run_that_a_signal_stopped(watch, tmp_path):
    with watch() as run:
        steps(run, 1, 3)
        run.ended(RunResult(3, int(signal.SIGTERM), Path("a.png")))
    status = read_status(tmp_path)
    assert (status["state"], status["step"]) == ("stopped", 3)
    assert status["message"] == "stopped by SIGTERM and saved; --resume goes on"
    assert (tmp_path / "report.html").exists()


@pytest.mark.parametrize(
    ("error", "state", "message"),
    [
        (UserError("step 3: loss became NaN"), "failed", "step 3: loss became NaN"),
        (ValueError("several\nlines"), "failed", "ValueError: several lines"),
        (KeyboardInterrupt(), "stopped", "interrupted at once; --resume goes on from the last save"),
    ],
)
def test_a_run_that_an_error_ended(watch, tmp_path, error, state, message):
    run = watch()
    steps(run, 1, 2)
    with pytest.raises(type(error)), run:
        raise error
    status = read_status(tmp_path)
    assert (status["state"], status["message"]) == (state, message)
    assert (tmp_path / "report.html").exists()


def test_a_start_that_fails_leaves_no_page(watch, tmp_path):
    with pytest.raises(UserError), watch():
        raise UserError("photos are missing")
    assert read_status(tmp_path)["state"] == "failed"
    assert not (tmp_path / "report.html").exists()


def test_a_second_interrupt_while_the_page_is_written_changes_nothing(watch, tmp_path):
    def interrupted(folder):
        raise KeyboardInterrupt

    run = watch(write_page=interrupted)
    steps(run, 1, 10)
    with pytest.raises(KeyboardInterrupt), run:
        run.ended(RunResult(10, None, Path("a.png")))
    assert read_status(tmp_path)["state"] == "finished"


def test_a_page_that_cannot_be_written_is_a_warning(watch, tmp_path):
    (tmp_path / "report.html").mkdir()
    with watch() as run:
        steps(run, 1, 10)
        run.ended(RunResult(10, None, Path("a.png")))
    assert read_status(tmp_path)["state"] == "finished"
    assert watch.lines[-1].startswith("report.html was not written: ")


def test_a_resumed_run_goes_on_where_it_was(watch, tmp_path):
    with watch() as run:
        steps(run, 1, 4)
        run.callbacks[1].validated(4, "adversarial", {"anime_likeness_main": 0.5}, tmp_path / "samples" / "000004.png")
        steps(run, 5, 6)
    with watch(resumed_at=4) as run:
        status = read_status(tmp_path)
        assert (status["state"], status["step"]) == ("starting", 4)
        assert (status["validation"], status["grid"]) == ({"anime_likeness_main": 0.5}, "samples/000004.png")
        steps(run, 5, 5)
    assert [record["step"] for record in read_metrics(tmp_path)] == [1, 2, 3, 4, 4, 5]
