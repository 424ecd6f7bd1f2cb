#!/bin/sh
# Pillow turns a grey PNG of 16 bits white where the same picture in RGB keeps its greys.
#
# Pillow 13.0.0 opens a grey PNG of 16 bits per sample in mode I;16, and convert('RGB') or
# convert('L') clip its samples at 255: everything above 255 of 65535, which is to say nearly all
# of a picture, becomes white. A PNG with three equal samples of 16 bits opens in mode RGB with
# the high byte of each, as OpenCV 5.0.0 reads both. Whoever loads photos by
# Image.open(f).convert('RGB'), as metric tools do, compares with white pictures, without a warning.
#
# Seen:
#   grey  Pillow [0, 255, 255, 255]  OpenCV [0, 1, 128, 255]
#   RGB   Pillow [0, 1, 128, 255]  OpenCV [0, 1, 128, 255]
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install pillow==13.0.0 numpy==2.4.6 opencv-python-headless==5.0.0.93
"$dir/venv/bin/python" - <<'PYTHON'
import io, struct, zlib

import cv2
import numpy as np
from PIL import Image

SAMPLES = [0, 256, 32768, 65535]


def png(channels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    colour = 0 if channels == 1 else 2
    row = b"\0" + b"".join(struct.pack(">H", s) * channels for s in SAMPLES)
    head = struct.pack(">IIBBBBB", len(SAMPLES), 1, 16, colour, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(row))
            + chunk(b"IEND", b""))


def read(data):
    pillow = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))[0, :, 0].tolist()
    opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[0, :, 0].tolist()
    return pillow, opencv


right = [0, 1, 128, 255]
for name, channels, expected in (("grey", 1, [0, 255, 255, 255]), ("RGB ", 3, right)):
    pillow, opencv = read(png(channels))
    print(name, " Pillow", pillow, " OpenCV", opencv)
    assert pillow == expected and opencv == right, "the behaviour has changed"
PYTHON
