"""Writes docs/generations.md, which compares the three generations, from the networks and recipes themselves.

.venv/bin/python tools/generations.py            # times this machine, which should do nothing else meanwhile
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from animegan3_tf.common.console import quiet_tensorflow
from animegan3_tf.common.files import whole_file

PAGE = Path(__file__).resolve().parents[1] / "docs" / "generations.md"
SIZE = 256
RECIPES = ("animegan1-hayao", "animegan2-hayao", "hayao", "animegan1-shinkai", "animegan2-shinkai", "shinkai")


def network_rows():
    """Makes the rows of the first table that do not depend on the machine: [[title, cell of each generation], ...]."""
    from animegan3_tf.models.weights import build_deployed
    from animegan3_tf.networks import animegan1, animegan2, build_discriminator, build_generator
    from animegan3_tf.networks.architectures import TRAINED

    deployed = {name: build_deployed(name, "legacy") for name in TRAINED}
    trained = {**deployed, "animegan3": build_generator()}
    discriminators = {
        "animegan1": [animegan1.build_animegan1_discriminator()],
        "animegan2": [animegan2.build_animegan2_discriminator()],
        "animegan3": [build_discriminator(), build_discriminator()],
    }
    return [
        ["name here", *(f"`{name}`" for name in TRAINED)],
        ["parameters, deployed", *(f"{_parameters(model):,}" for model in deployed.values())],
        ["parameters, in training", *(f"{_parameters(model):,}" for model in trained.values())],
        ["discriminators", *(str(len(found)) for found in discriminators.values())],
        ["their parameters", *(f"{sum(map(_parameters, found)):,}" for found in discriminators.values())],
        [f"GFLOP at {SIZE}x{SIZE}", *(f"{_flops(model) / 1e9:.1f}" for model in deployed.values())],
        ["height and width, multiples of", *(str(a.multiple) for a in TRAINED.values())],
        ["layers with weights", *(_layers(model) for model in deployed.values())],
    ]


def loss_rows():
    """Makes the rows of the second table: [[title, cell of each of RECIPES], ...]."""
    from animegan3_tf.styles import load_style

    styles = [load_style(name) for name in RECIPES]

    def row(title, cell):
        return [title, *(cell(style, style.loss, style.perceptual["vgg19"]) for style in styles)]

    def double(style, value):
        return _number(value) if style.generator == "animegan3" else ""

    return [
        row("content", lambda style, loss, vgg: _weights(vgg.content)),
        row("style (Gram)", lambda style, loss, vgg: _weights(vgg.style)),
        row("region, own and photo's", lambda s, loss, vgg: _pair(vgg.region_fake, vgg.region_photo)),
        row("colour", lambda style, loss, vgg: f"{loss.color_space} {_number(loss.color[loss.color_space])}"),
        row("total variation", lambda style, loss, vgg: _number(loss.total_variation)),
        row("adversarial, generator", lambda style, loss, vgg: _number(loss.support_generator)),
        row("labels, real and fake", lambda style, loss, vgg: _pair(*loss.support_labels, always=True)),
        row("discriminator: real", lambda style, loss, vgg: _number(loss.support_real)),
        row("discriminator: generated", lambda style, loss, vgg: _number(loss.support_fake)),
        row("discriminator: gray anime", lambda style, loss, vgg: _number(loss.support_gray)),
        row("discriminator: smoothed edges", lambda style, loss, vgg: _number(loss.support_edges)),
        row("main tail to its target, L1", lambda style, loss, vgg: double(style, loss.revision_l1)),
        row("main tail to its target, content", lambda style, loss, vgg: _number(vgg.revision)),
        row("main tail, adversarial", lambda style, loss, vgg: double(style, loss.main_generator)),
        row("batch", lambda style, loss, vgg: str(style.train.batch_size)),
        row("epochs, of content only", lambda s, loss, vgg: f"{_number(s.train.epochs)}, {s.train.pretrain_epochs:g}"),
        row("rates: content, G, D", lambda style, loss, vgg: _rates(style.train)),
    ]


def time_row(rounds):
    """Times the generators; returns the row of milliseconds at SIZE x SIZE, and a line on the machine."""
    import numpy as np
    import tensorflow as tf

    from animegan3_tf.comparison.speed import describe_machine, take_turns
    from animegan3_tf.models.weights import build_deployed
    from animegan3_tf.networks.architectures import TRAINED

    photo = tf.constant(np.random.default_rng(0).uniform(-1, 1, (1, SIZE, SIZE, 3)), tf.float32)
    runs = {}
    for name in TRAINED:
        function = tf.function(build_deployed(name, "legacy"))
        runs[name] = lambda function=function: function(photo)
    take_turns(runs, 3)  # traces, and fills caches
    times = take_turns(runs, rounds).values()
    machine = describe_machine()
    where = f"{machine['processor']}, {machine['cores']} cores, TensorFlow {machine['tensorflow']}"
    if machine["load_average"] > 1.25 * machine["cores"]:  # this process's own threads load all cores
        where += f" (busy with other work, load average {machine['load_average']:.1f}: the times are too long)"
    cells = [f"{1e3 * t.median:.0f} ({1e3 * min(t.seconds):.0f} to {1e3 * max(t.seconds):.0f})" for t in times]
    return [f"ms at {SIZE}x{SIZE}: median (range)", *cells], f"Times: {rounds} rounds in turns on {where}."


def page(rounds):
    """Makes the whole page; `rounds` is the number of timed calls of each generator."""
    from animegan3_tf.networks.architectures import TRAINED

    times, where = time_row(rounds)
    titles = [architecture.title for architecture in TRAINED.values()]
    return f"""# The three generations

Written by `tools/generations.py` from the networks and the recipes; do not edit it by hand.

{_table(["", *titles], [*network_rows(), times])}

{where}

Random weights, the picture in one piece. Operations are those of convolutions and matrix products, two to a
multiply-add. AnimeGANv3 trains two tails and deploys one.

## Losses

Weights of the bundled recipes with VGG19, as they stand in [the .toml files](../animegan3_tf/styles): feature and Gram
distances are divided by the tap's channels, which those of AnimeGAN and AnimeGANv2 are not upstream, so theirs are 512
times the published ones. AnimeGAN and AnimeGANv2 compare the picture in colour with gray anime, and their discriminator
takes anime in colour for real, and all else, gray anime too, for fake; AnimeGANv3's support discriminator sees gray
pictures only, and "discriminator" in its columns is that one.

{_table(["", *RECIPES], loss_rows())}
"""


def _parameters(model):
    return sum(weight.shape.num_elements() for weight in model.trainable_weights)


def _flops(model):
    import tensorflow as tf

    from animegan3_tf.comparison.speed import count_flops

    return count_flops(tf.function(model).get_concrete_function(tf.TensorSpec([1, SIZE, SIZE, 3])))


def _layers(model):
    counts = Counter(type(layer).__name__ for layer in model.layers if layer.weights)
    return ", ".join(f"{count} {name}" for name, count in counts.most_common())


def _number(value):
    return f"{value:g}" if value else ""


def _weights(taps):
    return ", ".join(f"{tap} {weight:g}" for tap, weight in taps.items())


def _pair(first, second, always=False):
    return f"{first:g}, {second:g}" if first or second or always else ""


def _rates(train):
    rates = train.pretrain_learning_rate, train.generator_learning_rate, train.discriminator_learning_rate
    return ", ".join(f"{rate:g}" for rate in rates)


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("-o", "--out", type=Path, default=PAGE, help="page to write (default: docs/generations.md)")
    parser.add_argument("--rounds", type=int, default=15, help="number of timed calls of each generator (default: 15)")
    options = parser.parse_args()
    quiet_tensorflow()
    text = page(options.rounds)
    with whole_file(options.out) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(options.out)


if __name__ == "__main__":
    sys.exit(_main())
