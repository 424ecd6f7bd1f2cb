#!/bin/sh
# Whether OpenCV turns a photo upright depends on the colour flag it is read with.
#
# OpenCV 5.0.0: a photo whose EXIF data asks for a quarter turn is turned by imdecode with
# IMREAD_COLOR and left lying with IMREAD_UNCHANGED, though neither flag's name speaks of
# orientation (IMREAD_IGNORE_ORIENTATION exists, and is part of IMREAD_UNCHANGED's bits by way of
# -1). JPEG, PNG and WebP alike. Code that reads IMREAD_UNCHANGED for the sake of alpha pairs
# turned photos with lying masks.
#
# Seen, for a picture stored with 8 rows of 16:
#   JPEG  colour (16, 8)  unchanged (8, 16)
#   PNG   colour (16, 8)  unchanged (8, 16)
#   WEBP  colour (16, 8)  unchanged (8, 16)
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install pillow==13.0.0 numpy==2.4.6 opencv-python-headless==5.0.0.93
"$dir/venv/bin/python" - <<'PYTHON'
import io

import cv2
import numpy as np
from PIL import Image

exif = Image.Exif()
exif[0x112] = 6  # stored lying, to be turned clockwise
for kind in ("JPEG", "PNG", "WEBP"):
    file = io.BytesIO()
    Image.fromarray(np.zeros((8, 16, 3), np.uint8)).save(file, kind, exif=exif)
    data = np.frombuffer(file.getvalue(), np.uint8)
    colour = cv2.imdecode(data, cv2.IMREAD_COLOR).shape[:2]
    unchanged = cv2.imdecode(data, cv2.IMREAD_UNCHANGED).shape[:2]
    print(f"{kind:5} colour {colour}  unchanged {unchanged}")
    assert colour == (16, 8) and unchanged == (8, 16), "the behaviour has changed"
PYTHON
