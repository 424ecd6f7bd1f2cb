"""Runs what `gsx export --format pytorch` wrote and compares it with what gsx computed.

python3 pytorch_check.py FOLDER...: each holds model.py, model.safetensors, inputs in_SIZE_INPUT.npy and results
out_SIZE.npy, and a file `quantized` where the network is one of 8 bits. Real networks are held to 1e-4 of their range. So
are a third of the images of 8-bit ones at least, and all to four grey levels in the mean: one value that lies between two
levels and rounds the other way moves all others of a small image, through the norms behind it. Needs torch, numpy and
safetensors. Without folders it only says whether these are there.
"""

import importlib.util
import sys

import numpy as np
import torch
from safetensors.torch import load_file

from folders import check_folders

torch.set_num_threads(1)


def module_of(folder):
    spec = importlib.util.spec_from_file_location("model", folder / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def check(folder):
    network = module_of(folder).load()
    names = set(load_file(folder / "model.safetensors"))
    spare = {name for name in network.state_dict() if not name.endswith("num_batches_tracked")} - names
    assert not spare, f"tensors without values: {spare}"
    quantized = (folder / "quantized").exists()
    exact = []
    for wanted in sorted(folder.glob("out_*.npy")):
        size = wanted.stem.split("_")[1]
        given = [torch.from_numpy(np.load(f)) for f in sorted(folder.glob(f"in_{size}_*.npy"))]
        with torch.no_grad():
            got = network(*given)
        got = (got[0] if isinstance(got, tuple) else got).numpy()
        want = np.load(wanted)
        assert got.shape == want.shape, f"size {size}: shape {got.shape} instead of {want.shape}"
        error = np.abs(got - want) / max(1e-6, float(want.max() - want.min()))
        each = error.reshape(len(error), -1).max(1)
        exact += list(each <= 1e-4)
        line = f"{folder.name} {size}: largest {error.max():.2e} of range, mean {255 * error.mean():.3f} grey"
        print(line)
        assert quantized or all(exact), line
        assert 255 * error.mean() <= 4, line
    assert 3 * sum(exact) >= len(exact), f"{sum(exact)} of {len(exact)} images within 1e-4 of the range"


if __name__ == "__main__":
    sys.exit(check_folders(check))
