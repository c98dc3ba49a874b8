"""Callbacks without a training: a clock that is set by hand, and steps that only count."""

from types import SimpleNamespace


class Clock:
    """Seconds that pass when told to."""

    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


def drive(callback, terms, phase="adversarial", first=1, clock=None, seconds=0.0):
    """Has a callback see one phase: `terms` is the logs of each of its steps, `seconds` what a step takes."""
    callback.set_model(SimpleNamespace(steps_done=first - 1, phase=phase))
    callback.on_train_begin()
    for logs in terms:
        if clock is not None:
            clock.now += seconds
        callback.on_train_batch_end(0, logs)
    callback.on_train_end()
