#!/bin/sh
# A network with circular padding becomes one with zero padding on its way to ncnn.
#
# pnnx 20261020 and ncnn 1.0.20261020 with torch 2.15.0: F.pad and Conv2d with reflect and
# replicate padding arrive right; with circular padding the ncnn file holds a Padding layer
# of constant zeros. No step says so, and everything further from the border than the padding
# reaches is right. Generators of tiling textures pad circularly: their tiles get seams. (pnnx's
# own file keeps 'circular', and its PyTorch twin is exact.)
#
# Seen, the row above the picture 0 1 2 / 3 4 5 / 6 7 8:
#   reflect    PyTorch [4.0, 3.0, 4.0, 5.0, 4.0]  ncnn [4.0, 3.0, 4.0, 5.0, 4.0]
#   replicate  PyTorch [0.0, 0.0, 1.0, 2.0, 2.0]  ncnn [0.0, 0.0, 1.0, 2.0, 2.0]
#   circular   PyTorch [8.0, 6.0, 7.0, 8.0, 6.0]  ncnn [0.0, 0.0, 0.0, 0.0, 0.0]
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile torch==2.15.0 numpy==2.4.6 pnnx==20261020 \
  ncnn==1.0.20261020
cd "$dir"
cat > run.py <<'PYTHON'
import ncnn
import numpy as np
import pnnx
import torch
import torch.nn.functional as F


class Pad(torch.nn.Module):
    def __init__(self, mode):
        super().__init__()
        self.mode = mode

    def forward(self, x):
        return F.pad(x, (1, 1, 1, 1), mode=self.mode)


x = torch.arange(9.0).view(1, 1, 3, 3)
for mode in ("reflect", "replicate", "circular"):
    pad = Pad(mode).eval()
    pnnx.export(pad, "net.pt", (x,), fp16=False)
    net = ncnn.Net()
    net.load_param("net.ncnn.param")
    net.load_model("net.ncnn.bin")
    with net.create_extractor() as run:
        run.input("in0", ncnn.Mat(x[0].numpy()).clone())
        y = np.array(run.extract("out0")[1])
    right = pad(x)[0].numpy()
    print(f"> {mode:9}  PyTorch {right[0, 0].tolist()}  ncnn {y[0, 0].tolist()}")
    assert np.array_equal(y[:, 1:-1, 1:-1], right[:, 1:-1, 1:-1])
    assert np.array_equal(y, right) == (mode != "circular"), "the behaviour has changed"
    assert mode != "circular" or not y[0, 0].any(), "the behaviour has changed"
PYTHON
"$dir/venv/bin/python" run.py > seen.txt 2>&1 || { cat seen.txt; exit 1; }
sed -n 's/^> //p' seen.txt
