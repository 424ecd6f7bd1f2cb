#!/bin/sh
# torchvision's rgb_to_grayscale gives half of all pixels one level less for a tensor than for a PIL image.
#
# torchvision 0.29.2, v2.functional.rgb_to_grayscale: for a PIL image it is Pillow's conversion,
# which rounds; for a uint8 tensor the weighted sum is cut to a whole number. The weights are the
# same. Grey versions of one photo differ by the kind of object they came from, always downwards.
#
# Seen:
#   of 65536 pixels 33584 differ, by -1 to 0
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install torch==2.15.0 torchvision==0.29.2 pillow==13.0.0 numpy==2.4.6
"$dir/venv/bin/python" - <<'PYTHON'
import numpy as np
import torch
from PIL import Image
from torchvision.transforms.v2 import functional

picture = np.random.RandomState(1).randint(0, 256, (256, 256, 3), dtype=np.uint8)
of_pil = np.asarray(functional.rgb_to_grayscale(Image.fromarray(picture))).astype(int)
of_tensor = functional.rgb_to_grayscale(torch.from_numpy(picture).permute(2, 0, 1))[0].numpy()
difference = of_tensor.astype(int) - of_pil
count = int((difference != 0).sum())
print(f"of {difference.size} pixels {count} differ, by {difference.min()} to {difference.max()}")
assert difference.min() == -1 and difference.max() == 0 and 0.45 < count / difference.size < 0.55
PYTHON
