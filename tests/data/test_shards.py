import dataclasses
import hashlib
import json
import os
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import pytest
from helpers.prepared_folders import digests, picture
from helpers.sharded_folders import STYLE, make_shards, records, source_folders
from helpers.tiny_training import tiny_style

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import write_json
from animegan3_tf.common.images import decode_image, write_image
from animegan3_tf.data import prepare as records_module
from animegan3_tf.data.prepare import prepare
from animegan3_tf.data.shard_folder import ShardIndex, shard_path, write_summary
from animegan3_tf.data.shards import on_this_machine, write_shard
from animegan3_tf.data.targets import style_targets, target_name
from animegan3_tf.styles import load_style


@pytest.fixture
def folders(tmp_path):
    return source_folders(tmp_path / "data")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "shards"


def summary(report):
    return report.written, report.current, sorted(path.name for path in report.rejected)


def engine(tasks, done=None):
    for task in tasks:
        write_shard(task)
        if done is not None:
            done.append(task.path.name)
        yield task


def test_records_hold_the_targets_of_the_folder_path_bit_for_bit(folders, out):
    assert summary(make_shards(folders, out)) == (8, 0, [])
    stages = style_targets(STYLE, *folders)
    prepare(stages)
    for source, folder, kinds in ((folders[0], out / "photo", 2), (folders[1], out / "tiny" / "style", 1)):
        made = records(folder)
        names = [record["name"].decode() for record in made]
        assert names == sorted(p.relative_to(source).as_posix() for p in source.rglob("*.*"))
        for record, name in zip(made, names):
            assert record["sha256"].decode() == hashlib.sha256((source / name).read_bytes()).hexdigest()
            of_source = [stage for stage in stages if stage.source == source]
            assert len(of_source) == kinds
            for stage in of_source:
                assert record[stage.name] == (stage.target / target_name(name)).read_bytes(), (name, stage.name)


def test_records_hold_the_balanced_picture_and_its_target(folders, out):
    style = tiny_style({"data.balance": "mean"})
    for name in ("x.png", "y.png", "z.jpg"):
        (folders[1] / name).unlink()
        write_image(folders[1] / f"{name[0]}.png", np.full((40, 40, 3), (160, 100, 70), np.uint8))  # 110 over channels
    make_shards(folders, out, style=style)
    (record, *_) = records(out / "tiny" / "style")
    for feature in ("picture", "smooth"):
        assert (decode_image(record[feature], feature).rgb == 110).all()
    stages = json.loads((out / "tiny" / "style" / "shards.json").read_text())["stages"]
    assert stages["picture"]["balance"] == stages["smooth"]["balance"] == {"how": "mean", "shift": [-50, 10, 40]}
    assert "balance" not in json.loads((out / "photo" / "shards.json").read_text())["stages"]["picture"]
    assert not any(path.name == "manifest.json" for path in folders[0].parent.rglob("*"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_left_out_and_blocks_nothing(folders, out):
    os.mkfifo(folders[0] / "pipe.jpg")
    report = make_shards(folders, out)
    assert summary(report) == (8, 0, ["pipe.jpg"])
    assert "is not a regular file" in report.rejected[folders[0] / "pipe.jpg"]


def test_originals_stay_and_nothing_lies_beside_them(folders, out):
    before = digests(folders[0].parent)
    make_shards(folders, out)
    assert digests(folders[0].parent) == before


@pytest.mark.slow
def test_processes_give_the_same_bytes(folders, out, tmp_path):
    seen = []
    make_shards(folders, out, on_this_machine(2), on_progress=lambda *step: seen.append(step))
    make_shards(folders, tmp_path / "again")
    assert digests(out) == digests(tmp_path / "again")
    assert sorted(step[0] for step in seen) == [step[0] for step in seen]
    assert seen[-1][:2] == (8, 8)


def test_a_second_run_writes_nothing(folders, out):
    make_shards(folders, out)
    before = digests(out)
    done = []
    assert summary(make_shards(folders, out, lambda tasks: engine(tasks, done))) == (0, 8, [])
    assert done == []
    assert digests(out) == before


def test_only_shards_of_changed_sources_are_made_again(folders, out):
    make_shards(folders, out)
    write_image(folders[0] / "c.png", picture(77))
    done = []
    assert summary(make_shards(folders, out, lambda tasks: engine(tasks, done))) == (2, 6, [])
    assert done == ["pictures-00001-of-00003.tfrecord"]


def test_another_parameter_or_shard_size_leaves_nothing_of_the_old_ones(folders, out, tmp_path):
    make_shards(folders, out, size=1)
    assert summary(make_shards(folders, out, size=3)) == (8, 0, [])
    salted = dataclasses.replace(STYLE, data=dataclasses.replace(STYLE.data, salt=0.2))
    assert summary(make_shards(folders, out, style=salted, size=3)) == (3, 5, [])
    make_shards(folders, tmp_path / "fresh", style=salted, size=3)
    assert digests(out) == digests(tmp_path / "fresh")


def test_a_folder_is_whole_only_when_all_of_it_is(folders, out):
    """Interrupted after one shard: not taken for whole, and the next run goes on from there."""

    def interrupted(tasks):
        write_shard(tasks[0])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_shards(folders, out, interrupted)
    with pytest.raises(
        UserError, match=r"photo' are not whole \(shards.json is missing\); run the same animegan3 prep"
    ):
        ShardIndex(out / "photo")
    done = []
    make_shards(folders, out, lambda tasks: engine(tasks, done))
    assert len(done) == 4  # of five
    assert len(ShardIndex(out / "photo")) == 5


def test_a_run_that_changes_shards_takes_the_folder_s_word_back_first(folders, out):
    make_shards(folders, out)
    write_image(folders[0] / "c.png", picture(77))

    def interrupted(tasks):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_shards(folders, out, interrupted)
    with pytest.raises(UserError, match="not whole"):
        ShardIndex(out / "photo")
    assert len(ShardIndex(out / "tiny" / "style")) == 3  # nothing of it was to be written


@pytest.mark.parametrize("damage", ["shard removed", "shard cut", "book removed", "book cut"])
def test_what_is_damaged_is_named_and_made_again(folders, out, damage):
    make_shards(folders, out)
    whole = digests(out)
    what, how = damage.split()
    victim = out / "photo" / ("pictures-00001-of-00003" + (".tfrecord" if what == "shard" else ".json"))
    if how == "removed":
        victim.unlink()
    else:
        victim.write_bytes(victim.read_bytes()[:-5])
    with pytest.raises(UserError, match=rf"not whole \(.*{victim.name}'? (is missing|has|cannot be read)"):
        ShardIndex(out / "photo")
    assert summary(make_shards(folders, out)) == (2, 6, [])
    assert digests(out) == whole


def test_sources_that_cannot_be_used_are_left_out_by_name(folders, out):
    (folders[0] / "b.jpg").write_bytes(b"broken")
    (folders[0] / "e.png").write_bytes(b"")
    report = make_shards(folders, out)
    assert summary(report) == (7, 0, ["b.jpg", "e.png"])
    assert report.rejected[folders[0] / "e.png"].endswith("e.png' is empty (0 bytes); re-export or re-download it")
    assert [record["name"] for record in records(out / "photo")] == [b"a.png", b"c.png", b"d.png", b"more/a.png"]
    assert list(json.loads((out / "photo" / "shards.json").read_text())["rejected"]) == ["b.jpg", "e.png"]
    assert summary(make_shards(folders, out)) == (0, 7, ["b.jpg", "e.png"])


def test_a_rejected_source_is_tried_again_though_the_file_is_the_same(folders, out, monkeypatch):
    """As after installing a decoder."""
    read = records_module.read_image

    def refuse(path, limit):
        if path.name == "b.jpg":
            raise UserError("no decoder")
        return read(path, limit)

    monkeypatch.setattr(records_module, "read_image", refuse)
    assert summary(make_shards(folders, out)) == (7, 0, ["b.jpg"])
    monkeypatch.undo()
    assert summary(make_shards(folders, out)) == (2, 6, [])


def test_a_name_that_no_text_can_hold_is_kept(folders, out):
    name = os.fsdecode(b"\xff.png")
    try:
        write_image(folders[0] / name, picture(50))
    except UserError:
        pytest.skip("this file system has no such names")
    make_shards(folders, out)
    assert b"\xff.png" in [record["name"] for record in records(out / "photo")]
    assert name in {ShardIndex(out / "photo").name(i) for i in range(6)}


def test_two_sources_whose_targets_would_be_one_file_are_two_records(folders, out):
    write_image(folders[0] / "a.jpg", picture(60))
    assert summary(make_shards(folders, out)) == (9, 0, [])


@pytest.mark.parametrize("place", ["photo", "foreign"])
def test_shards_go_into_a_folder_of_their_own(folders, tmp_path, place):
    out = folders[0].parent if place == "photo" else tmp_path
    if place == "foreign":
        (tmp_path / "photo").mkdir()
        (tmp_path / "photo" / "notes.txt").write_text("mine")
    before = digests(tmp_path)
    with pytest.raises(UserError, match=r"would go to '.*photo', where '(a.png|notes.txt)' lies; name an empty folder"):
        make_shards(folders, out)
    assert digests(tmp_path) == before


def test_what_cannot_be_written_is_one_line(folders, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"file/photo.*cannot be written \(Not a directory\)") as caught:
        make_shards(folders, tmp_path / "file")
    assert "\n" not in str(caught.value)


def test_missing_sources_and_senseless_numbers_are_named_before_anything_is_made(folders, out):
    with pytest.raises(UserError, match="nowhere' does not exist"):
        make_shards((folders[0], folders[1] / "nowhere"), out)
    with pytest.raises(UserError, match="a shard is to hold 0 pictures; give at least 1"):
        make_shards(folders, out, size=0)
    with pytest.raises(UserError, match="jobs is 0"):
        on_this_machine(0)
    assert not out.exists()


def test_memory_does_not_grow_with_the_pictures_of_a_shard(folders, tmp_path):
    pictures = 27
    size = 128 * 128 * 3

    def peak(count):
        photos = tmp_path / f"{count}"
        write_image(photos / "00.png", picture(1, 128))
        for i in range(1, count):
            os.link(photos / "00.png", photos / f"{i:02d}.png")
        tracemalloc.start()
        make_shards((photos, folders[1]), tmp_path / f"shards{count}", engine, size=100)
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(2)  # what is loaded once
    assert peak(3 + pictures) < peak(3) + pictures * size / 10


def test_an_index_of_100000_pictures_takes_a_megabyte(tmp_path):
    total, size = 100, 1000
    for number in range(total):
        path = shard_path(tmp_path, number, total)
        path.write_bytes(b"")
        names = [f"{i:020d}.jpg" for i in range(size)]
        write_json(path.with_suffix(".json"), {"bytes": 0, "names": names, "offsets": list(range(0, size * 400, 400))})
    write_summary(tmp_path, total, total * size, {"stages": {}})
    tracemalloc.start()
    index = ShardIndex(tmp_path)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(index) == 100_000
    assert held < 1_000_000
    assert index.place(99_999) == (shard_path(tmp_path, 99, 100), 999 * 400)
    assert index.place(1000) == (shard_path(tmp_path, 1, 100), 0)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_killed_run_is_finished_by_the_next(folders, out, tmp_path):
    for i in range(20):
        write_image(folders[0] / f"more/{i}.png", picture(i, 64))
    make_shards(folders, tmp_path / "whole", style=load_style("demo"))
    script = tmp_path / "run.py"
    script.write_text(
        "import sys\nfrom pathlib import Path\nfrom animegan3_tf.styles import load_style\n"
        "from animegan3_tf.data.shards import on_this_machine, prepare_shards, style_shards\n"
        "if __name__ == '__main__':\n"
        "    folders = style_shards(load_style('demo'), *map(Path, sys.argv[1:]))\n"
        "    prepare_shards(folders, on_this_machine(2), 2, lambda *step: print(*step, flush=True))\n"
    )
    command = [sys.executable, str(script), *map(str, (*folders, out))]
    run = subprocess.Popen(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.getcwd()})
    run.stdout.readline()
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=20)  # ends only when the workers, which share the pipe, are gone as well
    with pytest.raises(UserError, match="not whole"):
        ShardIndex(out / "photo")
    make_shards(folders, out, style=load_style("demo"))
    assert digests(out) == digests(tmp_path / "whole")
