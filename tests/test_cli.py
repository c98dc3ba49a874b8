import json
import subprocess
import sys

import numpy as np
import pytest
from helpers.prepared_folders import digests
from helpers.tiny_training import TINY_TOML, write_pictures

from animegan3_tf import __version__
from animegan3_tf.common.images import read_image
from animegan3_tf.models.weights_file import read_header, write_weights
from animegan3_tf.training.run import RunConfiguration


@pytest.fixture
def data(tmp_path):
    """Four photos, four anime pictures, and a recipe of one's own, `tiny.toml`."""
    write_pictures(tmp_path / "photo", 4)
    write_pictures(tmp_path / "tiny" / "style", 4, first=10)
    (tmp_path / "tiny.toml").write_text(TINY_TOML)
    return tmp_path


def recipe(data):
    return "--style", data / "tiny.toml", "--data", data


def python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def check_one_line(result):
    status, _, errors = result
    assert status == 1
    assert errors.startswith("animegan3: ")
    assert errors.count("\n") == 1
    assert errors.endswith("\n")


def test_help_loads_no_tensorflow():
    result = python(
        "import sys, animegan3_tf, animegan3_tf.cli\n"
        "try: animegan3_tf.cli.main()\n"
        "except SystemExit as end: status = end.code\n"
        "heavy = ('tensorflow', 'keras', 'cv2', 'skimage', 'h5py', 'numpy', 'pydantic', 'jinja2')\n"
        "print(status, [m for m in heavy if m in sys.modules], file=sys.stderr)",
        "--help",
    )
    assert result.stderr == "0 []\n"
    for command in ("prepare", "train", "stylize", "export", "import", "demo"):
        assert command in result.stdout


@pytest.mark.slow
@pytest.mark.parametrize("closed", [">&-", "2>&-"])
def test_a_closed_stream_does_not_stop_tensorflow_from_loading(closed):
    code = "from animegan3_tf.common.console import quiet_tensorflow; quiet_tensorflow(); import tensorflow"
    assert subprocess.run(["sh", "-c", f'"{sys.executable}" -c "{code}" {closed}'], timeout=120).returncode == 0


@pytest.mark.slow
def test_errors_are_one_line_of_a_real_process_too(data):
    """With what TensorFlow, Addons and their libraries write to stderr when they load."""
    code = "from animegan3_tf.cli import main; main()"
    result = python(code, "train", *recipe(data), "--out", data / "run", "--perceptual", f"vgg19:{data}/none.h5")
    check_one_line((result.returncode, result.stdout, result.stderr))
    assert "none.h5' do not exist; download https://" in result.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--precision", "int4"), "--precision 'int4' is unknown; choose from float32,float16,dynamic,int8"),
        (("--size", "256,100"), "--size is 100; it must be a multiple of 8"),
        (("--size", "big"), "--size 'big' is not a number"),
        (("--precision", "int8"), "--calibrate DIR"),
        (("--precision", "int8", "--calibrate", "."), "--calibrate '.' holds no photos"),
        ((), "'model.h5' is not a weights file"),
    ],
)
def test_what_export_refuses(call, tmp_path, monkeypatch, options, words):
    from animegan3_tf.models.weights import save_generator
    from animegan3_tf.networks import build_generator

    monkeypatch.chdir(tmp_path)
    if "." in options or "256,100" in options:  # refused after a look at the weights
        save_generator("model.h5", build_generator(tails="main"))
    else:
        (tmp_path / "model.h5").write_bytes(b"no weights")
    status, out, errors = result = call("export", "model.h5", "-o", "out", *options)
    told = [line for line in errors.splitlines(keepends=True) if "skipped 1 file" not in line]  # the weights, in "."
    check_one_line((status, out, "".join(told)))
    assert words in result[2]
    assert not (tmp_path / "out").exists()


def test_info_prints_a_line_a_fact_or_json(call, tmp_path):
    write_weights(tmp_path / "a.h5", {"style": "tiny", "resize": "legacy"}, {"a": np.zeros(3)})
    status, out, _ = call("info", tmp_path / "a.h5")
    assert status == 0
    assert ["resize", "legacy"] in [line.split() for line in out.splitlines()]
    assert json.loads(call("info", tmp_path / "a.h5", "--json")[1])["style"] == "tiny"


def test_version(call):
    assert call("--version") == (0, f"animegan3_tf {__version__}\n", "")


@pytest.mark.parametrize("command", ["prepare", "inspect", "train", "stylize", "export", "import", "evaluate", "demo"])
def test_every_command_explains_itself(call, command):
    status, out, _ = call(command, "--help")
    assert status == 0
    assert "--out" in out or command in ("prepare", "inspect")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--style", "monet"), "style 'monet' is not known; choose"),
        (("--style", "nowhere.toml"), "'nowhere.toml' cannot be read"),
        (("--photos", "nowhere"), "photos are missing: 'nowhere' is not a folder; put them there or give --photos DIR"),
        (("--anime", "nowhere"), "tiny images are missing: 'nowhere' is not a folder"),
        (("--set", "loss.identity"), "--set 'loss.identity' has no '='"),
        (("--set", "loss.identty=1"), "setting 'loss.identty' is not known"),
        (("--set", "loss.identity=much"), "loss.identity is 'much'; it must be a number"),
        (("--set", "train.batch_size=0"), "train.batch_size is 0"),
        (("--image-size", "20"), "data.image_size is 20; it must be a multiple of 8"),
        (("--steps", "3", "--pretrain-steps", "4"), "--pretrain-steps is 4, --steps 3; give from 0 to 3"),
        (("--steps", "-1"), "--steps is -1; give at least 1"),
        (("--seed", "-1"), "--seed is -1"),
        (("--log-every", "0"), "--log-every is 0"),
        (("--perceptual", "alexnet"), "perceptual network 'alexnet' is not known; give vgg19"),
        (("--perceptual", "vgg19:nowhere.h5"), "'nowhere.h5' do not exist"),
        (("--perceptual", "resnet18:nowhere.npz"), "'tiny' has no loss weights for resnet18"),
        (("--resume",), "is not a run folder: it has no config.json"),
        (("--samples", "nowhere"), "'nowhere' is not a folder"),
        (("--keep", "0"), "--keep is 0; it must be at least 1"),
        (("--keep-every", "-1"), "--keep-every is -1"),
        (("--init", "nowhere.h5"), "--init 'nowhere.h5' cannot be used"),
        (("--init", "tiny.toml"), "'tiny.toml' is not a weights file"),
        (("--init", "tiny.toml", "--resume"), "--init is for a new run, --resume goes on with one"),
        (("--override",), "--override is for --resume"),
    ],
)
def test_what_train_refuses(call, data, monkeypatch, options, words):
    monkeypatch.chdir(data)
    result = call("train", *recipe(data), "--out", "run", *options)
    check_one_line(result)
    assert words in result[2]


def test_a_dry_run_prints_what_would_run_and_leaves_nothing(call, data):
    before = digests(data)
    status, out, errors = call(
        "train", *recipe(data), "--out", data / "run", "--dry-run", "--image-size", "32", "--set", "loss.color.yuv=7",
        "--batch-size", "4", "--perceptual", "random", "--seed", "9",
    )  # fmt: skip
    assert (status, errors) == (0, "")
    values = json.loads(out)
    assert values["version"] == __version__
    assert values["photos"] == str(data / "photo")
    assert values["anime"] == str(data / "tiny" / "style")
    assert (values["steps"], values["pretrain_steps"], values["seed"]) == (100, 5, 9)  # 100 and 5 epochs of one step
    assert values["style"]["name"] == "tiny"
    assert values["style"]["data"]["image_size"] == 32
    assert values["style"]["train"]["batch_size"] == 4
    assert values["style"]["loss"]["color"] == {"yuv": 7.0, "lab": 10.0}
    assert digests(data) == before


def test_a_run_that_goes_on_keeps_what_is_not_given(call, data, tmp_path):
    places = ("--photos", data / "photo", "--anime", data / "tiny" / "style")
    options = "--image-size 32 --perceptual random --keep 5 --seed 9 --steps 4 --sample-every 2".split()  # noqa: SIM905
    run = tmp_path / "run"
    _, out, _ = call("train", "--style", "demo", *places, "--out", run, "--dry-run", *options)
    run.mkdir()
    (run / "config.json").write_text(out)
    status, again, _ = call("train", "--style", "demo", "--out", run, "--resume", "--dry-run", "--keep-every", "3")
    assert status == 0
    assert json.loads(again) == {**json.loads(out), "keep_every": 3}
    _, other, _ = call("train", "--style", "demo", "--out", run, "--resume", "--dry-run", "--batch-size", "6")
    assert json.loads(other)["style"]["train"]["batch_size"] == 6
    assert json.loads(other)["style"]["data"]["image_size"] == 32


def test_nothing_is_prepared_for_a_run_that_is_refused(call, data, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / "state-000004.h5").touch()
    before = digests(data)
    result = call("train", *recipe(data), "--out", run, "--prepare", "--perceptual", "random")
    assert result[0] == 1
    assert "holds a run already; add --resume" in result[2]
    assert digests(data) == before


def test_nothing_is_prepared_where_the_perceptual_network_is_missing(call, data, tmp_path):
    before = digests(data)
    nowhere = tmp_path / "nowhere.npy"
    result = call("train", *recipe(data), "--out", tmp_path / "run", "--prepare", "--perceptual", f"vgg19:{nowhere}")
    assert result[0] == 1
    assert f"VGG19 weights '{nowhere}' do not exist" in result[2]
    assert digests(data) == before
    assert not (tmp_path / "run").exists()


def test_prepare_counts_and_a_second_run_has_nothing_to_do(call, data):
    status, out, errors = call("prepare", *recipe(data), "--jobs", "1")
    assert (status, errors) == (0, "")
    assert out.splitlines()[-1] == "12 targets written, 0 current, 0 images rejected"
    for folder in ("photo_superpixel", "photo_l0", "tiny/smooth"):
        assert len(list((data / folder).glob("*.png"))) == 4
    again = call("prepare", *recipe(data), "--jobs", "1")
    assert again[1].splitlines()[-1] == "0 targets written, 12 current, 0 images rejected"


def test_prepare_tells_of_each_rejected_picture(call, data):
    (data / "tiny" / "style" / "01.png").write_bytes(b"broken")
    result = call("prepare", *recipe(data), "--jobs", "1")
    check_one_line(result)
    assert "01.png' is not a whole" in result[2]
    assert result[1].splitlines()[-1] == "11 targets written, 0 current, 1 images rejected"


def test_train_takes_what_prepare_shards_wrote(call, data, monkeypatch):
    from animegan3_tf.training import run

    (data / "tiny" / "style" / "01.png").write_bytes(b"broken")
    shards = data / "shards"
    result = call("prepare", *recipe(data), "--jobs", "1", "--shards", shards, "--shard-pictures", "3")
    check_one_line(result)
    assert result[1] == "7 images written, 0 current, 1 images rejected\n"
    assert [path.name for path in sorted((shards / "photo").glob("*.tfrecord"))] == [
        "pictures-00000-of-00002.tfrecord",
        "pictures-00001-of-00002.tfrecord",
    ]
    assert not (data / "photo_l0").exists()

    runs = []
    monkeypatch.setattr(
        run, "train", lambda configuration, *_, **__: runs.append(configuration) or run.RunResult(1, None, None)
    )
    status, out, errors = call(
        "train", "--prepare", "--style", data / "tiny.toml", "--data", shards, "--out", data / "run",
        "--perceptual", "random",
    )  # fmt: skip
    assert (status, errors) == (0, "")
    assert "0 targets written, 0 current, 0 images rejected" in out
    assert (runs[0].photos, runs[0].anime) == (str(shards / "photo"), str(shards / "tiny" / "style"))
    assert (runs[0].steps, runs[0].pretrain_steps) == (200, 10)  # 100 and 5 epochs of four photos, two a step


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--runner", "DirectRunner"), "--runner is for --shards; leave it out, or add --shards DIR"),
        (("--shards", "out", "--beam-options", "--x=1"), "--beam-options are for --runner"),
        (("--shards", "."), "shards would go to 'photo', where '00.png' lies; name an empty folder with --shards"),
        (("--shards", "tiny.toml"), "'tiny.toml/photo' cannot be written (Not a directory)"),
    ],
)
def test_what_prepare_refuses(call, data, monkeypatch, options, words):
    monkeypatch.chdir(data)
    before = digests(data)
    result = call("prepare", *recipe(data), "--jobs", "1", *options)
    check_one_line(result)
    assert words in result[2]
    assert digests(data) == before


@pytest.mark.parametrize("command", ["prepare", "train"])
def test_without_data_the_missing_folder_is_named(call, tmp_path, command):
    out = () if command == "prepare" else ("--out", tmp_path / "run")
    result = call(command, "--style", "hayao", "--data", tmp_path, *out)
    check_one_line(result)
    assert f"photos are missing: '{tmp_path / 'photo'}'" in result[2]


def test_stylize_needs_a_model_that_exists(call, data):
    result = call("stylize", data / "photo", "--out", data / "out", "--model", data / "none.h5")
    check_one_line(result)
    assert "none.h5' does not exist" in result[2]


@pytest.mark.slow
def test_train_then_stylize(call, data):
    run = data / "run"
    status, out, errors = call(
        "train", "--prepare", *recipe(data), "--out", run, "--perceptual", "random", "--steps", "4",
        "--pretrain-steps", "2", "--log-every", "1", "--sample-every", "2", "--checkpoint-every", "2",
    )  # fmt: skip
    assert (status, errors) == (0, "")
    assert "12 targets written" in out
    assert "targets are missing" not in out
    assert [line.split()[:3] for line in out.splitlines() if line.startswith("step ")] == [
        ["step", "1/4", "pretrain"],
        ["step", "2/4", "pretrain"],
        ["step", "3/4", "adversarial"],
        ["step", "4/4", "adversarial"],
    ]
    grid = run / "samples" / "000004.png"
    assert f"images: {grid}\ngenerator: {run / 'generator.h5'}\n" in out
    assert read_image(grid).rgb.shape == (4 * 16 + 3 * 4, 3 * 16 + 2 * 4, 3)
    assert read_header(run / "generator.h5")["step"] == 4
    assert (RunConfiguration.read(run).steps, RunConfiguration.read(run).style.name) == (4, "tiny")

    (data / "photo" / "bad.jpg").write_bytes(b"broken")
    result = call("stylize", data / "photo", "--out", data / "anime", "--model", run)
    check_one_line(result)
    assert "bad.jpg' is not a whole" in result[2]
    assert result[1] == f"4 images written to {data / 'anime'}, 1 failed\nterms of the weights: not stated\n"
    for path in (data / "photo").glob("*.png"):
        picture = read_image(data / "anime" / path.name).rgb
        assert picture.shape == (24, 24, 3)
        assert not np.array_equal(picture, read_image(path).rgb)

    result = call(
        "train", *recipe(data), "--out", run, "--perceptual", "random", "--steps", "4", "--pretrain-steps", "2"
    )
    check_one_line(result)
    assert "holds a run already; add --resume" in result[2]


def test_an_interrupt_ends_the_command_without_a_traceback(call, data, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("animegan3_tf.data.prepare.prepare", interrupted)
    status, _, errors = call("prepare", *recipe(data))
    assert (status, errors) == (130, "animegan3: stopped\n")


@pytest.mark.parametrize("module", ["animegan3_tf.cli", "typer", "animegan3_tf.commands.models", "lazy_loader"])
def test_an_interrupt_of_the_start_gives_no_traceback(module):
    """What is loaded raises it, as Ctrl-C does in the midst of an import."""
    code = (
        "import importlib.abc, sys\n"
        "class Interrupt(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}: raise KeyboardInterrupt\n"
        "import animegan3_tf.__main__ as program\n"
        "for name in [name for name in sys.modules if name.startswith(('typer', 'lazy_loader'))]:\n"
        "    del sys.modules[name]\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "program.start()\n"
    )
    result = python(code, "models")
    assert (result.returncode, result.stderr) == (130, "")


def test_stylize_tries_its_destination_before_it_loads_the_model(call, data, monkeypatch):
    monkeypatch.setattr("animegan3_tf.models.model.open_model", None)
    (data / "file").touch()
    result = call("stylize", data / "photo", "-o", data / "file" / "out")
    check_one_line(result)
    assert "needs a folder in place of" in result[2]


def test_stylize_prints_errors_as_they_come_and_what_is_done_at_ctrl_c(call, data, monkeypatch, capsys):
    from animegan3_tf.stylizer import photos

    class Drawing:
        warning = terms = None
        faces_found = ()

        def __call__(self, rgb):
            if "00.png" in capsys.readouterr().err:  # the error is out before the next photo is drawn
                raise KeyboardInterrupt
            return rgb

    monkeypatch.setattr(photos, "open_photo_stylizer", lambda *_, **__: Drawing())
    (data / "photo" / "00.png").write_bytes(b"no picture")
    status, _, errors = call("stylize", data / "photo", "-o", data / "out")
    assert status == 130
    assert errors.startswith("animegan3: stopped: ")
    assert errors.endswith(f" of 4 pictures written to '{data / 'out'}'\n")


def test_a_stopped_run_says_how_to_go_on(call, data, monkeypatch):
    from animegan3_tf.training import run

    result = run.RunResult(step=3, stopped_by=15, grid=data / "000003.png")
    monkeypatch.setattr(run, "train", lambda *_, **__: result)
    status, _, errors = call("train", *recipe(data), "--out", data / "run", "--perceptual", "random")
    assert (status, errors) == (143, "animegan3: stopped at step 3, saved; go on with --resume\n")
