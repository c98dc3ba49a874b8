import io
import random
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from fuzz import seeds, watch
from fuzz.mutate import mutate, mutate_text
from fuzz.readers import READERS, judge
from fuzz.watch import Reader, damaged, run
from PIL import Image

from animegan3_tf.common.errors import UserError

CHILD = """
import os, sys, time
from fuzz import readers
from animegan3_tf.common.errors import UserError

def refuse(message):
    raise UserError(message)

ENDS = {
    "sound": lambda: 1,
    "refused": lambda: refuse("it is damaged"),
    "two lines": lambda: refuse("it\\nis damaged"),
    "traceback": lambda: 1 / 0,
    "death": lambda: os._exit(3),
    "hang": lambda: time.sleep(60),
    "memory": lambda: bytearray(b"x") * (400 << 20),
}
readers.READERS["fake"] = lambda path: [ENDS[path.read_text()]]
readers.main(sys.argv[1])
"""


def png():
    file = io.BytesIO()
    Image.fromarray(np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)).save(file, "PNG")
    return file.getvalue()


def test_the_same_seed_makes_the_same_files_and_others_make_others():
    made = [{"a.png": png()}, {"b.png": png()[::-1]}]
    first = [damaged(made, "picture", number, 1) for number in range(20)]
    assert first == [damaged(made, "picture", number, 1) for number in range(20)]
    assert first != [damaged(made, "picture", number, 2) for number in range(20)]
    assert all(files not in made for files in first[:5])


def test_damage_inside_a_png_keeps_its_checksums():
    read = 0
    for seed in range(60):
        content = mutate(png(), [png()], random.Random(seed))
        try:
            Image.open(io.BytesIO(content)).load()
            read += content != png()
        except Exception:
            continue
    assert read > 3  # with wrong checksums Pillow reads none of them but those that end in rubbish


def test_damage_inside_a_zip_file_keeps_it_whole():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"x" * 100)
    contents = [mutate(file.getvalue(), [b"y" * 50], random.Random(seed)) for seed in range(40)]
    whole = [content for content in contents if zipfile.is_zipfile(io.BytesIO(content))]
    inside = []
    for content in whole:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                inside.append(archive.read("a"))
        except Exception:
            continue
    assert any(data != b"x" * 100 for data in inside)


def test_text_is_damaged_by_its_marks_and_values():
    text = '{"a": [1, 2.5, true], "b": "x"}'
    changed = {mutate_text(text, random.Random(seed)) for seed in range(50)}
    assert len(changed) > 30
    assert any(len(one) > 50_000 for one in changed)  # deep nesting, long strings
    assert mutate_text("", random.Random(1))


@pytest.fixture
def reader(tmp_path, monkeypatch):
    (tmp_path / "fake_child.py").write_text(CHILD)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    made = Reader("fake", "fake_child", seconds=5)
    yield made
    made.stop()


def test_each_end_of_a_read_is_told_apart(reader, tmp_path):
    outcomes = []
    for end in ("sound", "refused", "two lines", "traceback", "death", "sound", "hang", "sound"):
        (tmp_path / "file").write_text(end)
        outcomes.append(reader.read(tmp_path / "file")["outcome"])
    assert outcomes == ["read", "refused", "message", "traceback", "death", "read", "hang", "read"]


def test_memory_is_that_of_each_file_alone(reader, tmp_path):
    peaks = []
    for end in ("sound", "memory", "sound"):
        (tmp_path / "file").write_text(end)
        peaks.append(reader.read(tmp_path / "file")["megabytes"])
    assert peaks[1] - peaks[0] > 390
    assert abs(peaks[2] - peaks[0]) < 100


def test_faults_are_counted_and_their_files_kept(reader, tmp_path, monkeypatch):
    monkeypatch.setattr(watch, "MEGABYTES", 300)
    monkeypatch.setattr(watch, "damaged", lambda made, kind, number, seed: {"file": made[number]["file"]})
    made = [{"file": end} for end in (b"sound", b"memory", b"traceback", b"refused")]
    lines = []
    found = run("fake", made, 4, 1, tmp_path / "out", lines.append, reader)
    expected = {"tried": 4, "read": 2, "refused": 1, "traceback": 1, "message": 0, "death": 0, "hang": 0, "memory": 1}
    assert {name: found[name] for name in expected} == expected
    assert found["peak_megabytes"] > 400
    assert len(lines) == 2
    assert "ZeroDivisionError" in lines[1]
    assert (tmp_path / "out" / "found" / "fake-2" / "file").read_bytes() == b"traceback"
    assert not list((tmp_path / "out").glob("now-*"))


@pytest.mark.parametrize("made", seeds.pictures(), ids=lambda made: next(iter(made)))
def test_sound_pictures_are_read(made, tmp_path):
    from animegan3_tf.common.images import read_image

    (name, content), *_ = made.items()
    (tmp_path / name).write_bytes(content)
    assert read_image(tmp_path / name).rgb.shape == (32, 32, 3)


@pytest.mark.parametrize("made", seeds.jsons(), ids=lambda made: next(iter(made)))
def test_sound_json_is_read_as_what_it_is(made, tmp_path):
    (name, text), *_ = made.items()
    (tmp_path / name).write_text(text)
    if name == "states.json":
        with pytest.raises(UserError, match="holds no state to resume from"):
            seeds.READ_AS[name](tmp_path / name)
    else:
        assert seeds.READ_AS[name](tmp_path / name)


def test_an_interrupt_of_the_reader_is_no_result(tmp_path):
    def stops(path):
        yield lambda: (_ for _ in ()).throw(KeyboardInterrupt)

    assert judge(stops, tmp_path)[0] == "traceback"


@pytest.mark.slow
def test_a_short_run_over_every_kind_finds_no_fault(tmp_path):
    counts = {"picture": 60, "json": 20, "toml": 20, **dict.fromkeys(("tflite", "onnx", "saved_model", "pb"), 3)}
    kinds = [f"{kind}={counts.get(kind, 8)}" for kind in READERS]
    command = [sys.executable, Path(__file__).parents[2] / "tools" / "fuzz", *kinds, "--seed", "7", "-o", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()[1:]
    assert [line.split()[0] for line in lines] == list(READERS)
    assert all(int(line.split()[2]) + int(line.split()[3]) == int(line.split()[1]) for line in lines)
