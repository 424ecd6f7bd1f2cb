"""Runs what `gsx export --format ncnn` wrote and compares it with what gsx computed.

python3 ncnn_check.py FOLDER...: each holds model.param, model.bin, inputs in_SIZE_0.npy and results out_SIZE.npy, which
must be met to 1e-4 of their range, in fp32. Needs ncnn and numpy. Without folders it only says whether these are there.
"""

import sys

import ncnn
import numpy as np

from folders import check_folders


def network(folder):
    net = ncnn.Net()
    net.opt.num_threads = 1
    net.opt.use_fp16_packed = net.opt.use_fp16_storage = net.opt.use_fp16_arithmetic = False
    assert net.load_param(str(folder / "model.param")) == 0, "the .param is refused"
    assert net.load_model(str(folder / "model.bin")) == 0, "the .bin is refused"
    return net


def run(net, x):
    extractor = net.create_extractor()
    x = np.ascontiguousarray(x)  # a Mat only points to it, and layers write over what they are given
    extractor.input("data", ncnn.Mat(x).clone())
    code, y = extractor.extract("output")
    assert code == 0, "no result"
    return np.array(y)


def check(folder):
    net = network(folder)
    for wanted in sorted(folder.glob("out_*.npy")):
        images = np.load(folder / f"in_{wanted.stem.split('_')[1]}_0.npy")
        want = np.load(wanted)
        got = np.stack([run(net, image) for image in images])
        if got.ndim < want.ndim:
            got = got.reshape(got.shape + (1,) * (want.ndim - got.ndim))
        assert got.shape == want.shape, f"shape {got.shape} instead of {want.shape}"
        error = np.abs(got - want).max() / max(1e-6, float(want.max() - want.min()))
        line = f"{folder.name} {wanted.stem}: largest {error:.2e} of range"
        print(line)
        assert error <= 1e-4, line


if __name__ == "__main__":
    sys.exit(check_folders(check))
