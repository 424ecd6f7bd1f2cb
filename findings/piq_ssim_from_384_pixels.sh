#!/bin/sh
# piq's SSIM stops seeing a one-pixel checkerboard when the picture grows from 383 to 384 pixels.
#
# piq 0.8.0: ssim() first averages over squares of round(side / 256) pixels, which is 1 up to a
# shorter side of 383 and 2 from 384 on (downsample=True). The checkerboard that transposed
# convolutions leave sums to nothing over 2x2 pixels: from 384 on it is averaged away and the
# pictures count as identical, where pytorch-msssim 1.0.0 gives one low figure at any size. Scores
# of 256x256 and of 512x512 pictures, or of two crops of one, are those of two measures.
#
# Seen, for a smooth picture with and without a checkerboard of +-0.05:
#   383x383  piq 0.281  pytorch-msssim 0.281
#   384x384  piq 1.000  pytorch-msssim 0.281
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile torch==2.15.0 torchvision==0.29.2 numpy==2.4.6 \
  piq==0.8.0 pytorch-msssim==1.0.0
"$dir/venv/bin/python" - <<'PYTHON'
import piq
import pytorch_msssim
import torch

seen = {}
for side in (383, 384):
    at = torch.arange(side, dtype=torch.float32)
    smooth = (0.5 + 0.2 * torch.sin(at / 30)[:, None] * torch.cos(at / 40)[None])[None, None]
    sign = 1 - 2 * ((at[:, None] + at[None]) % 2)
    marked = smooth + 0.05 * sign
    seen[side] = (float(piq.ssim(marked, smooth, data_range=1.0)),
                  float(pytorch_msssim.ssim(marked, smooth, data_range=1.0)))
    print("{0}x{0}  piq {1:.3f}  pytorch-msssim {2:.3f}".format(side, *seen[side]))
assert abs(seen[383][0] - seen[383][1]) < 1e-3 and abs(seen[384][1] - seen[383][1]) < 0.01
assert seen[383][0] < 0.7 and seen[384][0] > 0.999, "the behaviour has changed"
PYTHON
