import json
import os
import signal
import sqlite3
import subprocess
import sys
import tracemalloc

import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import fcntl
from animegan3_tf.data.manifest import JOURNAL, TARGETS, Manifest, write_entries

RECORD = {"target_sha256": "ab" * 32, "n": 1}
ENTRIES = [("l0", "a.png", RECORD), ("l0", "caf\udce9.png", "broken\nby far"), ("smooth", "a.png", RECORD)]


@pytest.fixture
def killed(tmp_path):
    """A folder whose journal alone holds ENTRIES; its process was killed."""
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from animegan3_tf.data.manifest import TARGETS, Manifest\n"
        "with Manifest(Path(sys.argv[1]), TARGETS) as manifest:\n"
        f"    for entry in {ENTRIES!r}:\n        manifest.write([entry])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    assert subprocess.run(command, env={**os.environ, "PYTHONPATH": os.getcwd()}).returncode == -signal.SIGKILL
    assert not (tmp_path / "manifest.json").exists()
    return tmp_path


def test_the_files_are_written_at_the_end_and_the_journal_goes(tmp_path):
    with Manifest(tmp_path, TARGETS) as manifest:
        manifest.write(ENTRIES)
        assert list(manifest.entries()) == ENTRIES
        assert list(manifest.names("l0")) == ["a.png", "caf\udce9.png"]
    assert json.loads((tmp_path / "manifest.json").read_text()) == {
        part: {"a.png": RECORD} for part in ("l0", "smooth")
    }
    assert json.loads((tmp_path / "rejected.json").read_text()) == {"l0": {"caf\udce9.png": "broken\nby far"}}
    assert sorted(os.listdir(tmp_path)) == ["manifest.json", "rejected.json"]
    with Manifest(tmp_path, TARGETS) as manifest:
        assert list(manifest.entries()) == ENTRIES


def test_where_nothing_changes_nothing_is_written(tmp_path):
    with Manifest(tmp_path, TARGETS) as manifest:
        manifest.write(ENTRIES)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    with Manifest(tmp_path, TARGETS) as manifest:
        assert manifest.get("l0", "a.png") == RECORD
        assert manifest.get("l0", "b.png") is None
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_names_are_sorted_as_python_sorts_them(tmp_path):
    names = sorted(["a", "B", "\udcff", "é", "\U0001f600", "\uffff", "a b", "a\nb"])
    with Manifest(tmp_path, TARGETS) as manifest:
        manifest.write(("l0", name, RECORD) for name in reversed(names))
        assert list(manifest.names("l0")) == names


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_what_a_killed_process_wrote_is_taken_over(killed):
    with Manifest(killed, TARGETS) as manifest:
        assert list(manifest.entries()) == ENTRIES
    assert sorted(os.listdir(killed)) == ["manifest.json", "rejected.json"]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_a_journal_with_a_torn_end_keeps_what_was_whole(killed):
    log = killed / f"{JOURNAL}-wal"
    with open(log, "r+b") as file:  # the last pages of the log, as a power cut may leave them
        file.seek(-100, os.SEEK_END)
        file.write(b"\xff" * 100)
    with Manifest(killed, TARGETS) as manifest:
        assert list(manifest.entries()) == ENTRIES[:2]


def test_changes_are_made_together_or_not_at_all(tmp_path):
    def entries():
        yield ENTRIES[0]
        raise UserError("no more")

    with Manifest(tmp_path, TARGETS) as manifest:
        manifest.write(ENTRIES[2:])
        with pytest.raises(UserError, match="no more"):
            manifest.write(entries(), gone=[("smooth", "a.png")])
        assert list(manifest.entries()) == ENTRIES[2:]


@pytest.mark.skipif(fcntl is None, reason="this system has no such locks")
def test_a_second_run_is_refused(tmp_path):
    with Manifest(tmp_path, TARGETS) as manifest:
        manifest.write(ENTRIES)
        with pytest.raises(UserError, match="being prepared already; wait"), Manifest(tmp_path, TARGETS):
            pass
        assert list(manifest.entries()) == ENTRIES


def test_a_second_run_is_refused_where_folders_cannot_be_locked(tmp_path, monkeypatch):
    monkeypatch.setattr("animegan3_tf.common.files.fcntl", None)
    with Manifest(tmp_path, TARGETS) as manifest:
        manifest.write(ENTRIES)
        with pytest.raises(UserError, match="being prepared already; wait"), Manifest(tmp_path, TARGETS):
            pass
        assert list(manifest.entries()) == ENTRIES


class NoSharedMemory(sqlite3.Connection):
    """A database on a file system that knows only rollback journals."""

    def execute(self, query, *arguments):
        if "WAL" in query:
            raise sqlite3.OperationalError("disk I/O error")
        return super().execute(query, *arguments)


def test_a_rollback_journal_will_do(tmp_path, monkeypatch):
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **named: connect(*args, factory=NoSharedMemory, **named))
    with Manifest(tmp_path, TARGETS) as manifest:
        manifest.write(ENTRIES)
        assert not (tmp_path / f"{JOURNAL}-wal").exists()
    with Manifest(tmp_path, TARGETS) as manifest:
        assert list(manifest.entries()) == ENTRIES
    assert sorted(os.listdir(tmp_path)) == ["manifest.json", "rejected.json"]


def write(folder, entries=ENTRIES, pages=None, error=None):
    """Writes two times, and then raises an error; with `pages`, the disk has room for so many."""
    with Manifest(folder, TARGETS) as manifest:
        manifest.write(ENTRIES)
        if pages:
            manifest._database.execute(f"PRAGMA max_page_count = {pages}")
        manifest.write(entries)
        if error:
            raise error


def test_a_full_disk_is_named_and_the_next_run_goes_on(tmp_path):
    many = (("l0", f"{i}.png", RECORD) for i in range(10_000))
    with pytest.raises(UserError, match=r"manifest.sqlite' cannot be written \(database or disk is full\)"):
        write(tmp_path, many, pages=3)
    with Manifest(tmp_path, TARGETS) as manifest:
        assert list(manifest.entries()) == ENTRIES


@pytest.mark.parametrize("error", [None, KeyboardInterrupt()])
def test_records_stay_in_the_journal_when_the_files_cannot_be_written(tmp_path, monkeypatch, error):
    def full(*_):
        raise UserError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr("animegan3_tf.data.manifest.write_entries", full)
        with pytest.raises(type(error) if error else UserError):  # the first error is the one that is raised
            write(tmp_path, error=error)
    assert os.listdir(tmp_path) == [JOURNAL]
    with Manifest(tmp_path, TARGETS) as manifest:
        assert list(manifest.entries()) == ENTRIES


def test_where_nothing_may_be_written_records_can_be_read(tmp_path, monkeypatch):
    write_entries(tmp_path / "manifest.json", ENTRIES[::2])

    def refuse(path, mode="r", **named):
        if mode == "ab":
            raise PermissionError(13, "Permission denied")
        return open(path, mode, **named)

    monkeypatch.setattr("animegan3_tf.data.manifest.open", refuse, raising=False)
    with Manifest(tmp_path, TARGETS) as manifest:
        assert list(manifest.entries()) == ENTRIES[::2]
        with pytest.raises(UserError, match=r"manifest.json' cannot be written \(Permission denied\)"):
            manifest.write(ENTRIES)
    assert os.listdir(tmp_path) == ["manifest.json"]


def test_memory_does_not_grow_with_the_records(tmp_path):
    def peak(count):
        tracemalloc.start()
        folder = tmp_path / str(count)
        for _ in range(2):  # written anew, then read
            with Manifest(folder, TARGETS) as manifest:
                manifest.write(("l0", f"{i:06d}.png", {**RECORD, "n": i}) for i in range(count))
                assert sum(1 for _ in manifest.entries()) == count
        top = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return top

    peak(10)  # what is loaded once
    assert peak(8_000) < peak(2_000) + 100_000
