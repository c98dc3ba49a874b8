import hashlib
import json
import os
import re
import sys

import h5py
import numpy as np
import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.models import array_file
from animegan3_tf.models.weights_file import (
    FORMAT,
    MAGIC,
    describe_weights,
    read_header,
    read_weights,
    warning_of,
    write_weights,
)

ARRAYS = {"a/kernel": np.arange(6, dtype=np.float32).reshape(2, 3), "a/b/step": np.int64(7)}


def test_round_trip(tmp_path):
    path = tmp_path / "new" / "g.h5"
    write_weights(path, {"style": "hayao", "seen": [1, 2]}, ARRAYS)
    header, arrays = read_weights(path)
    assert header == read_header(path) == {"format": FORMAT, "style": "hayao", "seen": [1, 2]}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)
    write_weights(path, header, {})  # what was read can be written
    assert read_weights(path) == (header, {})


def test_permissions_follow_the_umask(tmp_path):
    before = os.umask(0o027)
    try:
        write_weights(tmp_path / "g.h5", {}, ARRAYS)
    finally:
        os.umask(before)
    assert (tmp_path / "g.h5").stat().st_mode & 0o777 == 0o640


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    write_weights(tmp_path / "g.h5", {"step": 1}, ARRAYS)
    with pytest.raises(TypeError):
        write_weights(tmp_path / "g.h5", {"step": 2}, {**ARRAYS, "stray": object()})
    assert read_header(tmp_path / "g.h5")["step"] == 1
    assert os.listdir(tmp_path) == ["g.h5"]


@pytest.mark.parametrize("read", [read_header, read_weights])
def test_other_files_are_refused(tmp_path, read):
    with pytest.raises(UserError, match="does not exist"):
        read(tmp_path / "none.h5")
    (tmp_path / "text.h5").write_text("not weights")
    with pytest.raises(UserError, match="is not a weights file"):
        read(tmp_path / "text.h5")
    for name, header, words in (
        ("other", '{"format": "something 9"}', "in format 'something 9'"),
        ("bare", "{}", "is not a weights file"),
        ("list", "[1]", "is not a weights file"),
        ("number", 3, "is not a weights file"),
        ("no_json", "{", "is not a weights file"),
    ):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file.attrs["header"] = header
        with pytest.raises(UserError, match=words):
            read(tmp_path / f"{name}.h5")


def test_a_flipped_bit_is_told_wherever_it_lies(tmp_path):
    path = tmp_path / "g.h5"
    write_weights(path, {"step": 7}, ARRAYS)
    whole = path.read_bytes()
    for place in (0, len(MAGIC), len(MAGIC) + 40, len(whole) // 2, whole.find(ARRAYS["a/kernel"].tobytes()) + 1):
        data = bytearray(whole)
        data[place] ^= 1 << 6
        path.write_bytes(data)
        for read in (read_header, read_weights, describe_weights):
            with pytest.raises(UserError, match=r"g\.h5'.* damaged"):
                read(path)
    path.write_bytes(whole[:-1])
    with pytest.raises(UserError, match="cut short"):
        read_weights(path)
    path.write_bytes(whole)
    assert describe_weights(path)["checksum"] == "its own"
    assert warning_of(path) is None


def unsealed(path, header=None, **arrays):
    """Writes a file as older versions did."""
    with h5py.File(path, "w") as file:
        file.attrs["header"] = json.dumps({"format": FORMAT, **(header or {})})
        for name, array in arrays.items():
            file[name] = array
    return path


def test_older_files_are_read_with_a_warning(tmp_path):
    path = unsealed(tmp_path / "old.h5", {"step": 3}, w=np.arange(3.0))
    header, arrays = read_weights(path)
    assert header["step"] == 3
    np.testing.assert_array_equal(arrays["w"], [0, 1, 2])
    assert describe_weights(path)["checksum"].startswith("none")
    assert re.fullmatch(r"weights '.*old\.h5' have no checksum.*", warning_of(path))


@pytest.mark.parametrize("kind", ["sealed", "older"])
def test_a_list_of_checksums_beside_the_file_counts(tmp_path, kind):
    path = tmp_path / "g.h5"
    if kind == "sealed":
        write_weights(path, {}, ARRAYS)
    else:
        unsealed(path, w=np.zeros(3))
    sums = tmp_path / "SHA256SUMS"
    sums.write_text(f"{'0' * 64}  other.h5\n{hashlib.sha256(path.read_bytes()).hexdigest()}  g.h5\n")
    assert describe_weights(path)["checksum"] == "that of SHA256SUMS"
    assert warning_of(path) is None
    sums.write_text(f"{'0' * 64}  g.h5\n")
    with pytest.raises(UserError, match=r"g\.h5' is not the file that SHA256SUMS beside it lists"):
        read_weights(path)
    sums.write_bytes(b"\xff no list\n")
    read_weights(path)


def external(file):
    file.create_dataset("x", (4,), "f4", external=[(os.devnull, 0, 16)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("elsewhere.h5", "x", (4,))
    file.create_virtual_dataset("x", layout)


def nested(file):
    file["/".join("a" * 40)] = np.zeros(1)


def cycle(file):
    file["a/b"] = np.zeros(1)
    file["a/c"] = file["a"]


def many_headers(file):
    file.attrs["header"] = np.array([file.attrs["header"]] * 3, h5py.string_dtype())


def nested_header(file):
    file.attrs["header"] = "[" * 10_000


ODD = {
    "declared": (lambda file: file.create_dataset("x", (10**12,), "f4"), "'x' declares 4,000,000,000,000 bytes"),
    "compressed": (
        lambda file: file.create_dataset("x", data=np.zeros(10**6), compression=9),
        "'x' declares 8,000,000 bytes",
    ),
    "external": (external, "'x' lies in another file"),
    "virtual": (virtual, "'x' lies in another file"),
    "soft link": (lambda file: file.update({"x": h5py.SoftLink("/a")}), "'x' is a link"),
    "external link": (lambda file: file.update({"x": h5py.ExternalLink("other.h5", "/")}), "'x' is a link"),
    "cycle": (cycle, "'a/c' has another name"),
    "nested": (nested, "nested deeper than 16"),
    "text": (lambda file: file.update({"x": "words"}), "'x' holds something else than numbers"),
    "compound": (
        lambda file: file.update({"x": np.zeros(2, [("a", "f4"), ("b", "i4")])}),
        "'x' holds something else than numbers",
    ),
    "opaque": (lambda file: file.update({"x": np.zeros(2, "V7")}), "'x' holds something else than numbers"),
    "reference": (
        lambda file: file.create_dataset("x", data=file.ref, dtype=h5py.ref_dtype),
        "'x' holds something else than numbers",
    ),
    "empty": (lambda file: file.update({"x": h5py.Empty("f4")}), "'x' holds something else than numbers"),
    "type": (lambda file: file.update({"x": np.dtype("f4")}), "'x' is neither a group nor an array"),
    "name": (lambda file: file.update({"x\n\x1b[31m": "words"}), r"'x\\n\\x1b\[31m' holds"),
    "headers": (many_headers, "its header is not one text"),
    "nested header": (nested_header, "nested over 100 levels deep"),
}


@pytest.mark.parametrize("odd", ODD)
def test_what_no_weights_file_holds_is_refused_in_one_line(tmp_path, odd):
    path = unsealed(tmp_path / "odd.h5")
    make, words = ODD[odd]
    with h5py.File(path, "a") as file:
        make(file)
    with pytest.raises(UserError, match=words) as error:
        read_weights(path)
    assert str(error.value).isprintable()


def test_arrays_that_share_bytes_are_refused_before_they_are_read(tmp_path):
    path = unsealed(tmp_path / "odd.h5", **{f"a{number:02}": np.ones(77) for number in range(60)}, z=np.ones(9000))
    data = path.read_bytes()
    for small, large in ((77, 8000), (77 * 8, 8000 * 8)):  # each still ends before the file does
        data = data.replace(small.to_bytes(8, "little"), large.to_bytes(8, "little"))
    path.write_bytes(data)
    with pytest.raises(UserError, match=f"it declares 3,912,000 bytes of arrays, and has {len(data):,}"):
        read_weights(path)


def test_a_file_over_which_hdf5_never_ends_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(array_file, "_DEADLINE", 0.5)
    path = unsealed(tmp_path / "loop.h5", w=np.zeros(1000))
    data = bytearray(path.read_bytes())
    data[data.index(b"GCOL") + 8] = 0xE7  # the heap's size: its last object has no room for a size of its own
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"loop\.h5' is damaged: HDF5 reads in it without end"):
        read_weights(path)


@pytest.mark.skipif(os.name != "posix", reason="its stand-in for HDF5 is a shell script")
def test_a_file_over_which_hdf5_crashes_is_refused(tmp_path, monkeypatch):
    (tmp_path / "python").write_text("#!/bin/sh\necho\nkill -SEGV $$\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    with pytest.raises(UserError, match=r"old\.h5' is damaged: HDF5 crashes over it"):
        read_weights(unsealed(tmp_path / "old.h5"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "g.h5")
    with pytest.raises(UserError, match=r"g\.h5' is not a weights file"):
        read_weights(tmp_path / "g.h5")
