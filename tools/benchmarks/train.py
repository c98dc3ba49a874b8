"""Times a training step: the whole, its parts, its share of the device's limit, and upstream's way in comparison."""

from __future__ import annotations

import contextlib
import statistics
import tempfile
from dataclasses import asdict
from pathlib import Path

import tensorflow as tf

from animegan3_tf import __version__
from animegan3_tf.comparison.speed import Timing, describe_machine, has_gpu, peak_memory, ratios, seconds_of, take_turns
from animegan3_tf.training.distribution import policy
from benchmarks.matmul_rate import matmul_rate
from benchmarks.parts import step_parts
from benchmarks.setup import TrainSettings, new_trainer, training_subject
from benchmarks.step_flops import count_step_flops
from benchmarks.upstream_step import UpstreamStep

WARM_UP = 2  # steps after the first, which compiles
_OURS, _THEIRS, _WITHOUT_REGION = "ours", "upstream", "without region target"


def benchmark_train(settings: TrainSettings, show=print) -> dict:
    """Measures what the settings select; returns plain values, for the report and for JSON."""
    machine = describe_machine()  # first, so that the load is that of other programs
    tf.get_logger().setLevel("ERROR")  # it would warn of many functions, since each part is one
    with contextlib.ExitStack() as stack:
        stack.enter_context(policy(settings.precision))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="animegan3-benchmark-")))
        show("images, targets and networks")
        subject = stack.enter_context(training_subject(settings, folder))
        return {
            "command": "train",
            "version": __version__,
            "machine": machine,
            "settings": asdict(settings),
            **_measure(settings, subject, stack, show),
        }


def _measure(settings, subject, stack, show):
    runs, first = {_OURS: fit_step(subject.trainer, iter(subject.batches))}, {}
    show("compiling and warming up")
    if has_gpu():
        tf.config.experimental.reset_memory_stats("GPU:0")
    first[_OURS] = warm_up(runs[_OURS])
    memory = peak_memory()  # before other networks are built
    if settings.host_share:
        other = new_trainer(subject.style, subject.network, tf.identity, settings.generator, settings.jit)
        runs[_WITHOUT_REGION] = fit_step(other, iter(subject.batches))
        first[_WITHOUT_REGION] = warm_up(runs[_WITHOUT_REGION])
    upstream_parts = []
    if settings.upstream:
        show("compiling upstream's way")
        upstream = UpstreamStep(subject.style, subject.network, settings.summaries)
        stack.callback(upstream.close)
        upstream.copy_weights(subject.trainer)
        batches = iter(subject.batches)

        def upstream_step():
            upstream(next(batches))
            upstream_parts.append(upstream.seconds)

        runs[_THEIRS] = upstream_step
        first[_THEIRS] = warm_up(upstream_step)
        upstream_parts.clear()

    dtype = tf.keras.mixed_precision.Policy(settings.precision).compute_dtype
    rates = [matmul_rate(dtype)]
    show(f"timing {settings.steps} steps")
    timings = take_turns(runs, settings.steps)
    rates.append(matmul_rate(dtype))
    show("timing the parts")
    parts = _time_parts(step_parts(subject), settings.steps)
    flops = _step_flops(subject)
    whole = timings[_OURS]
    return {
        "step": _step(whole, settings.batch, first[_OURS]),
        "parts": parts,
        "parts_sum_ms": sum(part["ms"] for part in parts if part["within"] is None),
        "region_target_wait": region_wait(timings) if settings.host_share else None,
        "flops": {"total": flops.total, "by_operation": flops.by_operation, "excluded": flops.excluded},
        "limit": {
            "dtype": dtype,
            "matmul_flops_per_second": max(rates),
            "measured": rates,
            "share": flops.total / max(rates) / whole.median,
        },
        "memory": memory,
        "upstream": _upstream(timings, upstream_parts, settings.batch, first) if settings.upstream else None,
    }


def fit_step(trainer, iterator):
    """One step as `fit` takes it, which reads every term afterwards, as the run's guard against NaN does."""

    def step():
        return {name: float(value) for name, value in trainer.train_function(iterator).items()}

    return step


def warm_up(run):
    """Warms up, and returns the seconds of the first call."""
    first = seconds_of(run)
    for _ in range(WARM_UP):
        run()
    return first


def _time_parts(parts, rounds):
    for part in parts:
        part.run()  # compiles
    timings = take_turns({part.name: part.run for part in parts}, rounds)
    timed = []
    for part in parts:
        timing = Timing(tuple(seconds / part.calls for seconds in timings[part.name].seconds))
        timed.append({"name": part.name, "within": part.within, **timing.to_dict()})
    return timed


def _step_flops(subject):
    """FLOPs of a step that is traced with fixed sizes, like the pipeline's batches."""
    step = tf.function(subject.trainer.train_step, autograph=False)
    return count_step_flops(step.get_concrete_function(subject.batches.element_spec))


def _step(timing, batch, first):
    return {**timing.to_dict(), "images_per_second": batch / timing.median, "first_call_s": first}


def region_wait(timings):
    """Computes the time that a step waits for its region target: on a GPU, for the host."""
    whole, without = timings[_OURS], timings[_WITHOUT_REGION]
    waits = [a - b for a, b in zip(whole.seconds, without.seconds)]
    wait = statistics.median(waits)
    return {"without_ms": 1e3 * without.median, "ms": 1e3 * wait, "share": wait / whole.median}


def _upstream(timings, parts, batch, first):
    values = ratios(timings[_THEIRS], timings[_OURS])
    return {
        **_step(timings[_THEIRS], batch, first[_THEIRS]),
        "parts": [
            {"name": name, **Timing(tuple(seconds[name] for seconds in parts)).to_dict()} for name in parts[0]
        ],
        "ratio": {"median": statistics.median(values), "low": min(values), "high": max(values), "rounds": values},
    }  # fmt: skip
