#!/usr/bin/env python3
"""From nothing to the first image: gsx's Python package against ONNX Runtime, on one model.

    python3 benchmarks/cold_start.py MODEL [MODEL.onnx] [--runs N]

Each run is a process of its own, in turns: import, open the model, translate one image of 256 x 256. Told are the
seconds that each run took beyond a Python that imports numpy alone, the median and the least of them. Without
MODEL.onnx the program `gsx` on the path, or GSX, makes one (--format onnx-qdq for 8-bit models). Needs the packages gsx
and onnxruntime.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

NUMPY = "import numpy as np; x = np.random.default_rng(1).integers(0, 256, (256, 256, 3), dtype=np.uint8)\n"
GSX = NUMPY + "import sys, gsx; y = gsx.load(sys.argv[1])(x); assert y.shape == x.shape"
ORT = NUMPY + (
    "import sys, onnxruntime as ort\n"
    "s = ort.InferenceSession(sys.argv[1], providers=['CPUExecutionProvider'])\n"
    "v = (x / 127.5 - 1).astype(np.float32).transpose(2, 0, 1)[None]\n"
    "y = s.run(None, {s.get_inputs()[0].name: v})[0]; assert y.shape == v.shape"
)


def seconds(code, *arguments):
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", code, *arguments], check=True)
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("onnx", nargs="?")
    parser.add_argument("--runs", type=int, default=9)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if options.onnx is None:
            options.onnx = os.path.join(folder, "model.onnx")
            program = os.environ.get("GSX", "gsx")
            subprocess.run([program, "export", options.model, options.onnx, "--no-card"], check=True, stdout=sys.stderr)
        runs = {"numpy": (NUMPY,), "gsx": (GSX, options.model), "ONNX Runtime": (ORT, options.onnx)}
        taken = {name: [] for name in runs}
        for turn in range(options.runs + 1):
            for name, run in runs.items():
                took = seconds(*run)
                if turn > 0:  # the first brings files into memory
                    taken[name].append(took)
    start, least = statistics.median(taken["numpy"]), min(taken["numpy"])
    for name in ("gsx", "ONNX Runtime"):
        print(f"{name}: median {statistics.median(taken[name]) - start:.3f} s, least {min(taken[name]) - least:.3f} s")


if __name__ == "__main__":
    main()
