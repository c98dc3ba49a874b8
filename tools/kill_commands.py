"""Kills commands outright at random moments, runs them again, and counts what is half-written, missing or left over.

    .venv/bin/python tools/kill_commands.py                        # 20 kills of each command
    .venv/bin/python tools/kill_commands.py stylize export --kills 3 --seed 1

Each kill begins in a new folder of tiny inputs. The moments are spread over the time that the command takes. A command
runs in a fork of this process, which has TensorFlow loaded already: what is killed is the work, not the start. Files
count as half-written when they stand under their final name and do not open, or have another content than those of a
run that nobody killed; all but these at the end is a leftover, in the system's folder for temporary files too.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))

from animegan3_tf.common import images
from animegan3_tf.common.console import quiet_tensorflow
from animegan3_tf.common.errors import UserError
from animegan3_tf.common.files import sha256_of

SIDE, PHOTOS = 64, 8
_TEMPORARY = "tmp"  # stands for the system's folder of temporary files
_TENSORFLOWS = "__autograph_generated_file"  # its own temporary files, of a few kilobytes, which it removes at its exit
_TRIES = 4  # runs for a kill: one that ends before its moment is begun anew
_SAME = {".png", ".jpg", ".tflite", ".h5", ".npz"}  # files that are the same in every run


def _photos(folder: Path) -> None:
    from helpers.prepared_folders import picture

    for i in range(PHOTOS):
        images.write_image(folder / "photos" / f"{i:02}.png", picture(i, SIDE))


def _weights(folder: Path) -> None:
    from animegan3_tf.models.weights import save_generator
    from animegan3_tf.networks import build_generator

    save_generator(folder / "w.h5", build_generator("main"))


def _drawings(folder: Path) -> None:
    from helpers.prepared_folders import picture

    for i in range(PHOTOS):
        images.write_image(folder / "anime" / f"{i:02}.png", picture(100 + i, SIDE))


def _style(folder: Path) -> None:
    from helpers.prepared_folders import picture
    from helpers.tiny_training import TINY_TOML

    for i in range(PHOTOS):
        images.write_image(folder / "photo" / f"{i:02}.png", picture(i, SIDE))
        images.write_image(folder / "tiny" / "style" / f"{i:02}.png", picture(100 + i, SIDE))
    (folder / "tiny.toml").write_text(TINY_TOML)


def _features(folder: Path) -> None:
    from helpers.tiny_training import resnet_arrays

    np.savez(folder / "net.npz", **resnet_arrays())


def _published(folder: Path) -> None:
    from helpers.tf1_files import random_variables, write_checkpoint

    write_checkpoint(folder / "theirs.ckpt", random_variables("animegan2"))


_COMPARED = "--photos photos --anime anime --cache cache --no-faces -o out"
COMMANDS: dict[str, tuple[str, tuple[Callable[[Path], None], ...]]] = {  # what is run, and what makes its inputs
    "stylize": ("stylize photos -o out --model w.h5", (_photos, _weights)),
    "prepare": ("prepare --style tiny.toml --data . --jobs 1 --set data.image_size=64 --balance mean", (_style,)),
    "faces": ("faces photos -o out --center --size 64", (_photos,)),
    "export": ("export w.h5 -o out --size 64", (_weights,)),
    "import": ("import animegan2 theirs.ckpt -o out.h5", (_published,)),
    "evaluate": (
        f"evaluate --generated w.h5 --features resnet18:net.npz {_COMPARED}",
        (_photos, _drawings, _weights, _features),
    ),
    "compare": (f"compare --model ours=w.h5 --no-timing {_COMPARED}", (_photos, _drawings, _weights)),
}


@dataclass
class Outcome:
    """What the kills of one command came to.

    Attributes:
        command: Its name.
        seconds: What a run that nobody killed takes.
        moments: Number of runs that were killed.
        torn: Files that were half-written, each with the moment.
        incomplete: Reruns that failed or lack a file.
        leftovers: Files and folders that stood there after the reruns, beside what belongs there.
    """

    command: str
    seconds: float
    moments: int
    torn: list[str]
    incomplete: list[str]
    leftovers: list[str]

    def __str__(self) -> str:
        whole = self.moments - len(self.incomplete)
        return (
            f"{self.command}: {self.moments} moments of {self.seconds:.1f} s, half-written files {len(self.torn)}, "
            f"reruns complete {whole}, leftovers {len(self.leftovers)}"
        )


def kill_command(name: str, kills: int = 20, seed: int = 0, root: Path | None = None) -> Outcome:
    """Kills one of `COMMANDS` again and again.

    Args:
        name: Its name.
        kills: Number of kills.
        seed: Of the moments.
        root: Where to work; a temporary folder by default.

    Returns:
        What it came to.

    Raises:
        UserError: The command fails without a kill, or ends before nearly every kill.
    """
    if name not in COMMANDS:
        raise UserError(f"command {name!r} is unknown; choose from {', '.join(COMMANDS)}")
    with contextlib.ExitStack() as stack:
        root = root or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        line, makers = COMMANDS[name]
        arguments = line.split()
        inputs, alone = root / "inputs", root / "alone"
        inputs.mkdir(parents=True)
        (inputs / _TEMPORARY).mkdir()
        # in a process of its own: TensorFlow, once it has computed, does not survive a fork
        if _wait(_start(lambda: [make(inputs) for make in makers], inputs)):
            raise UserError(f"the inputs of {name} cannot be made: {_last_line(inputs)}")
        shutil.copytree(inputs, alone)
        began = time.monotonic()
        if _wait(_start(_command(arguments), alone)):
            raise UserError(f"{line} fails without a kill: {_last_line(alone)}")
        outcome = Outcome(name, time.monotonic() - began, 0, [], [], [])
        expected = _described(alone)
        rng = random.Random(f"{seed} {name}")
        tries = 0
        while outcome.moments < kills:
            if tries == kills * _TRIES:
                raise UserError(f"{name} ended before {tries - outcome.moments} of {tries} kills; is another run busy?")
            tries += 1
            moment = outcome.seconds * (outcome.moments + rng.random()) / kills
            folder = root / "killed"
            shutil.copytree(inputs, folder)
            process = _start(_command(arguments), folder)
            time.sleep(moment)
            os.kill(process, signal.SIGKILL)
            if _wait(process) == -signal.SIGKILL:
                outcome.moments += 1
                outcome.torn += [f"{torn} at {moment:.2f} s" for torn in _torn(folder, expected)]
                status, found = _wait(_start(_command(arguments), folder)), _described(folder)
                if status or not expected.items() <= found.items():
                    outcome.incomplete.append(f"status {status} after {moment:.2f} s: {_last_line(folder)}")
                outcome.leftovers += sorted(f"{path} at {moment:.2f} s" for path in found.keys() - expected.keys())
            shutil.rmtree(folder)
    return outcome


_LOG = "log"  # what the command prints, in its folder


def _command(arguments: Sequence[str]) -> Callable[[], object]:
    def run() -> None:
        from animegan3_tf.cli import main

        sys.argv = ["animegan3", *arguments]
        main()

    return run


def _start(work: Callable[[], object], folder: Path) -> int:
    """Does `work` in a fork that lives in `folder`; returns its process id."""
    sys.stdout.flush()
    process = os.fork()
    if process:
        return process
    status = 1
    try:
        os.chdir(folder)
        log = os.open(_LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.environ["TMPDIR"] = str(folder / _TEMPORARY)
        tempfile.tempdir = None  # asks TMPDIR anew
        work()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:
        print(f"{type(error).__name__}: {error}", file=sys.stderr)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(process: int) -> int:
    """Its exit status, negative for a signal."""
    _, status = os.waitpid(process, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def _last_line(folder: Path) -> str:
    return ((folder / _LOG).read_text(errors="replace").splitlines() or ["nothing printed"])[-1]


def _described(folder: Path) -> dict[str, str]:
    """{path: SHA-256 where every run makes the same file, else its kind} of all that lies in a folder."""
    found = {}
    for path in folder.rglob("*"):
        if path.name.startswith(_TENSORFLOWS):
            continue
        same = path.suffix in _SAME and path.is_file()
        found[path.relative_to(folder).as_posix()] = sha256_of(path) if same else "folder" if path.is_dir() else "file"
    del found[_LOG]
    return found


def _torn(folder: Path, expected: dict[str, str]) -> list[str]:
    """The files that stand under their final names and are not whole."""
    torn = []
    for path in (path for path in folder.rglob("*") if path.is_file()):
        name = path.relative_to(folder).as_posix()
        hidden = any(part.startswith(".") for part in Path(name).parts)
        if name == _LOG or hidden or name.startswith(f"{_TEMPORARY}/") or name not in expected:
            continue
        if not _whole(path) or expected[name] not in ("file", sha256_of(path)):
            torn.append(name)
    return torn


def _whole(path: Path) -> bool:
    text = "" if path.suffix not in (".json", ".html", ".csv", ".md", ".tex") else path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        try:
            values = json.loads(text)
        except ValueError:
            return False
        if path.name == "export.json":
            return all(sha256_of(path.parent / file["file"]) == file["sha256"] for file in values["files"])
        return True
    return text.rstrip().endswith("</html>") if path.suffix == ".html" else not text or text.endswith("\n")


def main(names: Sequence[str], kills: int, seed: int) -> bool:
    """Prints a line for each command, and its faults; returns whether there were none."""
    good = True
    for name in names or COMMANDS:
        outcome = kill_command(name, kills, seed)
        faults = [*outcome.torn, *outcome.incomplete, *outcome.leftovers]
        good &= not faults
        print(outcome, *(f"    {fault}" for fault in faults), sep="\n", flush=True)
    return good


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commands", nargs="*", help="some of " + ", ".join(COMMANDS) + "; all by default")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    quiet_tensorflow()
    import tensorflow  # noqa: F401  # before the forks, which then need not

    try:
        sys.exit(0 if main(options.commands, options.kills, options.seed) else 1)
    except UserError as problem:
        sys.exit(f"kill_commands: {problem}")
