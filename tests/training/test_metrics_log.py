import json
import string

import numpy as np
import pytest
import tensorflow as tf
from helpers.driven import Clock, drive
from hypothesis import given, settings
from hypothesis import strategies as st

from animegan3_tf.common.errors import UserError
from animegan3_tf.training.callbacks import Pace
from animegan3_tf.training.run_files import METRICS, MetricsFile, read_metrics
from animegan3_tf.training.watch import MetricsLog, memory


def strictly(line):
    """JSON as other programs read it, without NaN."""

    def refuse(word):
        raise AssertionError(word)

    return json.loads(line, parse_constant=refuse)


def log_in(folder, every=2, resumed_at=None, clock=None, warn=None):
    clock = clock or Clock()
    return MetricsLog(every, MetricsFile(folder, resumed_at), 8, warn or print, clock=clock, pace=Pace(clock))


def test_a_line_holds_what_its_reader_needs(tmp_path):
    clock = Clock(1000.0)
    drive(log_in(tmp_path, clock=clock), [{"loss": 3.0}, {"loss": np.float32(2.5)}], clock=clock, seconds=0.5)
    (line,) = (tmp_path / METRICS).read_text().splitlines()
    record = strictly(line)
    assert record.pop("memory")["process_peak"] > 1e6
    assert record == {
        "step": 2,
        "time": 1001.0,
        "phase": "adversarial",
        "steps_per_s": 2.0,
        "images_per_s": 16.0,
        "terms": {"loss": 2.5},
    }


def test_the_last_step_of_a_phase_is_written_once_whatever_its_number(tmp_path):
    log = log_in(tmp_path)
    drive(log, [{"loss": float(step)} for step in (1, 2, 3)], "pretrain")
    drive(log, [{"loss": 4.0}], first=4)
    found = [(r["step"], r["phase"], r["terms"]["loss"]) for r in read_metrics(tmp_path)]
    assert found == [(2, "pretrain", 2.0), (3, "pretrain", 3.0), (4, "adversarial", 4.0)]


def test_what_is_not_finite_is_null(tmp_path):
    drive(log_in(tmp_path), [{}, {"loss": tf.constant(float("nan")), "color": np.inf, "content": 1.0}])
    assert strictly((tmp_path / METRICS).read_text())["terms"] == {"loss": None, "color": None, "content": 1.0}


def test_validations_and_warnings_are_lines_of_their_own(tmp_path):
    log = log_in(tmp_path, resumed_at=7)
    log.warned("a picture is broken")
    log.validated(8, "pretrain", {"anime_likeness_main": 0.25}, tmp_path / "samples" / "000008.png")
    log.warned("another")
    records = [{k: v for k, v in r.items() if k != "time"} for r in read_metrics(tmp_path)]
    assert records == [
        {"step": 7, "warning": "a picture is broken"},
        {"step": 8, "phase": "pretrain", "validation": {"anime_likeness_main": 0.25}, "grid": "samples/000008.png"},
        {"step": 7, "warning": "another"},  # no step was done since
    ]


def test_a_resumed_run_doubles_no_step(tmp_path):
    drive(log_in(tmp_path, every=1), [{"loss": float(step)} for step in (1, 2, 3, 4)])
    with open(tmp_path / METRICS, "a") as file:
        file.write('{"step": 5, "terms": {"lo')  # torn as the process was killed
    log = log_in(tmp_path, every=1, resumed_at=2)
    assert [record["step"] for record in log.file.kept] == [1, 2]
    drive(log, [{"loss": 30.0}], first=3)
    assert [(r["step"], r["terms"]["loss"]) for r in read_metrics(tmp_path)] == [(1, 1.0), (2, 2.0), (3, 30.0)]


def test_a_new_run_begins_an_empty_file(tmp_path):
    drive(log_in(tmp_path), [{"loss": 1.0}])
    log_in(tmp_path)
    assert read_metrics(tmp_path) == []


def test_a_full_disk_gives_one_warning_and_ends_nothing(tmp_path):
    warnings = []
    log = log_in(tmp_path, every=1, warn=warnings.append)
    (tmp_path / METRICS).mkdir()
    drive(log, [{"loss": 1.0}, {"loss": 2.0}])
    assert len(warnings) == 1
    assert "metrics.jsonl' cannot be written to (Is a directory)" in warnings[0]


def test_a_file_that_cannot_be_read_is_one_line(tmp_path):
    assert read_metrics(tmp_path) == []
    (tmp_path / METRICS).mkdir()
    with pytest.raises(UserError, match=r"metrics.jsonl' is a folder"):
        read_metrics(tmp_path)


@settings(deadline=None)
@given(st.binary(max_size=60) | st.text(string.printable, max_size=60).map(str.encode), st.integers(0, 3))
def test_damage_costs_no_more_than_its_line(tmp_path_factory, damage, torn):
    folder = tmp_path_factory.mktemp("run")
    whole = b'{"step": 1}\n'
    damage = damage.replace(b"\n", b" ") + b"x"  # never a record by chance
    (folder / METRICS).write_bytes(whole + damage + b"\n" + b'{"step": 2, "terms": {"loss": NaN}}\n' + whole[:torn])
    assert read_metrics(folder) == [{"step": 1}, {"step": 2, "terms": {"loss": None}}]


@pytest.mark.parametrize("line", ["[]", "1", "null", '{"step": true}', '{"step": "1"}', "{}", "[" * 100_000])
def test_json_that_is_no_record_is_passed_over(tmp_path, line):
    (tmp_path / METRICS).write_text(line + "\n")
    assert read_metrics(tmp_path) == []


def test_memory_is_of_this_process():
    block = np.ones(64 << 20, np.uint8)
    assert memory()["process_peak"] >= block.nbytes
