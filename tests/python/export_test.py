"""gsx export's files in ONNX Runtime, against the network in gsx.

Runs by hand: python3 tests/python/export_test.py GSX_PROGRAM MODEL [MODEL...] with the packages gsx, onnx and
onnxruntime there (PYTHONPATH=tools/python, GSX_LIBRARY as tests/CMakeLists.txt has them).
"""

import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime as ort

import gsx


def session(path, optimise):
    options = ort.SessionOptions()
    options.graph_optimization_level = (
        ort.GraphOptimizationLevel.ORT_ENABLE_ALL if optimise else ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    )
    options.intra_op_num_threads = 2
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def main(program, models):
    failed = False
    for name in models:
        model = gsx.load(name)
        quantized = model.info["quantized"]
        for form in ["onnx", "onnx-qdq", "onnx-int8"] if quantized else ["onnx"]:
            for extra in ([], ["--pad", "slice-concat"], ["--weights", "signed"]):
                if extra[:1] == ["--weights"] and form == "onnx":
                    continue
                with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
                    subprocess.run(
                        [program, "export", name, file.name, "--format", form, *extra], check=True, stdout=subprocess.DEVNULL
                    )
                    onnx.checker.check_model(onnx.load(file.name), full_check=True)
                    for side in (64, 96):
                        x = np.random.default_rng(side).integers(0, 256, (1, 3, side, side))
                        x = (x / 127.5 - 1).astype(np.float32)
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
    sys.exit(main(sys.argv[1], sys.argv[2:]))
