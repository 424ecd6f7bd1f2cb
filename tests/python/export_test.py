"""gsx export's files in ONNX Runtime, against the network in gsx.

Runs by hand: python3 tests/python/export_test.py GSX_PROGRAM MODEL [MODEL...] with the packages gsx, onnx and
onnxruntime there (PYTHONPATH=tools/python, GSX_LIBRARY as tests/CMakeLists.txt has them). With --time in front of the
program it times them in turns instead, at 256x256 with two threads (--time=1: with one).
"""

import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort

import gsx


def session(path, optimise, threads=2):
    options = ort.SessionOptions()
    options.graph_optimization_level = (
        ort.GraphOptimizationLevel.ORT_ENABLE_ALL if optimise else ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    )
    options.intra_op_num_threads = threads
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def an_image(side):
    x = np.random.default_rng(side).integers(0, 256, (1, 3, side, side))
    return (x / 127.5 - 1).astype(np.float32)


def forms(model):
    return ["onnx", "onnx-qdq", "onnx-int8"] if model.info["quantized"] else ["onnx"]


def export(program, name, file, *flags):
    subprocess.run([program, "export", name, file, "--no-card", *flags], check=True, stdout=subprocess.DEVNULL)


def times(program, models, threads):
    x, runs = an_image(256), {}
    with tempfile.TemporaryDirectory() as folder:
        for name in models:
            model = gsx.load(name, threads=threads)
            runs[f"{name} in gsx"] = lambda model=model: model.run(x)
            shapes = [[form] for form in forms(model)]
            if model.info["quantized"]:
                shapes.append(["onnx-qdq", "--weights", "signed"])
            for form in shapes:
                file = f"{folder}/{len(runs)}.onnx"
                export(program, name, file, "--format", *form)
                run = session(file, True, threads)
                given = {run.get_inputs()[0].name: x}
                runs[f"{name} as {' '.join(form)}"] = lambda run=run, given=given: run.run(None, given)
        seconds = {what: [] for what in runs}
        for _ in range(12):
            for what, run in runs.items():
                start = time.perf_counter()
                run()
                seconds[what].append(time.perf_counter() - start)
    for what, each in seconds.items():
        print(f"{what}: median {1000 * statistics.median(each[2:]):.1f} ms, least {1000 * min(each[2:]):.1f} ms")
    return 0


def main(program, models):
    failed = False
    for name in models:
        model = gsx.load(name)
        quantized = model.info["quantized"]
        for form in forms(model):
            for extra in ([], ["--pad", "slice-concat"], ["--weights", "signed"]):
                if extra[:1] == ["--weights"] and form == "onnx":
                    continue
                with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
                    export(program, name, file.name, "--format", form, *extra)
                    onnx.checker.check_model(onnx.load(file.name), full_check=True)
                    for side in (64, 96):
                        x = an_image(side)
                        want = model.run(x)
                        span = want.max() - want.min()
                        for optimise in (False, True):
                            run = session(file.name, optimise)
                            got = run.run(None, {run.get_inputs()[0].name: x})[0]
                            error = np.abs(got - want)
                            grey = error / span * 255
                            good = (
                                error.max() <= 1e-4 * span
                                if not quantized
                                else form == "onnx" or (grey.mean() <= 1 and (grey <= 1).mean() >= 0.85)
                            )
                            failed |= not good
                            print(
                                f"{name} {form} {' '.join(extra)} {side} {'optimised' if optimise else 'plain'}: "
                                f"largest {error.max() / span:.2e} of range, mean {grey.mean():.3f} grey, "
                                f"{100 * (grey <= 1).mean():.1f} % within 1{'' if good else '  FAILED'}"
                            )
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1].startswith("--time"):
        sys.exit(times(sys.argv[2], sys.argv[3:], int(sys.argv[1].partition("=")[2] or 2)))
    sys.exit(main(sys.argv[1], sys.argv[2:]))
