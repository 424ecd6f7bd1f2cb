#!/bin/sh
# torchmetrics' kernel_size for MS-SSIM decides which pictures are refused, and not the score.
#
# torchmetrics 1.9.0: the documentation of multi-scale SSIM calls kernel_size the size of
# the Gaussian kernel; the Gaussian's size is in truth taken from sigma (11 for 1.5), and
# kernel_size has no part in the value unless gaussian_kernel=False. It is part of the test for too
# small pictures, so that it looks alive: a wider kernel raises an error for the picture it would
# have scored the same. A paper's 'MS-SSIM with window 7' is this way the one with window 11.
#
# Seen, for 256x256 noise on noise:
#   kernel_size  3  Gaussian 0.9547  uniform 0.9485
#   kernel_size  7  Gaussian 0.9547  uniform 0.9552
#   kernel_size 13  Gaussian 0.9547  uniform 0.9561
#   kernel_size 17  refused
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile torch==2.15.0 numpy==2.4.6 torchmetrics==1.9.0
"$dir/venv/bin/python" - <<'PYTHON'
import torch
from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as ms_ssim

torch.manual_seed(0)
x = torch.rand(1, 3, 256, 256)
y = (x + 0.1 * torch.randn_like(x)).clamp(0, 1)
gaussian, uniform = [], []
for size in (3, 7, 13):
    gaussian.append(float(ms_ssim(y, x, kernel_size=size, data_range=1.0)))
    uniform.append(float(ms_ssim(y, x, kernel_size=size, data_range=1.0, gaussian_kernel=False)))
    print(f"kernel_size {size:2}  Gaussian {gaussian[-1]:.4f}  uniform {uniform[-1]:.4f}")
assert max(gaussian) - min(gaussian) < 1e-6, "the behaviour has changed"
assert max(uniform) - min(uniform) > 0.005, "the behaviour has changed"
try:
    ms_ssim(y, x, kernel_size=17, data_range=1.0)
    raise SystemExit("the behaviour has changed")
except ValueError:
    print("kernel_size 17  refused")
PYTHON
