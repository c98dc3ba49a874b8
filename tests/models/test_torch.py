import io
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile

import numpy as np
import pytest
from helpers.golden import golden
from hypothesis import given, settings
from hypothesis import strategies as st

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.torch import TorchFile

CONTAINERS = ("zip.pt", "legacy.pt")
STATE_DICTS = ("state_dict_zip.pth", "state_dict_legacy.pth", "data_parallel.pth")


def torch_golden(name):
    return golden("baselines", "torchfile", name)


def expected_arrays(name="expected.npz"):
    with np.load(torch_golden(name)) as file:
        return {key: file[key] for key in file.files}


def assert_same(ours, expected):
    assert ours.dtype == expected.dtype
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_value_of_both_containers_is_what_pytorch_saved(container):
    """Transposed, sliced, repeated and empty views, scalars, every dtype, a Parameter, a NumPy array, options."""
    expected = expected_arrays()
    plain = {name: expected.pop(name) for name in ("opts/output_size", "opts/lr", "opts/label_nc", "iteration")}
    with TorchFile(torch_golden(container)) as file:
        assert file.arrays.keys() == expected.keys()
        for name, array in expected.items():
            assert file.arrays.shape(name) == array.shape
            assert_same(file.arrays[name], array)
        options = file.contents["opts"]
        assert {f"opts/{name}": options[name] for name in ("output_size", "lr", "label_nc")} == {
            name: value for name, value in plain.items() if name != "iteration"
        }
        assert file.contents["iteration"] == plain["iteration"]
        assert file.contents["size"] == (1, 2)
        assert options["names"] == ["a", ("b", 2)]
        assert options["set"] == {1, 2}


@pytest.mark.parametrize("container", CONTAINERS)
def test_the_averaged_generator_is_found_in_its_wrapper(container):
    expected = expected_arrays()
    with TorchFile(torch_golden(container)) as file:
        weights = file.state_dict()
        assert {f"g_ema/{name}" for name in weights} == {name for name in expected if name.startswith("g_ema/")}
        assert_same(weights["bn.num_batches_tracked"], expected["g_ema/bn.num_batches_tracked"])


@pytest.mark.parametrize("name", STATE_DICTS)
def test_state_dicts_lose_the_prefix_of_data_parallel(name):
    expected = expected_arrays()
    with TorchFile(torch_golden(name)) as file:
        weights = file.state_dict()
        assert weights.keys() == {key[len("g_ema/") :] for key in expected if key.startswith("g_ema/")}
        for key in weights:
            assert_same(weights[key], expected[f"g_ema/{key}"])


def test_a_file_with_an_optimiser_wants_the_name_of_its_network():
    expected = expected_arrays()
    with TorchFile(torch_golden("with_optimiser.pt")) as file:
        with pytest.raises(UserError, match=r"holds no weights; it holds 'g', 'g_optim', 'ada_aug_p'"):
            file.state_dict()
        with pytest.raises(UserError, match=r"no weights in 'd'; it holds 'g'"):
            file.state_dict("d")
        # one step of Adam with a rate of 0.001 away from the others
        step = np.abs(file.state_dict("g")["lin.weight"] - expected["g_ema/lin.weight"])
        np.testing.assert_allclose(step, 0.001, rtol=1e-3)
        assert file.arrays["g_optim/state/0/exp_avg"].shape == expected["g_ema/conv.weight"].shape


def test_a_published_file_of_2018():
    expected = expected_arrays("lpips_vgg_v0.1_expected.npz")
    with TorchFile(torch_golden("lpips_vgg_v0.1_legacy.pth")) as file:
        weights = file.state_dict()
        assert weights.keys() == expected.keys()
        for name, array in expected.items():
            assert_same(weights[name], array)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hostile_zip.pt", "names '__builtin__ eval'"),
        ("hostile_legacy.pt", "names '__builtin__ eval'"),
        ("whole_module.pth", r"names 'torch\.nn\.modules\.container Sequential'.*save the state_dict alone"),
        ("truncated_zip.pt", "not a zip file"),
        ("truncated_legacy.pt", "ends in the middle"),
        ("short_storage.pth", "storage '0' has 4 bytes, not 432"),
        ("old_tar.pth", "a tar file, as PyTorch wrote before 2017; load it with PyTorch and save it again"),
    ],
)
def test_files_that_must_be_refused(name, message, capfd):
    with pytest.raises(UserError, match=message) as refused:
        TorchFile(torch_golden(name))
    assert name in str(refused.value)
    assert "\n" not in str(refused.value)
    assert "PWNED" not in "".join(capfd.readouterr())  # what the hostile files would print
    assert "torch" not in sys.modules


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "neither a zip file nor a stream"),
        (b"GIF89a", "neither a zip file nor a stream"),
        (pickle.dumps({"weights": [1.0]}, 2), "a pickle, but not a stream of PyTorch"),
        (b"PK\x03\x04", "zip container"),
    ],
)
def test_other_files(tmp_path, data, message):
    (tmp_path / "x.pt").write_bytes(data)
    with pytest.raises(UserError, match=rf"x\.pt.*{message}"):
        TorchFile(tmp_path / "x.pt")


def test_a_file_that_is_absent(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.pt' cannot be read: No such file"):
        TorchFile(tmp_path / "nowhere.pt")


def tensor_pickle(shape=(2, 2), strides=(2, 1), offset=0, count=4, key="0", more=b""):
    """A dictionary {"w": tensor} as PyTorch spells it, with any numbers."""

    def number(value):
        data = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True) if value else b""
        return b"\x8a" + bytes([len(data)]) + data

    def text(value):
        return b"X" + struct.pack("<I", len(value)) + value.encode()

    storage = b"(" + text("storage") + b"ctorch\nFloatStorage\n" + text(key) + text("cpu") + number(count) + b"tQ"
    sides, steps = (b"(" + b"".join(map(number, numbers)) + b"t" for numbers in (shape, strides))
    hooks = b"ccollections\nOrderedDict\n)R"
    tensor = (
        b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + number(offset) + sides + steps + b"\x89" + hooks + b"tR"
    )
    return b"\x80\x02}(" + text("w") + tensor + more + b"u."


def zipped(data, storages, method=zipfile.ZIP_STORED, **entries):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("any/data.pkl", data)
        for name, content in entries.items():
            archive.writestr(f"any/{name}", content)
        for key, content in storages.items():
            archive.writestr(f"any/data/{key}", content)
    return io.BytesIO(file.getvalue())


FOUR = np.arange(4, dtype="<f4").tobytes()


def test_a_zip_by_hand():
    with TorchFile(zipped(tensor_pickle(), {"0": FOUR}, byteorder=b"little"), "hand.pt") as file:
        np.testing.assert_array_equal(file.arrays["w"], [[0, 1], [2, 3]])


def test_torchscript_is_its_modules_by_name_and_its_code_is_left():
    """A module of TorchScript is a class `__torch__....`; its code may be compressed."""
    padding = b"X\x07\0\0\0paddingctorch.jit._pickle\nbuild_intlist\n](K\x00K\x03e\x85R"
    inner = b"c__torch__.net\nConv\n)\x81" + tensor_pickle(more=padding)[2:-1] + b"b"
    outer = b"\x80\x02c__torch__.net\nNet\n)\x81}X\x04\0\0\0conv" + inner + b"sb."
    with zipfile.ZipFile(content := io.BytesIO(), "w") as archive:
        archive.writestr("any/data.pkl", outer)
        archive.writestr("any/data/0", FOUR)
        archive.writestr("any/code/__torch__/net.py", b"class Net: ...\n" * 50, zipfile.ZIP_DEFLATED)
    with TorchFile(content, "script.pt") as file:
        assert list(file.arrays) == ["conv/w"]
        np.testing.assert_array_equal(file.arrays["conv/w"], [[0, 1], [2, 3]])
        assert file.contents["conv"]["padding"] == [0, 3]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"shape": (2, 3), "strides": (3, 1)}, "ends at number 5 of a storage of 4"),
        ({"offset": 1}, "ends at number 4 of a storage of 4"),
        ({"offset": -1}, "at -1"),
        ({"strides": (-2, 1)}, r"strides \(-2, 1\)"),
        ({"strides": (1,)}, r"strides \(1,\)"),
        ({"shape": (10**6, 10**6), "strides": (0, 0)}, "repeats a storage of 4 numbers"),
        ({"shape": (10**400, 1), "strides": (0, 1)}, "repeats a storage"),
        ({"shape": (0,), "strides": (1,), "offset": 9}, "ends at number 8"),
        ({"count": 10**15}, "has 16 bytes, not 4000000000000000"),
        ({"count": -4}, "without a type, key or size"),
        ({"key": "7"}, "lacks storage '7'"),
    ],
)
def test_sizes_are_checked_before_anything_is_read(values, message):
    with pytest.raises(UserError, match=message):
        TorchFile(zipped(tensor_pickle(**values), {"0": FOUR}), "hand.pt")


def test_zips_that_pytorch_does_not_write():
    for file, message in (
        (zipped(tensor_pickle(), {"0": bytes(10**6)}, zipfile.ZIP_DEFLATED), "compressed"),
        (zipped(tensor_pickle(), {"0": FOUR}, byteorder=b"big"), "big-endian"),
        (
            zipped(tensor_pickle(more=b"X\x01\x00\x00\x00xcos\nsystem\nX\x02\x00\x00\x00ls\x85R"), {"0": FOUR}),
            "os system",
        ),
    ):
        with pytest.raises(UserError, match=message):
            TorchFile(file, "hand.pt")
    with zipfile.ZipFile(two := io.BytesIO(), "w") as archive:
        archive.writestr("a/data.pkl", tensor_pickle())
        archive.writestr("b/data.pkl", tensor_pickle())
    with pytest.raises(UserError, match="2 entries data"):
        TorchFile(two, "hand.pt")


def test_a_value_that_holds_itself_is_refused():
    with pytest.raises(UserError, match="nested without end"):
        TorchFile(zipped(b"\x80\x02}q\x00X\x01\x00\x00\x00ah\x00s.", {}), "hand.pt")


def test_a_value_that_doubles_again_and_again_costs_no_more_than_its_bytes():
    doubling = b"\x80\x02]q\x00" + b"".join(b"h%c\x86q%c" % (i, i + 1) for i in range(60)) + b"."
    with TorchFile(zipped(doubling, {}), "hand.pt") as file:  # 2**60 lists, written out
        assert len(file.contents) == 2
        assert len(file.arrays) == 0


def outcome(data):
    """The arrays of a file, or None where it is refused; anything but a UserError of one line fails the test."""
    tracemalloc.start()
    try:
        with TorchFile(io.BytesIO(data), "mutated.pt") as file:
            arrays, refused = dict(file.arrays), ""
    except UserError as error:
        refused = str(error)
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert peak < 8e6  # a whole file takes 2e6; its size is 9e3
    assert "\n" not in refused
    return None if refused else arrays


@pytest.mark.parametrize("container", CONTAINERS)
def test_a_file_cut_anywhere_is_refused(container):
    data = torch_golden(container).read_bytes()
    for end in [*range(0, len(data), 97), *range(len(data) - 30, len(data))]:
        assert outcome(data[:end]) is None


@pytest.mark.parametrize("container", CONTAINERS)
@settings(max_examples=150, deadline=None)
@given(draws=st.data())
def test_changed_bytes_are_refused_or_harmless(container, draws):
    """A zip has checksums, so what is read is right; a stream has none, so only its shapes can be."""
    data = bytearray(torch_golden(container).read_bytes())
    for _ in range(draws.draw(st.integers(1, 3))):
        data[draws.draw(st.integers(0, len(data) - 1))] = draws.draw(st.integers(0, 255))
    arrays = outcome(bytes(data))
    if arrays is not None and container == "zip.pt":
        for name, expected in expected_arrays().items():
            if name in arrays:
                assert_same(arrays[name], expected)
        assert len(arrays) == 26


@settings(max_examples=100, deadline=None)
@given(data=st.binary(max_size=300), start=st.sampled_from([b"", b"\x80\x02", b"PK\x03\x04"]))
def test_noise_is_refused(data, start):
    assert outcome(start + data) is None


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no named pipes in folders")
def test_a_pipe_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "g.pt")
    with pytest.raises(UserError, match=r"g\.pt' is not a regular file"):
        TorchFile(tmp_path / "g.pt")


def test_whatever_the_readers_raise_is_one_line():
    class Full(io.BytesIO):
        def read(self, *_):
            raise MemoryError

    with pytest.raises(UserError, match=r"^PyTorch file 'full\.pt' is damaged: MemoryError; fetch it again$"):
        TorchFile(Full(), "full.pt")
