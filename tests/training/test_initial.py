import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers.tf1_files import random_variables
from helpers.tf1_graphs import write_frozen_graph
from helpers.tiny_training import tiny_style

from animegan3_tf.common.errors import UserError
from animegan3_tf.models.weights import named_weights, save_generator, weight_name
from animegan3_tf.networks import build_generator
from animegan3_tf.training.configuration import RunConfiguration
from animegan3_tf.training.run_folder import find_origin, read_initial
from animegan3_tf.training.state import snapshot, write_state
from animegan3_tf.training.two_tail import Trainer

PHOTO = tf.random.stateless_uniform([1, 16, 24, 3], seed=(1, 2), minval=-1)


@pytest.fixture(scope="module")
def trained():
    """A trainer all of whose numbers are unlike those it was built with."""
    made = Trainer(tiny_style(), None, None)
    rng = np.random.default_rng(3)
    for part in (made.generator, made.average, made.support_discriminator, made.main_discriminator):
        for weight in part.weights:
            weight.assign(rng.normal(0.5, 0.1, weight.shape))
    made.step.assign(700)
    return made


@pytest.fixture(scope="module")
def built():
    """A trainer and its first numbers: building one takes seconds, setting it back does not."""
    made = Trainer(tiny_style(), None, None)
    parts = (made.generator, made.average, made.support_discriminator, made.main_discriminator)
    return made, [(weight, weight.numpy()) for part in parts for weight in part.weights]


@pytest.fixture
def fresh(built):
    for weight, value in built[1]:
        weight.assign(value)
    return built[0]


def plan(source, style=None):
    return RunConfiguration(style or tiny_style(), "photo", "anime", "random", 8, 0, init=find_origin(source))


def save(folder, trainer, step=700, resize="half_pixel"):
    state = snapshot(trainer, {"configuration": {"style": {"train": {"resize": resize}}}})
    state.header["step"] = step
    write_state(folder / f"state-{step:06d}.h5", state)
    return folder / f"state-{step:06d}.h5"


def check_equal(model, other):
    for name, weight in named_weights(model).items():
        np.testing.assert_array_equal(weight.numpy(), named_weights(other)[name].numpy(), err_msg=name)


@pytest.mark.slow
def test_a_run_gives_its_averaged_generator_and_its_discriminators(tmp_path, trained, fresh):
    path = save(tmp_path, trained)
    optimizers = (fresh.pretrain_optimizer, fresh.generator_optimizer, fresh.discriminator_optimizer)
    untouched = [(v, v.numpy()) for optimizer in optimizers for v in optimizer.variables]
    assert plan(tmp_path).init == plan(path).init
    read_initial(plan(tmp_path)).give(fresh)
    check_equal(fresh.average, trained.average)
    check_equal(fresh.support_discriminator, trained.support_discriminator)
    check_equal(fresh.main_discriminator, trained.main_discriminator)
    assert int(fresh.step) == 0
    for variable, value in untouched:
        np.testing.assert_array_equal(variable.numpy(), value)
    ours, theirs = fresh.generator(PHOTO, training=True), trained.average(PHOTO, training=True)
    for tail in ("support", "main"):  # in training the moving moments, which differ, play no part
        np.testing.assert_array_equal(ours[tail], theirs[tail])


@pytest.mark.slow
def test_a_weights_file_gives_both_tails_the_main_ones_weights(tmp_path, trained, fresh):
    save_generator(tmp_path / "generator.h5", trained.average)
    untouched = [w.numpy() for w in fresh.main_discriminator.weights]
    read_initial(plan(tmp_path)).give(fresh)
    drawn, expected = fresh.average(PHOTO), trained.average(PHOTO)
    np.testing.assert_array_equal(drawn["main"], expected["main"])
    np.testing.assert_array_equal(drawn["support"], expected["main"])
    for before, weight in zip(untouched, fresh.main_discriminator.weights):
        np.testing.assert_array_equal(weight.numpy(), before)


def test_the_moving_moments_begin_anew(tmp_path, trained, fresh):
    """The average takes initial values out of them: old ones in their place would blow up a thousandfold."""
    save(tmp_path, trained)
    initial = read_initial(plan(tmp_path))

    def moments_after_a_step(factor):
        average = {n: a * factor if "/moving_" in n else a for n, a in initial.parts["average"].items()}
        dataclasses.replace(initial, parts={"average": average}).give(fresh)
        fresh.generator(PHOTO, training=True)
        fresh.generator_average.update(fresh.step)
        named = named_weights(fresh.average)
        first = [v.numpy() for n, v in named.items() if "/moving_" in n]
        for weight in fresh.generator.weights:
            if "/moving_" in weight_name(weight):
                weight.assign(tf.ones_like(weight) if "variance" in weight_name(weight) else tf.zeros_like(weight))
        return first

    once, again = moments_after_a_step(1.0), moments_after_a_step(100.0)
    assert len(once) == 4
    for ours, theirs in zip(once, again):
        np.testing.assert_array_equal(ours, theirs)


def test_a_damaged_newest_state_is_named_and_the_one_before_is_taken(tmp_path, trained):
    path = save(tmp_path, trained, step=3)
    (tmp_path / "state-000007.h5").write_bytes(b"torn")
    lines = []
    assert find_origin(tmp_path, lines.append).path == str(path)
    assert "state-000007.h5" in lines[0]
    assert (tmp_path / "state-000007.h5").exists()  # another's folder is left as it is


@pytest.mark.parametrize("name", ["nowhere", "nowhere.h5", "."])
def test_what_is_not_there(tmp_path, name):
    with pytest.raises(UserError, match=r"--init .* cannot be used: .*No such file or directory; name a run folder"):
        find_origin(tmp_path / name)


def test_no_weights_at_all(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(UserError, match=r"notes\.txt' is not a weights file"):
        read_initial(plan(tmp_path / "notes.txt"))


def test_a_damaged_state_that_was_named_itself(tmp_path, trained):
    path = save(tmp_path, trained)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="is cut short or altered"):
        read_initial(plan(path))


def test_a_file_that_changes_after_it_was_named(tmp_path, trained):
    save_generator(tmp_path / "generator.h5", trained.average)
    configuration = plan(tmp_path)
    (tmp_path / "generator.h5").write_bytes(b"another")
    with pytest.raises(UserError, match=r"generator\.h5' has changed since this run was configured"):
        read_initial(configuration)


@pytest.mark.parametrize("kind", ["state", "weights"])
def test_another_resize_is_refused(tmp_path, trained, kind):
    if kind == "state":
        path = save(tmp_path, trained, resize="legacy")
    else:
        path = tmp_path / "generator.h5"
        save_generator(path, build_generator(tails="main", resize="legacy"))
    with pytest.raises(
        UserError, match=r"with resize 'legacy', this style has 'half_pixel'; add --set train\.resize=l"
    ):
        read_initial(plan(path))
    assert read_initial(plan(path, tiny_style({"train.resize": "legacy"}))).source == str(path)


@pytest.mark.slow
def test_what_does_not_fit_is_listed_and_sets_nothing(tmp_path, trained, fresh):
    save(tmp_path, trained)
    initial = read_initial(plan(tmp_path))
    parts = {part: dict(arrays) for part, arrays in initial.parts.items()}
    del parts["average"]["base_0_conv/kernel"]
    parts["average"]["stray"] = np.zeros(1)
    parts["main_discriminator"] = {n: np.zeros([1]) for n in parts["main_discriminator"]}
    before = [w.numpy() for w in fresh.average.weights]
    with pytest.raises(UserError) as error:
        dataclasses.replace(initial, parts=parts).give(fresh)
    for words in ("average: base_0_conv/kernel is missing", "average: stray is not part", "is (1,), expected ("):
        assert words in str(error.value)
    for old, weight in zip(before, fresh.average.weights):
        np.testing.assert_array_equal(weight.numpy(), old)


def test_a_published_graph_is_a_beginning(fresh, tmp_path):
    """Whose LADE has another constant than training has."""
    arrays = random_variables("animegan3")
    path = write_frozen_graph(tmp_path / "v3.pb", "animegan3", arrays, epsilon=1e-12)
    style = tiny_style()
    style = dataclasses.replace(style, train=dataclasses.replace(style.train, resize="legacy"))
    read_initial(plan(path, style)).give(fresh)
    expected = arrays["generator/base/Conv/weights"]
    for model in (fresh.generator, fresh.average):
        np.testing.assert_array_equal(named_weights(model)["base_0_conv/kernel"].numpy(), expected)
    with pytest.raises(UserError, match="was trained with resize 'legacy'"):
        read_initial(plan(path))
