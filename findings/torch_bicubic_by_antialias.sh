#!/bin/sh
# PyTorch's bicubic enlargement changes its kernel with antialias, though nothing is made smaller.
#
# torch 2.15.0: F.interpolate(mode='bicubic') weighs by the cubic with a = -0.75, as OpenCV 5.0.0
# does; with antialias=True it takes a = -0.5, as Pillow 13.0.0 does. Antialiasing has nothing to do
# when a picture grows (bilinear agrees with itself either way), so that code which sets the
# flag "to be safe" overshoots a third less at an edge. The bicubic baseline of super-resolution, or
# the bicubic skip of a generator, is thereby two different pictures; so are their scores.
#
# Seen, for an edge from 0 to 1 and twice the size:
#   bicubic   antialias off  most 1.1055  from OpenCV's 0.0000  from Pillow's 0.0352
#   bicubic   antialias on   most 1.0703  from OpenCV's 0.0352  from Pillow's 0.0000
#   bilinear  antialias on and off differ by 0.0000
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile torch==2.15.0 pillow==13.0.0 numpy==2.4.6 \
  opencv-python-headless==5.0.0.93
"$dir/venv/bin/python" - <<'PYTHON'
import cv2
import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

edge = np.zeros((16, 16), np.float32)
edge[:, 8:] = 1
opencv = cv2.resize(edge, (32, 32), interpolation=cv2.INTER_CUBIC)
pillow = np.asarray(Image.fromarray(edge).resize((32, 32), Image.BICUBIC))


def enlarge(mode, antialias):
    x = torch.from_numpy(edge)[None, None]
    return F.interpolate(x, scale_factor=2, mode=mode, antialias=antialias)[0, 0].numpy()


seen = {}
for antialias in (False, True):
    y = enlarge("bicubic", antialias)
    seen[antialias] = (y.max(), abs(y - opencv).max(), abs(y - pillow).max())
    print("bicubic   antialias {:3}  most {:.4f}  from OpenCV's {:.4f}  "
          "from Pillow's {:.4f}".format("on" if antialias else "off", *seen[antialias]))
linear = abs(enlarge("bilinear", True) - enlarge("bilinear", False)).max()
print(f"bilinear  antialias on and off differ by {linear:.4f}")
assert abs(seen[False][0] - 1.1055) < 1e-3 and abs(seen[True][0] - 1.0703) < 1e-3
assert seen[False][1] < 1e-5 and seen[True][2] < 1e-5 and linear < 1e-5, "the behaviour has changed"
PYTHON
