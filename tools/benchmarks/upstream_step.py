"""The adversarial step in upstream's order: three graph calls with Python in between."""

from __future__ import annotations

import time

import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from animegan3_tf import losses
from animegan3_tf.layers import LADE
from animegan3_tf.models.weights import named_weights, plain
from animegan3_tf.networks import build_discriminator, build_generator
from animegan3_tf.training.terms import COLOR_LOSSES, gray, guide
from benchmarks.upstream_host import UpstreamHost


class UpstreamStep:
    """One step of DTGAN's training on this project's networks and losses, in the order of the published TF1 script.

    Re-created: the first call draws the support image; scikit-image, OpenCV and NumPy make its targets on the CPU, one
    process for each image; the second call feeds them back, draws again, measures every loss on features of its own and
    updates the generator; the third draws again with the updated generator, runs a discriminator for each kind of
    image, updates them, and evaluates the generator's losses once more for a summary that is never written
    (`summaries`). LADE builds its second feature map, the perceptual network's weights are constants, so that
    TensorFlow merges repeated passes over one image within a call as it did in TF1, and Adam is TF1's kernel.
    Every call takes NumPy arrays and returns its losses to Python.

    Not re-created: TF1 itself (session overhead, its kernels, its version of CUDA), joblib's overhead, and upstream's
    way of writing the attention's softmax, the moments, the guided filter (cumulative sums) and the gradient of the
    power iteration; here this project's own are used, which take less time. Power iterations advance once a step. There
    is no averaged generator.
    """

    def __init__(self, style, network, summaries=True):
        self.style, self.network, self.summaries = style, network, summaries
        settings, size = style.train, style.data.image_size
        self.generator = build_generator(resize=settings.resize, lade="direct")
        self.support_discriminator, self.main_discriminator = (_discriminator(n) for n in ("support", "main"))
        self._support_tail = tf.keras.Model(self.generator.input, self.generator.output["support"])
        self._features = _constant_network(network, [settings.batch_size, size, size, 3])
        self._host = UpstreamHost(style.target, settings.batch_size)
        self._of_generator = _trained(self.generator)
        self._generator_optimizer = _Adam(settings.generator_learning_rate, self._of_generator)
        self._of_discriminators = _trained(self.support_discriminator, self.main_discriminator)
        self._discriminator_optimizer = _Adam(settings.discriminator_learning_rate, self._of_discriminators)
        self._draw = tf.function(self._draw_call)
        self._update_generator = tf.function(self._generator_call)
        self._update_discriminators = tf.function(self._discriminator_call)
        self.seconds = {}  # {part: seconds} of the last step

    def copy_weights(self, trainer):
        """Starts from the networks of a trainer."""
        for part in ("generator", "support_discriminator", "main_discriminator"):
            sources = named_weights(getattr(trainer, part))
            for name, weight in named_weights(getattr(self, part)).items():
                weight.assign(sources[name])

    def __call__(self, batch):
        """Runs one step on {photo, photo_region, anime, anime_smooth}; returns {term: float}."""
        seconds, since = {}, time.perf_counter()

        def lap(part):
            nonlocal since
            now = time.perf_counter()
            seconds[part], since = now - since, now

        fed = {name: tensor.numpy() for name, tensor in batch.items()}
        support, guided = (tensor.numpy() for tensor in self._draw(fed["photo"]))
        lap("call 1: draw")
        fed["fake_region"] = self._host.superpixels(guided)
        lap("superpixels")
        fed["revision"] = self._host.revisions(support)
        lap("NL-means and L0")
        terms = {name: float(value) for name, value in self._update_generator(fed).items()}
        lap("call 2: generator")
        of_discriminators = {name: float(value) for name, value in self._update_discriminators(fed).items()}
        lap("call 3: discriminators")
        self.seconds = seconds
        return {**terms, **of_discriminators}

    def close(self):
        """Ends the processes."""
        self._host.close()

    def _draw_call(self, photo):
        support = self._support_tail(photo, training=True)
        return support, guide(self.style.target, support)

    def _generator_call(self, fed):
        variables = self._of_generator
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            support, main = self._drawn(fed["photo"])
            support_logits = self.support_discriminator(gray(support), training=False)
            main_logits = self.main_discriminator(main, training=False)
            terms = self._generator_terms(fed, support, main, support_logits, main_logits)
            loss = tf.add_n(list(terms.values()))
        self._generator_optimizer.apply(tape.gradient(loss, variables))
        return {"loss": loss, **terms}

    def _discriminator_call(self, fed):
        weights = self.style.loss
        variables = self._of_discriminators
        support, main = self._drawn(fed["photo"])
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(variables)
            fake = self.support_discriminator(gray(support), training=False)
            real = self.support_discriminator(gray(fed["anime"]), training=False)
            edges = self.support_discriminator(gray(fed["anime_smooth"]), training=True)
            main_fake = self.main_discriminator(main, training=False)
            main_real = self.main_discriminator(fed["revision"], training=True)
            fakes = [(weights.support_fake, fake), (weights.support_edges, edges)]
            kind, labels = weights.adversarial, weights.support_labels
            of_support = losses.discriminator_loss(real, fakes, kind, *labels, weights.support_real)
            of_main = losses.discriminator_loss(main_real, [(1.0, main_fake)], kind, *weights.main_labels)
            terms = {"discriminator_support": of_support, "discriminator_main": weights.main_discriminator * of_main}
            loss = tf.add_n(list(terms.values()))
        self._discriminator_optimizer.apply(tape.gradient(loss, variables))
        if self.summaries:
            summaries = self._generator_terms(fed, support, main, fake, main_fake)
            terms |= {f"summary_{name}": value for name, value in summaries.items()}
        return terms

    def _drawn(self, photo):
        tails = self.generator(photo, training=True)
        return guide(self.style.target, tails["support"]), tails["main"]

    def _generator_terms(self, fed, support, main, support_logits, main_logits):
        """DTGAN eq. 6 to 15, each with passes of its own through the perceptual network."""
        loss, weights = self.style.loss, self.style.perceptual[self.network.family]
        color, kind, at = loss.color[loss.color_space], loss.adversarial, weights.distance
        region = weights.region_fake * self._distance(at, fed["fake_region"], support)
        region += weights.region_photo * self._distance(at, fed["photo_region"], support)
        terms = {
            "content": sum(w * self._distance(tap, fed["photo"], support) for tap, w in weights.content.items()),
            "region": region,
            "color": color * COLOR_LOSSES[loss.color_space](fed["photo"], support),
            "total_variation": loss.total_variation * losses.total_variation(support),
            "adversarial": loss.support_generator * losses.generator_loss(support_logits, kind, loss.support_labels[0]),
            "main_l1": loss.revision_l1 * losses.l1_loss(fed["revision"], main),
            "main_content": weights.revision * self._distance(at, fed["revision"], main),
            "main_total_variation": loss.total_variation * losses.total_variation(main),
            "main_adversarial": loss.main_generator * losses.generator_loss(main_logits, kind, loss.main_labels[0]),
        }
        anime, fake = self._features(gray(fed["anime"])), self._features(gray(support))
        for tap, weight in weights.style.items():
            distance = losses.gram_distance(anime[tap], fake[tap], self.network.gram_scales[tap])
            terms[f"style_{tap}"] = weight * distance
        if loss.flat_regions:
            terms["flat_regions"] = loss.flat_regions * losses.flat_region_loss(support, fed["photo_region"])
        if loss.identity:
            terms["identity"] = loss.identity * losses.l1_loss(fed["photo"], support)
        return terms

    def _distance(self, tap, x, y):
        scale = self.network.scales[tap]
        return losses.feature_distance(self._features(x)[tap], self._features(y)[tap], scale)


def _discriminator(tail):
    """A discriminator whose LADEs build their second feature map."""
    discriminator = build_discriminator(name=f"{tail}_discriminator")
    for layer in discriminator.layers:
        wrapped = getattr(layer, "layer", None)
        if isinstance(wrapped, LADE):
            wrapped.form = "direct"
    return discriminator


def _constant_network(network, shape):
    """The perceptual network with its weights as constants: a function from images of one shape to {tap: features}."""
    traced = tf.function(network.model).get_concrete_function(tf.TensorSpec(shape))
    taps = sorted(traced.structured_outputs)  # as TensorFlow flattens a dictionary
    frozen = convert_variables_to_constants_v2(traced)
    return lambda images: dict(zip(taps, frozen(tf.convert_to_tensor(images))))


def _trained(*models):
    """The variables that training changes, as tapes and kernels take them."""
    return [plain(variable) for model in models for variable in model.trainable_variables]


class _Adam:
    """Adam by the one fused kernel that TF1's ran; Keras' optimizers use several operations a variable."""

    def __init__(self, learning_rate, variables):
        self._rate, self._variables = learning_rate, variables
        self._moments = [[tf.Variable(tf.zeros(v.shape), trainable=False) for v in variables] for _ in range(2)]
        self._powers = [tf.Variable(decay, trainable=False) for decay in (0.5, 0.999)]

    def apply(self, gradients):
        for variable, first, second, gradient in zip(self._variables, *self._moments, gradients):
            tf.raw_ops.ResourceApplyAdam(
                **{"var": variable.handle, "m": first.handle, "v": second.handle, "grad": gradient, "lr": self._rate},
                **{"beta1_power": self._powers[0].read_value(), "beta2_power": self._powers[1].read_value()},
                **{"beta1": 0.5, "beta2": 0.999, "epsilon": 1e-8},
            )
        for power, decay in zip(self._powers, (0.5, 0.999)):
            power.assign(power * decay)
