"""Prints a benchmark's result as tables."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

_BUSY = 0.25  # load average per core above which timings are unreliable
_STEADY = 0.9  # least ratio of the lower to the higher matmul rate on a machine that does nothing else


def print_train(result: dict, console: Console) -> None:
    """Prints the result of `benchmark_train`."""
    machine, settings = result["machine"], result["settings"]
    device = ", ".join(machine["gpus"]) or "CPU"
    console.print(
        f"{machine['processor']}, {machine['cores']} cores, on {device}; TensorFlow {machine['tensorflow']}\n"
        f"style {settings['style']}, perceptual {settings['perceptual'].partition(':')[0]}, {settings['size']}x"
        f"{settings['size']}, batch {settings['batch']}, region {settings['region']}, {settings['precision']}, "
        f"{settings['steps']} steps"
    )
    note_load(machine, console)
    _print_step(result, console)
    _print_limit(result, console)
    if result["upstream"]:
        _print_upstream(result, console)


def print_prepare(result: dict, console: Console) -> None:
    """Prints the result of `benchmark_prepare`, to which `load_average`, the load before it, is added."""
    settings, jobs = result["settings"], result["settings"]["jobs"]
    photos = "bundled photos" if settings["photos"] is None else "photos"
    console.print(f"{settings['count']} {photos}, {settings['rounds']} rounds in turn, on {result['cores']} cores")
    note_load(result, console)
    table = Table(title="superpixels and L0 of photos", title_justify="left")
    for name in ("way", "images/s", "low to high", "with the start", "CPU ms an image", "parent"):
        table.add_column(name, justify="left" if name == "way" else "right")
    for name, way in result["ways"].items():
        rate = way["rate"]
        span = f"{rate['low']:.2f} to {rate['high']:.2f}"
        cpu = (f"{way[key]['median']:.1f}" for key in ("cpu_ms", "parent_cpu_ms"))
        table.add_row(name, f"{rate['median']:.2f}", span, f"{way['whole']['median']:.2f}", *cpu)
    console.print(table)
    for text, ratio, least in (
        (f"{jobs} jobs over one job", result["scaling"], 0.9 * min(jobs, result["cores"])),
        (f"{jobs} jobs over upstream's way", result["over_upstream"], None),
        ("one job over upstream's way", result["one_job_over_upstream"], None),
    ):
        goal = f"; 0.9 times the jobs that have a core is {least:.1f}" if least else ""
        console.print(f"{text}: {ratio['median']:.2f} times ({ratio['low']:.2f} to {ratio['high']:.2f}{goal})")


def note_load(machine: dict, console: Console) -> None:
    """Prints a warning if the machine was busy before the start."""
    if machine["load_average"] > _BUSY * machine["cores"]:
        console.print(f"the machine was busy before the start (load {machine['load_average']:.1f}): times are too long")


def _print_step(result, console):
    whole = result["step"]
    table = _table("adversarial step", "share")
    for part in result["parts"]:
        indent = "  " if part["within"] else ""
        table.add_row(indent + part["name"], *_times(part), f"{part['ms'] / whole['ms']:.1%}")
    table.add_section()
    total = result["parts_sum_ms"]
    table.add_row("sum of the parts, indented ones left out", f"{total:.1f}", "", f"{total / whole['ms']:.1%}")
    table.add_row("whole step", *_times(whole), "100%")
    console.print(table)
    console.print("Parts run alone; in the step some overlap and some are fused, so they need not add up to it.")
    console.print(
        f"{whole['images_per_second']:.3g} images/s; the first call, which compiles: {whole['first_call_s']:.0f} s"
    )
    wait = result["region_target_wait"]
    if wait:
        console.print(
            f"waiting for the region target: {wait['ms']:.1f} ms, {wait['share']:.0%} of the step "
            f"({wait['without_ms']:.1f} ms without one)"
        )


def _print_limit(result, console):
    flops, limit, memory = result["flops"], result["limit"], result["memory"]
    left_out = ", ".join(f"{count} x {what}" for what, count in flops["excluded"].items()) or "nothing"
    console.print(
        f"{flops['total'] / 1e9:.1f} GFLOP a step in convolutions, matrix products and FFTs (left out: {left_out}); "
        f"matrix products run at {limit['matmul_flops_per_second'] / 1e9:.0f} GFLOP/s in {limit['dtype']}: "
        f"{limit['share']:.0%} of the limit"
    )
    if min(limit["measured"]) < _STEADY * max(limit["measured"]):
        rates = " and ".join(f"{rate / 1e9:.0f}" for rate in limit["measured"])
        console.print(
            f"the machine was busy meanwhile ({rates} GFLOP/s before and after the steps): times are too long"
        )
    of_gpu = f", GPU {memory['gpu_bytes'] / 2**30:.2f} GiB" if "gpu_bytes" in memory else ""
    console.print(f"peak memory: process {memory['process_bytes'] / 2**30:.2f} GiB{of_gpu}")


def _print_upstream(result, console):
    upstream = result["upstream"]
    table = _table("upstream's way", "share")
    for part in upstream["parts"]:
        table.add_row(part["name"], *_times(part), f"{part['ms'] / upstream['ms']:.1%}")
    table.add_section()
    table.add_row("whole step", *_times(upstream), "100%")
    console.print(table)
    ratio = upstream["ratio"]
    console.print(
        f"{upstream['images_per_second']:.3g} images/s; ours is {ratio['median']:.2f} times as fast "
        f"({ratio['low']:.2f} to {ratio['high']:.2f} over {len(ratio['rounds'])} rounds)"
    )


def _table(title, *more):
    table = Table(title=title, title_justify="left")
    table.add_column("part")
    for name in ("ms", "low to high", *more):
        table.add_column(name, justify="right")
    return table


def _times(timed):
    return f"{timed['ms']:.1f}", f"{timed['ms_low']:.1f} to {timed['ms_high']:.1f}"


def print_pairs(result: dict, console: Console) -> None:
    """Prints the result of `benchmark_pairs`."""
    machine, settings = result["machine"], result["settings"]
    with_or_without = "with" if settings["discriminator"] else "without"
    console.print(
        f"{machine['processor']}, {machine['cores']} cores; TensorFlow {machine['tensorflow']}\nstyle "
        f"{settings['style']}, {with_or_without} discriminator, {settings['steps']} rounds in turn"
    )
    note_load(machine, console)
    for kind in result["kinds"]:
        table = _table(
            f"{kind['name']}: {kind['count']} crops of {kind['crop']}x{kind['crop']}", "times", "low to high"
        )
        for row in kind["rows"]:
            ratio = row["ratio"]
            table.add_row(
                row["name"], *_times(row), f"{ratio['median']:.2f}", f"{ratio['low']:.2f} to {ratio['high']:.2f}"
            )
        console.print(table)
    data = result["data"]
    console.print(f"a batch of the input pipeline, on one thread: {data['ms']:.0f} ms ({data['ms_high']:.0f} at most)")
    console.print(f"peak memory: process {result['memory']['process_bytes'] / 2**30:.2f} GiB")
