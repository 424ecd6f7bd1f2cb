#!/bin/sh
# OpenVINO reads an ONNX Resize that asks for antialiasing and does it without.
#
# openvino 2026.4.1: the attribute antialias = 1 (opset 18 on) changes nothing, for linear and
# cubic alike, though OpenVINO has an antialiased interpolation and uses it for a PyTorch
# module with the same call. ONNX Runtime 1.32.0 and ONNX's reference filter as asked. A network
# that shrinks its input, or a metric's resize inside a file, sees aliased pictures on one of two
# runtimes, and neither says so.
#
# Seen, largest difference for values from 0 to 1, 32x32 to 8x8:
#   linear  ONNX Runtime with and without antialias 0.32  OpenVINO with and without 0.00
#   cubic   ONNX Runtime with and without antialias 0.54  OpenVINO with and without 0.00
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile openvino==2026.4.1 numpy==2.4.6 onnx==1.23.2 \
  onnxruntime==1.32.0
cd "$dir"
"$dir/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
import openvino
from onnx import TensorProto, helper, numpy_helper


def outputs(node, initializers, shape, opset):
    """What ONNX Runtime and OpenVINO (in float32) make of one node and one input."""
    graph = helper.make_graph([node], "graph",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(v, k) for k, v in initializers.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, "net.onnx")
    x = np.random.RandomState(0).rand(*shape).astype(np.float32)
    session = onnxruntime.InferenceSession("net.onnx", providers=["CPUExecutionProvider"])
    core = openvino.Core()
    compiled = core.compile_model(core.read_model("net.onnx"), "CPU",
                                  {"INFERENCE_PRECISION_HINT": "f32"})
    return session.run(None, {"x": x})[0], compiled(x)[0]


def resized(mode, antialias):
    node = helper.make_node("Resize", ["x", "", "", "sizes"], ["y"], mode=mode, antialias=antialias)
    return outputs(node, {"sizes": np.array([1, 3, 8, 8])}, (1, 3, 32, 32), 18)


for mode in ("linear", "cubic"):
    plain, asked = resized(mode, 0), resized(mode, 1)
    assert abs(plain[0] - plain[1]).max() < 1e-4
    differences = [abs(a - b).max() for a, b in zip(plain, asked)]
    print("{:6}  ONNX Runtime with and without antialias {:.2f}  "
          "OpenVINO with and without {:.2f}".format(mode, *differences))
    assert differences[0] > 0.3 and differences[1] < 1e-4, "the behaviour has changed"
PYTHON
