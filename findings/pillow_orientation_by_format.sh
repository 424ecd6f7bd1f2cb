#!/bin/sh
# Pillow turns a TIFF upright by itself, and no other format.
#
# Pillow 13.0.0: with the same orientation tag, a TIFF arrives turned from Image.open, and JPEG,
# PNG and WebP arrive as they are stored until ImageOps.exif_transpose is called. A folder of one
# camera's pictures in two formats has two orientations, and imageio, which is Pillow for the one
# and tifffile for the other, leaves TIFF lying too: the same line of Python gives other pictures
# by library and by ending.
#
# Seen, for a picture stored with 8 rows of 16:
#   JPEG  opened (8, 16)  after exif_transpose (16, 8)
#   PNG   opened (8, 16)  after exif_transpose (16, 8)
#   WEBP  opened (8, 16)  after exif_transpose (16, 8)
#   TIFF  opened (16, 8)  after exif_transpose (16, 8)
#   TIFF by imageio (8, 16)
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install pillow==13.0.0 numpy==2.4.6 imageio==2.38.1 tifffile==2026.3.3
"$dir/venv/bin/python" - <<'PYTHON'
import io

import imageio.v3 as imageio
import numpy as np
from PIL import Image, ImageOps

exif = Image.Exif()
exif[0x112] = 6  # stored lying, to be turned clockwise


def rows_columns(image):
    return np.asarray(image.convert("RGB")).shape[:2]


for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 16, 3), np.uint8)).save(file, kind, exif=exif)
    data = file.getvalue()
    opened = rows_columns(Image.open(io.BytesIO(data)))
    turned = rows_columns(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    print(f"{kind:5} opened {opened}  after exif_transpose {turned}")
    assert turned == (16, 8)
    assert opened == ((16, 8) if kind == "TIFF" else (8, 16)), "the behaviour has changed"
other = imageio.imread(data, extension=".tiff").shape[:2]
print("TIFF by imageio", other)
assert other == (8, 16), "the behaviour has changed"
PYTHON
