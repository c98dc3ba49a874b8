import os

import h5py
import numpy as np
import pytest

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.weights_file import FORMAT, read_header, read_weights, write_weights

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


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "g.h5"
    write_weights(path, {}, ARRAYS)
    path.write_bytes(path.read_bytes().replace(b"HEAP", b"LEAP"))  # HDF5's tables of names
    with pytest.raises(UserError, match=r"g\.h5' is not a weights file of animegan3_tf, or it is damaged"):
        read_weights(path)
