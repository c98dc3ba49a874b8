import dataclasses
import functools
import hashlib
import json
import os
import resource
import shutil
import signal

import h5py
import numpy as np
import pytest
import tensorflow as tf
from helpers.tiny_training import plain_network, tiny_style, write_pictures

from animegan3_tf.common.errors import UserError
from animegan3_tf.common.images import read_image
from animegan3_tf.data.shards import prepare_shards, style_shards
from animegan3_tf.models.weights import build_deployed, save_generator
from animegan3_tf.reports.training import write_run_page
from animegan3_tf.training import objectives, run
from animegan3_tf.training.callbacks import StopOnSignal
from animegan3_tf.training.collapse import Collapse
from animegan3_tf.training.configuration import Origin, binding_digest
from animegan3_tf.training.run import RunConfiguration, train
from animegan3_tf.training.run_files import read_metrics, read_run, read_status, states
from animegan3_tf.training.run_folder import find_origin
from animegan3_tf.training.state import read_state
from animegan3_tf.training.two_tail import Trainer


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    return write_pictures(root / "photo", 5), write_pictures(root / "anime", 4, first=10)


def configuration(folders, **changes):
    photos, anime = map(str, folders)
    made = RunConfiguration(tiny_style(), photos, anime, "random", 4, 2, log_every=1, sample_every=4)
    return dataclasses.replace(made, **changes)


@pytest.fixture(scope="module")
def built():
    """A trainer and its first numbers: building one takes seconds, setting it back does not."""
    trainer = Trainer(tiny_style(), plain_network(), None)
    parts = (trainer.generator, trainer.average, trainer.support_discriminator, trainer.main_discriminator)
    optimizers = (trainer.pretrain_optimizer, trainer.generator_optimizer, trainer.discriminator_optimizer)
    variables = [trainer.step, *(v for part in parts for v in part.weights)]
    variables += [v for optimizer in optimizers for v in optimizer.variables]
    return trainer, [(variable, variable.numpy()) for variable in variables]


@pytest.fixture
def same_trainer(built, monkeypatch):
    """Every run begins with the one trainer as it was built; without losses it needs no perceptual network."""

    def make(*_):
        for variable, value in built[1]:
            variable.assign(value)
        return built[0]

    load = run.load_perceptual
    monkeypatch.setitem(objectives.TRAINERS, "animegan3", make)
    monkeypatch.setattr(run, "load_perceptual", lambda name, taps: None if name == "random" else load(name, taps))


@pytest.fixture
def counting(same_trainer, monkeypatch):
    """Training steps that only count: one weight grows by one, the loss is the weight."""

    def step(self, batch):
        weight = self.generator.trainable_variables[0]
        weight.assign_add(tf.ones_like(weight))
        return {"loss": tf.reduce_mean(weight) + 0.0 * tf.reduce_mean(batch["photo"])}

    monkeypatch.setattr(Trainer, "train_step", counted(step))


def counted(step):
    """A `train_step` that does `step(trainer, batch)`, then averages and counts."""

    def train_step(self, batch):
        terms = step(self, batch)
        self.generator_average.update(self.step)
        self.step.assign_add(1)
        return terms

    return train_step


def arrays(path):
    found = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None)
    return found


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_a_resumed_run_ends_as_an_uninterrupted_one(folders, tmp_path, eager):
    """Bit for bit: the same pictures, optimizer moments, averages and power iteration vectors."""
    plan = configuration(folders, pretrain_steps=1, steps=3, checkpoint_every=2)
    lines = []
    result = train(plan, tmp_path / "whole", show=lines.append)
    assert (result.step, result.stopped_by) == (3, None)
    assert read_image(result.grid).rgb.shape == (4 * 16 + 3 * 4, 3 * 16 + 2 * 4, 3)
    assert [line.split("  ")[0].rsplit(" ", 2)[0] for line in lines if line.startswith("step")] == [
        "step 1/3 pretrain",
        "step 2/3 adversarial",
        "step 3/3 adversarial",
    ]
    (tmp_path / "resumed").mkdir()
    for name in ("state-000002.h5", "config.json"):
        shutil.copy(tmp_path / "whole" / name, tmp_path / "resumed" / name)
    assert train(plan, tmp_path / "resumed", resume=True, show=lines.append).step == 3
    whole, resumed = (arrays(tmp_path / name / "state-000003.h5") for name in ("whole", "resumed"))
    assert whole.keys() == resumed.keys()
    for name, array in whole.items():
        np.testing.assert_array_equal(resumed[name], array, err_msg=name)
    assert any(not np.array_equal(arrays(tmp_path / "whole" / "state-000002.h5")[n], a) for n, a in whole.items())


def test_a_run_folder_holds_what_its_users_look_for(folders, tmp_path, counting):
    out = tmp_path / "run"
    plan = configuration(folders, steps=5, checkpoint_every=2)
    result = train(plan, out, show=lambda line: None)
    assert RunConfiguration.read(out) == plan
    assert [p.name for p in states(out)] == ["state-000004.h5", "state-000005.h5"]
    assert sorted(p.name for p in (out / "samples").iterdir()) == ["000004.png", "000005.png"]
    assert result.grid == out / "samples" / "000005.png"
    with h5py.File(out / "generator.h5") as file:
        header = json.loads(file.attrs["header"])
    assert (header["style"], header["step"], header["perceptual"]) == ("tiny", 5, "random")
    assert list((out / "logs").glob("events.*"))


def test_a_run_can_be_watched_from_outside(folders, tmp_path, counting):
    """Its status, its curves and its page; resumed from step 4, no step is there twice."""
    plan = configuration(folders, steps=5, checkpoint_every=2)
    train(plan, tmp_path, show=lambda line: None, write_page=write_run_page)
    assert (read_status(tmp_path)["state"], read_status(tmp_path)["step"]) == ("finished", 5)
    states(tmp_path)[-1].unlink()  # as if it had been killed in step 5
    page = tmp_path / "report.html"
    page.unlink()
    train(configuration(folders, steps=7), tmp_path, resume=True, show=lambda line: None, write_page=write_run_page)
    records = read_metrics(tmp_path)
    assert [r["step"] for r in records if "terms" in r] == [1, 2, 3, 4, 5, 6, 7]
    assert [r["grid"] for r in records if "validation" in r] == ["samples/000004.png", "samples/000007.png"]
    assert read_status(tmp_path)["grid"] == "samples/000007.png"
    assert set(records[-1]["validation"]) == {
        "content_distance_support", "content_distance_main", "anime_likeness_support", "anime_likeness_main",
        "anime_itself",
    }  # fmt: skip
    assert page.read_text().count("data:image/jpeg") == 2


@pytest.mark.slow
def test_a_generator_that_has_collapsed_ends_the_run_unless_it_is_to_go_on(folders, tmp_path, monkeypatch, eager):
    monkeypatch.setattr(run, "Collapse", functools.partial(Collapse, patience=2))
    deployed = build_deployed("animegan3", "half_pixel")
    for weight in deployed.weights:
        weight.assign(tf.zeros_like(weight))
    save_generator(tmp_path / "zero.h5", deployed, {})
    plan = configuration(folders, steps=4, pretrain_steps=0, checkpoint_every=1, init=find_origin(tmp_path / "zero.h5"))
    out = tmp_path / "run"
    stopped = "step 2: the generator has collapsed: for 2 steps its gradient was 0 and it drew one colour, and the run"
    with pytest.raises(UserError, match=f"{stopped} stopped"):
        train(plan, out, show=lambda line: None)
    assert (read_run(out).state, read_run(out).message.startswith(stopped)) == ("failed", True)

    lines = []
    going = train(plan, out, resume=True, keep_going=True, show=lines.append)
    assert going.step == 4
    assert going.collapse.startswith("step 2: the generator has collapsed: since step 2 its gradient was 0")
    assert (read_run(out).state, read_run(out).message) == ("finished", going.collapse)
    assert f"WARNING: {going.collapse}" in lines


def test_a_second_hangup_does_not_keep_a_run_from_saving():
    with StopOnSignal().installed() as stop:
        for _ in range(3):
            os.kill(os.getpid(), signal.SIGHUP)
        assert stop.asked() == signal.SIGHUP
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)


def test_a_hangup_that_is_ignored_stays_so():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        with StopOnSignal().installed() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert stop.asked() is None
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_run_after_its_step_and_saves(folders, tmp_path, counting, number):
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    def show(line):
        if line.startswith("step 1/"):
            os.kill(os.getpid(), number)

    result = train(configuration(folders), tmp_path, show=show)
    assert result.stopped_by == number
    assert result.step < 4
    assert states(tmp_path)[-1].name == f"state-{result.step:06d}.h5"
    assert result.grid.is_file()
    assert read_status(tmp_path)["state"] == "stopped"
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == handlers


@pytest.mark.slow
@pytest.mark.parametrize("phase", ["pretrain", "adversarial"])
def test_a_signal_while_a_phase_is_compiled_is_heeded_after_its_first_step(folders, tmp_path, counting, phase):
    train_step = Trainer.train_step

    def traced(self, batch):
        if self.phase == phase:
            os.kill(os.getpid(), signal.SIGTERM)
        return train_step(self, batch)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "train_step", traced)
        result = train(configuration(folders, steps=6, pretrain_steps=3), tmp_path, show=lambda line: None)
    assert (result.step, result.stopped_by) == ({"pretrain": 1, "adversarial": 4}[phase], signal.SIGTERM)
    assert states(tmp_path)[-1].name == f"state-{result.step:06d}.h5"
    plan = configuration(folders, steps=6, pretrain_steps=3)
    assert train(plan, tmp_path, resume=True, show=lambda line: None).step == 6


@pytest.mark.slow
def test_a_damaged_newest_state_costs_its_steps_and_no_more(folders, tmp_path, counting):
    train(configuration(folders, steps=4, checkpoint_every=1), tmp_path, show=lambda line: None)
    newest, before = tmp_path / "state-000004.h5", tmp_path / "state-000003.h5"
    damaged = bytearray(newest.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    newest.write_bytes(damaged)
    lines = []
    plan = configuration(folders, steps=5, checkpoint_every=1)
    assert train(plan, tmp_path, resume=True, show=lines.append).step == 5
    assert "state-000004.h5' is cut short or altered" in lines[0]
    assert "'state-000003.h5' is used instead" in lines[1]
    assert [line.split()[1] for line in lines if line.startswith("step ")] == ["4/5", "5/5"]
    assert (tmp_path / "state-000004.h5.damaged").read_bytes() == damaged
    assert read_state(newest).step == 4
    assert not before.exists()


def test_a_state_tells_where_the_run_stood(folders, tmp_path, counting):
    plan = configuration(folders, seed=9)
    train(plan, tmp_path, show=lambda line: None)
    header = read_state(states(tmp_path)[-1]).header
    assert (header["step"], header["phase"], header["seed"], header["examples"]) == (4, "adversarial", 9, 8)
    assert RunConfiguration.from_dict(header["configuration"], "state") == plan
    assert header["configuration_sha256"] == binding_digest(plan)
    assert header["environment"]["tensorflow"] == tf.__version__


@pytest.mark.slow
def test_a_full_disk_is_one_line_and_the_run_goes_on_from_the_state_before(folders, tmp_path, counting):
    plan = configuration(folders, steps=4, checkpoint_every=1)
    train(configuration(folders, steps=2, checkpoint_every=1), tmp_path, show=lambda line: None)
    before = {path.name: path.read_bytes() for path in states(tmp_path)}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, limit[1]))  # no file past 1 MB: a state is 54
    try:
        with pytest.raises(
            UserError, match=r"step 3 cannot be saved in .* \(.*File too large.*\); make room, then --res"
        ):
            train(plan, tmp_path, resume=True, show=lambda line: None)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert {path.name: path.read_bytes() for path in states(tmp_path)} == before
    assert not list(tmp_path.rglob("*.tmp"))
    assert train(plan, tmp_path, resume=True, show=lambda line: None).step == 4


def test_kept_states(folders, tmp_path, counting):
    plan = configuration(folders, steps=7, checkpoint_every=1, keep=1, keep_every=3)
    train(plan, tmp_path, show=lambda line: None)
    assert [path.name for path in states(tmp_path)] == ["state-000003.h5", "state-000006.h5", "state-000007.h5"]


@pytest.mark.slow
def test_a_fine_tune_begins_with_the_weights_of_another_run(folders, tmp_path, counting):
    train(configuration(folders), tmp_path / "first", show=lambda line: None)
    origin = find_origin(tmp_path / "first")
    plan = configuration(folders, pretrain_steps=0, steps=3, init=origin)
    train(plan, tmp_path / "second", show=lambda line: None)
    first = read_state(states(tmp_path / "first")[-1]).arrays
    name = "base_0_conv/kernel"  # the counted weight; the run's average of it is what is begun with
    state = read_state(states(tmp_path / "second")[-1])
    np.testing.assert_allclose(state.arrays[f"generator/{name}"], first[f"average/{name}"] + 3, rtol=1e-6)
    assert state.step == 3
    assert RunConfiguration.read(tmp_path / "second").init == origin
    shutil.rmtree(tmp_path / "first")
    longer = dataclasses.replace(plan, steps=4)
    assert train(longer, tmp_path / "second", resume=True, show=lambda line: None).step == 4


def test_a_deterministic_run_makes_tensorflow_so(folders, tmp_path, counting, monkeypatch):
    called = []
    monkeypatch.setattr(run, "compute_the_same_bits", lambda: called.append(True))
    train(configuration(folders, steps=2), tmp_path / "a", show=lambda line: None)
    assert not called
    train(configuration(folders, steps=2, deterministic=True), tmp_path / "b", show=lambda line: None)
    assert called


def test_a_deterministic_run_adds_in_one_order(monkeypatch):
    """AddN's order is that of chance where other operations read its inputs too: 20 steps of `shinkai` differed."""

    @tf.function
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.add_n([tf.square(x), tf.exp(x), tf.sin(x), tf.negative(x)])
        return tape.gradient(loss, x)

    def most_summands():
        operations = gradient.get_concrete_function(tf.TensorSpec([3])).graph.get_operations()
        return max(len(operation.inputs) for operation in operations if operation.type.startswith("Add"))

    assert most_summands() == 4
    gradient = tf.function(gradient.python_function)
    monkeypatch.setattr(tf.config.experimental, "enable_op_determinism", lambda: None)
    monkeypatch.setattr(run.gen_math_ops, "add_n", run.gen_math_ops.add_n)  # to be put back
    optimizer = tf.config.optimizer
    before = optimizer.get_experimental_options()
    try:
        run.compute_the_same_bits()
        assert most_summands() == 2
        assert optimizer.get_experimental_options()["arithmetic_optimization"] is False  # it would join them again
    finally:
        optimizer.set_experimental_options({"arithmetic_optimization": True, **before})


def test_a_second_interrupt_ends_it_at_once():
    with StopOnSignal().installed() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.received == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_weights_that_are_not_finite_are_an_error_and_never_saved(folders, tmp_path, same_trainer, monkeypatch):
    """The update of step 3 broke a weight; the step's losses, of the weights before it, were sound."""

    def step(self, batch):
        weight = self.generator.trainable_variables[0]
        bad = tf.where(tf.equal(self.step, 2), np.float32("nan"), 0.0)
        weight.assign_add(tf.fill(weight.shape, bad))
        return {"loss": tf.constant(1.0)}

    monkeypatch.setattr(Trainer, "train_step", counted(step))
    plan = configuration(folders, pretrain_steps=0, checkpoint_every=1, sample_every=1)
    with pytest.raises(UserError, match=r"step 3: .*NaN or infinite") as error:
        train(plan, tmp_path, show=lambda line: None)
    assert "generator/" in str(error.value)
    assert "\n" not in str(error.value)
    assert (read_status(tmp_path)["state"], read_status(tmp_path)["message"]) == ("failed", str(error.value))
    assert [p.name for p in states(tmp_path)] == ["state-000001.h5", "state-000002.h5"]
    for path in [*states(tmp_path), tmp_path / "generator.h5"]:
        assert all(np.isfinite(array).all() for array in arrays(path).values())


def test_a_folder_with_a_run_is_refused(folders, tmp_path):
    (tmp_path / "state-000002.h5").touch()
    with pytest.raises(UserError, match="holds a run already; add --resume"):
        train(configuration(folders), tmp_path)


def test_a_start_that_failed_does_not_block_the_next(folders, tmp_path, counting):
    with pytest.raises(UserError, match="do not exist"):
        train(configuration(folders, perceptual=f"vgg19:{tmp_path}/nowhere.h5"), tmp_path / "run")
    assert train(configuration(folders), tmp_path / "run", show=lambda line: None).step == 4


def test_a_perceptual_network_fetched_in_a_run_is_noted_and_no_other_takes_its_place(
    folders, tmp_path, counting, monkeypatch
):
    weights = tmp_path / "vgg.h5"
    weights.write_bytes(b"first")
    fetched = []

    def find(specification, fetch=True):
        fetched.extend([specification] if fetch else [])
        return weights if fetched else None

    monkeypatch.setattr("animegan3_tf.training.configuration.perceptual_file", find)
    monkeypatch.setattr(run, "load_perceptual", lambda *_: None)
    plan = configuration(folders, perceptual="vgg19")
    train(plan, tmp_path / "run", show=lambda line: None)
    first = Origin("vgg.h5", hashlib.sha256(b"first").hexdigest())
    assert RunConfiguration.read(tmp_path / "run").perceptual_file == first
    assert fetched == ["vgg19"]
    weights.write_bytes(b"second")
    with pytest.raises(UserError, match=r"perceptual_file\.sha256 was"):
        train(plan, tmp_path / "run", resume=True)


def test_resuming_needs_a_state_and_the_same_configuration(folders, tmp_path, counting):
    with pytest.raises(UserError, match="no state to resume from"):
        train(configuration(folders), tmp_path, resume=True)
    train(configuration(folders, steps=2), tmp_path, show=lambda line: None)
    before = (tmp_path / "config.json").read_bytes()
    other = configuration(folders, style=tiny_style({"loss.identity": 1.0, "train.batch_size": 3}), seed=5)
    with pytest.raises(UserError) as error:
        train(other, tmp_path, resume=True)
    for words in ("seed was 0, is 5", "style.loss.identity was 0.0, is 1.0", "style.train.batch_size was 2, is 3"):
        assert words in str(error.value)
    assert (tmp_path / "config.json").read_bytes() == before

    assert train(configuration(folders, steps=3), tmp_path, resume=True, show=lambda line: None).step == 3
    assert RunConfiguration.read(tmp_path).steps == 3


def test_pictures_that_cannot_be_read_do_not_end_a_run(folders, tmp_path, counting):
    """Not even where every photo that the grid would show is broken."""
    photos = shutil.copytree(folders[0], tmp_path / "photo")
    for name in ("00", "01", "02", "03"):
        (photos / f"{name}.png").write_bytes(b"broken")
    lines = []
    result = train(configuration((photos, folders[1])), tmp_path / "run", show=lines.append)
    assert read_image(result.grid).rgb.shape == (16, 3 * 16 + 2 * 4, 3)
    assert sum("left out" in line for line in lines) == 4


def test_a_run_reads_shards_and_leaves_broken_records_out(folders, tmp_path, counting):
    plan = configuration(folders)
    shards = style_shards(plan.style, *folders, tmp_path)
    prepare_shards(shards)
    photos, anime = shards
    (shard,) = photos.glob("*.tfrecord")
    content = bytearray(shard.read_bytes())
    content[20] ^= 1  # in the first record
    shard.write_bytes(content)
    lines = []
    result = train(configuration((photos, anime)), tmp_path / "run", show=lines.append)
    assert read_image(result.grid).rgb.shape == (4 * 16 + 3 * 4, 3 * 16 + 2 * 4, 3)
    (line,) = (line for line in lines if "left out" in line)
    assert "(1 so far): record '00.png'" in line


def test_sample_photos_may_come_from_elsewhere_at_another_size(folders, tmp_path, counting):
    photos = write_pictures(tmp_path / "samples", 2, side=40)
    plan = configuration(folders, samples=str(photos), sample_size=32)
    grid = train(plan, tmp_path / "run", show=lambda line: None).grid
    assert read_image(grid).rgb.shape == (2 * 32 + 4, 3 * 32 + 2 * 4, 3)


@pytest.mark.parametrize("content", [None, b"broken"])
def test_sample_photos_that_cannot_be_read_at_all(folders, tmp_path, counting, content):
    (tmp_path / "samples").mkdir()
    if content:
        (tmp_path / "samples" / "a.png").write_bytes(content)
    with pytest.raises(UserError, match="samples' holds no images that can be read"):
        train(configuration(folders, samples=str(tmp_path / "samples")), tmp_path / "run", show=lambda line: None)


def test_an_output_that_is_no_folder(folders, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written to"):
        train(configuration(folders), tmp_path / "file")
