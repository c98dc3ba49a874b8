"""Frozen graphs as TensorFlow 1's contrib.layers wrote them, built from variables by the names of checkpoints."""

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1


class _Scope:
    """Layers of the original authors' code; a convolution reads the next numbered variable of its scope."""

    def __init__(self, arrays, epsilon, align_corners, activation):
        self.arrays, self.epsilon, self.align_corners, self.activation = arrays, epsilon, align_corners, activation
        self.counts = {}

    def variable(self, name):
        return tf.identity(tf.constant(self.arrays[name], name=name), name=f"{name}/read")

    def next(self, scope, kind):
        number = self.counts[scope, kind] = self.counts.get((scope, kind), -1) + 1
        return f"{scope}/{kind}{f'_{number}' if number else ''}"

    def conv(self, x, scope, before=1, after=1, strides=1):
        x = tf.pad(x, [[0, 0], [before, after], [before, after], [0, 0]], "REFLECT")
        return tf1.nn.conv2d(x, self.variable(f"{self.next(scope, 'Conv')}/weights"), [1, strides, strides, 1], "VALID")

    def lade(self, x, scope):
        target = self.conv(x, scope, 0, 0)
        target_mean, target_variance = tf1.nn.moments(target, [1, 2], keep_dims=True)
        mean, variance = tf1.nn.moments(x, [1, 2], keep_dims=True)
        return (x - mean) / tf.sqrt(variance + self.epsilon) * tf.sqrt(target_variance + self.epsilon) + target_mean

    def layer_norm(self, x, name):
        mean, variance = tf1.nn.moments(x, [1, 2, 3], keep_dims=True)
        gamma, beta = self.variable(f"{name}/gamma"), self.variable(f"{name}/beta")
        return tf1.nn.batch_normalization(x, mean, variance, beta, gamma, self.epsilon)

    def activate(self, x):
        return self.activation(x)

    def up(self, x):
        size = tf.stack([2 * tf.shape(x)[1], 2 * tf.shape(x)[2]])
        return tf.raw_ops.ResizeBilinear(images=x, size=size, align_corners=self.align_corners)


def _animegan3(g, photo):
    def block(x, scope, before=1, after=1, strides=1):
        return g.activate(g.lade(g.conv(x, scope, before, after, strides), scope))

    skips = [block(photo, "generator/base", 3, 3)]
    for _ in range(3):
        x = block(skips[-1], "generator/base", 1, 0, 2)
        skips.append(block(x, "generator/base"))
    x = _attention(g, skips.pop(), "generator/main/External_attention")
    while skips:
        x = block(g.up(x), "generator/main")
        x = block(x + skips.pop(), "generator/main")
    return g.conv(x, "generator/main", 3, 3)


def _attention(g, x, scope):
    shape, memory = tf.shape(x), g.variable(f"{scope}/kernel")
    y = tf.reshape(g.conv(x, scope, 0, 0), tf.stack([shape[0], -1, 128]))
    y = tf1.nn.conv1d(y, memory, 1, "VALID")
    y = tf.transpose(tf.nn.softmax(tf.transpose(y, [0, 2, 1])), [0, 2, 1])
    y = y / (1e-9 + tf.reduce_sum(y, 2, keepdims=True))
    y = tf1.nn.conv1d(y, tf.transpose(memory, [0, 2, 1]), 1, "VALID")
    y = g.conv(tf.reshape(y, tf.stack([shape[0], shape[1], shape[2], 128])), scope, 0, 0)
    parts = [g.variable(f"generator_1/main/External_attention/Variable{part}") for part in ("", "_1", "_2", "_3")]
    gamma, beta, mean, variance = parts
    return tf.nn.leaky_relu(tf1.nn.batch_normalization(y, mean, variance, beta, gamma, 1e-3) + x, 0.2)


def _animegan2(g, photo):
    scope = "generator/G_MODEL"

    def block(x, part, before=1, after=1, strides=1):
        x = g.conv(x, f"{scope}/{part}", before, after, strides)
        return g.activate(g.layer_norm(x, g.next(f"{scope}/{part}", "LayerNorm")))

    def residual(x, number):
        name = f"{scope}/C/r{number}"
        y = g.activate(g.layer_norm(g.conv(x, name, 0, 0), f"{name}/LayerNorm"))
        y = tf.pad(y, [[0, 0], [1, 1], [1, 1], [0, 0]], "REFLECT")
        y = tf1.nn.depthwise_conv2d(y, g.variable(f"{name}/r{number}/w"), [1, 1, 1, 1], "VALID")
        y = tf.nn.bias_add(y, g.variable(f"{name}/r{number}/bias"))
        y = g.layer_norm(g.conv(g.activate(g.layer_norm(y, f"{name}/1")), name, 0, 0), f"{name}/2")
        return x + y if x.shape[-1] == y.shape[-1] else y

    x = block(photo, "A", 3, 3)
    x = block(block(x, "A", 0, 1, 2), "A")
    x = block(block(x, "B", 0, 1, 2), "B")
    x = block(x, "C")
    for number in range(1, 5):
        x = residual(x, number)
    x = block(x, "C")
    x = block(block(g.up(x), "D"), "D")
    x = block(block(block(g.up(x), "E"), "E"), "E", 3, 3)
    return g.conv(x, f"{scope}/out_layer", 0, 0)


_NETWORKS = {"animegan2": (_animegan2, 1e-12), "animegan3": (_animegan3, 1e-5)}


def frozen_graph(architecture, arrays, epsilon=None, align_corners=False, activation=None):
    """A GraphDef that computes the published network, from `photo` to `picture`.

    arrays: {name of a variable: array}. epsilon: of its normalisations, instead of its own; a tensor made of it is as
    good. activation: in place of LeakyReLU with slope 0.2.
    """
    build, own = _NETWORKS[architecture]
    with tf.Graph().as_default() as graph:
        photo = tf1.placeholder(tf.float32, [1, None, None, 3], "photo")
        activation = activation or (lambda x: tf.nn.leaky_relu(x, 0.2))
        scope = _Scope(arrays, np.float32(own if epsilon is None else epsilon), align_corners, activation)
        tf.tanh(build(scope, photo), name="picture")
        return graph.as_graph_def()


def write_frozen_graph(path, architecture, arrays, **options):
    """Writes a `frozen_graph`; returns the path."""
    path.write_bytes(frozen_graph(architecture, arrays, **options).SerializeToString())
    return path


def run_graph(graph, photo, source, result):
    """The picture of a GraphDef by plain TensorFlow: float32 [1, H, W, 3] in [-1, 1] to the same."""
    with tf.Graph().as_default() as loaded:
        tf.import_graph_def(graph, name="")
        options = tf1.ConfigProto()
        # TensorFlow 2.15 with oneDNN dies rewriting LADE as these graphs write it
        options.graph_options.rewrite_options.remapping = 2  # off
        with tf1.Session(graph=loaded, config=options) as session:
            return session.run(f"{result}:0", {f"{source}:0": photo})
