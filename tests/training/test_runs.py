import io
import json
import os

import pytest
from helpers.run_folders import run_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from animegan3_tf.common.errors import UserError
from animegan3_tf.reports.training import print_runs
from animegan3_tf.training.run_files import find_runs, read_run


def test_what_is_known_of_a_run(tmp_path):
    folder = run_folder(
        tmp_path / "run", "running", terms={"loss": 2.0}, validation={"anime_likeness_main": 0.25},
        grid="samples/000004.png", phase="adversarial",
    )  # fmt: skip
    run = read_run(folder)
    assert (run.folder, run.style, run.state, run.step, run.steps) == (str(folder), "tiny", "running", 4, 10)
    assert (run.terms, run.validation, run.phase) == ({"loss": 2.0}, {"anime_likeness_main": 0.25}, "adversarial")
    assert run.grid == str(folder / "samples" / "000004.png")
    assert 0 <= run.age < 60


def test_a_run_without_a_status_has_the_step_of_its_states(tmp_path):
    folder = run_folder(tmp_path / "run")
    (folder / "status.json").unlink()
    for name in ("state-000500.h5", "state-001000.h5", "state-x.h5"):
        (folder / name).touch()
    run = read_run(folder)
    assert (run.state, run.step, run.steps, run.age) == ("unknown", 1000, 10, None)


@pytest.mark.parametrize("name", ["config.json", "status.json"])
def test_a_run_that_cannot_be_read_says_why(tmp_path, name):
    folder = run_folder(tmp_path / "run")
    (folder / name).write_text("{")
    run = read_run(folder)
    assert run.state == "unreadable"
    assert f"{name}' cannot be read" in run.message


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.just(10**400) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
_FIELDS = ("style", "steps", "step", "terms", "validation", "grid", "phase", "message", "updated", "pid", "host")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(_FIELDS), _JSON), st.sampled_from(["running", "finished", "", "?"]))
def test_a_row_for_whatever_the_files_hold(tmp_path_factory, values, state):
    folder = tmp_path_factory.mktemp("run")
    (folder / "config.json").write_text(json.dumps(values))
    (folder / "status.json").write_text(json.dumps({**values, "state": state}))
    run = read_run(folder)
    assert run.state in (state, "died")
    assert json.dumps(run.to_dict(), allow_nan=False)
    printed = io.StringIO()
    print_runs([run], folder, printed)
    assert str(folder) in printed.getvalue().replace("\n", "")


def test_a_path_stays_whole_beside_wide_columns(tmp_path):
    folder = tmp_path / ("a" * (76 - len(str(tmp_path))))
    folder.mkdir()
    values = {"steps": -(10**20), "grid": "", "state": "running"}
    for name in ("config.json", "status.json"):
        (folder / name).write_text(json.dumps(values))
    printed = io.StringIO()
    print_runs([read_run(folder)], folder, printed)
    assert str(folder) in printed.getvalue()


def test_runs_are_found_below_a_folder(tmp_path):
    for name in ("b", "a/deep", "linked-to"):
        run_folder(tmp_path / "runs" / name if name != "linked-to" else tmp_path / name)
    run_folder(tmp_path / "runs" / ".hidden")
    (tmp_path / "runs" / "b" / "logs").mkdir()
    (tmp_path / "runs" / "link").symlink_to(tmp_path / "linked-to")
    (tmp_path / "runs" / "a" / "loop").symlink_to(tmp_path / "runs")
    (tmp_path / "runs" / "empty").mkdir()
    found = [os.path.relpath(path, tmp_path / "runs") for path in find_runs(tmp_path / "runs")]
    assert found == ["a/deep", "b", "link"]
    assert find_runs(tmp_path / "runs" / "b") == [tmp_path / "runs" / "b"]
    assert find_runs(tmp_path / "runs" / "empty") == []


def test_a_folder_that_is_none(tmp_path):
    with pytest.raises(UserError, match="nowhere' is not a folder; name the one your runs are in"):
        find_runs(tmp_path / "nowhere")
