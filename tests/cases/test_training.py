"""What broke training in the world's hands, see ../shared/cases; each test makes its inputs anew."""

import dataclasses
import os
import signal
import subprocess
import sys

import pytest
from helpers.golden import shared
from helpers.tiny_training import TINY_TOML, tiny_style, write_pictures

from animegan3_tf.training.configuration import RunConfiguration
from animegan3_tf.training.run_files import read_status, states
from animegan3_tf.training.run_folder import open_folder
from animegan3_tf.training.state import FORMAT, State, environment, newest_state, write_state

PLAN = RunConfiguration(tiny_style(), "photo", "anime", "random", 8, 2, seed=3)


@pytest.fixture
def saved(tmp_path):
    """A run folder with a state of step 4."""
    with open_folder(PLAN, tmp_path):
        header = {"format": FORMAT, "step": 4, "environment": environment(), "configuration": PLAN.to_dict()}
        write_state(tmp_path / "state-000004.h5", State(header, {}))
    return tmp_path


def refused(call, *arguments):
    """The line that ends a command."""
    status, _, err = call(*arguments)
    assert status == 1
    assert err.count("\n") == 1
    assert err[:-1].isprintable()
    return err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a=" + "[" * 1000 + "]" * 1000, "is not valid TOML: it is nested too deeply"),
        ("a=" + "[" * 75_000 + "]" * 75_000, "is not valid TOML: it is nested too deeply"),
        ("a=" + "[" * 150 + "]" * 150, "is not valid TOML: it is nested over 100 levels deep"),
        (".".join("a" * 3000) + " = 1", "is not valid TOML: it is nested over 100 levels deep"),
        ('"\\u001b[31mevil\\n2" = 1', r"unknown key '\x1b[31mevil\n2'; known are"),
        ('description = ""\nperceptual = {}\n[data]\n"\\u001b" = 1', r"mine.toml: data: unknown key '\x1b'; known are"),
    ],
)
def test_a_style_file_that_is_none_is_one_line(tmp_path, call, text, words):
    shared("cases", "style_toml")
    (tmp_path / "mine.toml").write_text(text)
    assert words in refused(call, "train", "--style", tmp_path / "mine.toml", "--out", tmp_path / "o", "--dry-run")


def test_a_number_of_5000_digits_is_one_line(tmp_path, call):
    shared("cases", "style_toml")
    (tmp_path / "mine.toml").write_text(TINY_TOML + "[loss]\nidentity = " + "9" * 5000)
    assert "mine.toml" in refused(call, "train", "--style", tmp_path / "mine.toml", "--out", tmp_path, "--dry-run")


@pytest.mark.parametrize("name", ["nested.toml", "nested2.toml", "big_int.toml", "esc_key.toml"])
def test_the_style_files_of_the_case(tmp_path, call, name):
    file = shared("cases", "style_toml", name)
    assert name in refused(call, "train", "--style", file, "--data", tmp_path, "--out", tmp_path, "--dry-run")


def test_a_pipe_is_no_style_file(tmp_path, call):
    shared("cases", "style_toml")
    os.mkfifo(tmp_path / "mine.toml")
    line = refused(call, "train", "--style", tmp_path / "mine.toml", "--out", tmp_path / "o", "--dry-run")
    assert "is not a regular file" in line


def test_a_states_list_nested_without_end_is_ignored_with_a_warning(saved):
    shared("cases", "resume_json")
    (saved / "states.json").write_text("[" * 100_000)
    lines = []
    assert newest_state(saved, lines.append).step == 4
    assert lines == [
        f"WARNING: {str(saved / 'states.json')!r} cannot be read: it is nested over 100 levels deep; it is ignored"
    ]


@pytest.mark.parametrize(
    ("case", "damage", "reason"),
    [
        ("config_json_lost", None, "is gone"),
        ("config_json_lost", "", "cannot be read: Expecting value"),
        ("config_json_lost", "[]", "cannot be read: it is not a JSON object"),
        ("config_json_lost", '{"style": 1}', "it must be a table"),
        ("config_json_lost", "steps", "steps is 8.5; it must be a whole number"),
        ("resume_json", "[" * 100_000, "cannot be read: it is nested over 100 levels deep"),
        ("resume_json", "overridden", "cannot be read: 'overridden' does not list settings"),
    ],
)
def test_a_run_without_its_configuration_goes_on_with_the_copy_in_its_state(saved, call, case, damage, reason):
    shared("cases", case)
    file = saved / "config.json"
    whole = file.read_text()
    if damage is None:
        file.unlink()
    elif damage == "overridden":
        file.write_text(whole.rstrip()[:-1] + ', "overridden": [1]}')
    else:
        file.write_text(whole.replace('"steps": 8', '"steps": 8.5') if damage == "steps" else damage)
    status, out, err = call("train", "--out", saved, "--resume", "--dry-run")
    assert (status, err.count("\n")) == (0, 1)
    assert "WARNING: " in err
    assert str(file) in err
    assert reason in err
    assert "the configuration in 'state-000004.h5' is used" in err
    assert '"seed": 3' in out
    with open_folder(dataclasses.replace(PLAN, steps=9), saved, resume=True) as state:
        assert state.step == 4
    assert RunConfiguration.read(saved).steps == 9  # it is there again


@pytest.fixture
def started(tmp_path):
    """A small run in its own process."""
    photos, anime = write_pictures(tmp_path / "photo", 4), write_pictures(tmp_path / "anime", 4, first=10)
    (tmp_path / "tiny.toml").write_text(TINY_TOML)

    def start(steps):
        command = [sys.executable, "-m", "animegan3_tf", "train", "--style", tmp_path / "tiny.toml", "--out", "run"]
        command += ["--photos", photos, "--anime", anime, "--perceptual", "random", "--prepare", "--log-every", "1"]
        command += ["--steps", str(steps), "--pretrain-steps", str(steps)]
        return subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True)

    return start


@pytest.mark.slow
def test_a_closed_stdout_does_not_end_a_run(started, tmp_path):
    shared("cases", "train_hangup")
    process = started(3)
    for _ in range(5):
        process.stdout.readline()
    process.stdout.close()
    assert process.wait() == 0
    assert [path.name for path in states(tmp_path / "run")] == ["state-000003.h5"]
    assert read_status(tmp_path / "run")["state"] == "finished"


@pytest.mark.slow
def test_a_hangup_of_the_terminal_saves_first(started, tmp_path):
    shared("cases", "train_hangup")
    process = started(10_000)
    for line in process.stdout:
        if line.startswith("step 2/"):
            break
    process.stdout.close()
    for _ in range(2):  # as the shell and the system both do
        os.killpg(process.pid, signal.SIGHUP)
    assert process.wait() == 128 + signal.SIGHUP
    status = read_status(tmp_path / "run")
    assert (status["state"], status["message"]) == ("stopped", "stopped by SIGHUP and saved; --resume goes on")
    assert states(tmp_path / "run")[-1].name == f"state-{status['step']:06d}.h5"
