#!/bin/sh
# torchvision's decode_image with mode RGB gives 16-bit values for a 16-bit PNG, so x / 255 reaches 257.
#
# torchvision 0.29.2: ImageReadMode.RGB asks for channels, not for bytes. A PNG of 16 bits comes
# back as torch.uint16 with 0..65535, in every mode, where Pillow and OpenCV give uint8 for the
# same RGB picture. The usual `decode_image(f, RGB) / 255` then feeds a network values up to 257
# and raises nothing.
#
# Seen:
#   RGB of 8 bits   torch.uint8   most / 255 = 1.0
#   RGB of 16 bits  torch.uint16  most / 255 = 257.0
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install torch==2.15.0 torchvision==0.29.2 numpy==2.4.6 opencv-python-headless==5.0.0.93
"$dir/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
import torch
from torchvision.io import ImageReadMode, decode_image

seen = []
for kind in (np.uint8, np.uint16):
    white = np.full((4, 4, 3), np.iinfo(kind).max, kind)
    data = cv2.imencode(".png", white)[1]
    x = decode_image(torch.from_numpy(data.flatten()), ImageReadMode.RGB)
    seen.append((x.dtype, float((x / 255).max())))
    print(f"RGB of {8 * white.itemsize} bits  {x.dtype}  most / 255 = {seen[-1][1]}")
assert seen == [(torch.uint8, 1.0), (torch.uint16, 257.0)], "the behaviour has changed"
PYTHON
