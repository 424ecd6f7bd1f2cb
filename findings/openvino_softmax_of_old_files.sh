#!/bin/sh
# OpenVINO reads the Softmax of old ONNX files by the rules of new ones.
#
# openvino 2026.4.1: up to opset 12 Softmax flattens the axes from `axis` on into one and
# normalises over all of them; from opset 13 on over `axis` alone. OpenVINO takes the second
# meaning for both, so a spatial attention map of an old file (axis = 2 of NCHW: the map sums to
# 1) becomes one in which each column does, and the attended features are as many times too large
# as the map is wide. Nothing is said. ONNX Runtime 1.32.0 heeds the opset; LogSoftmax is right
# in both.
#
# Seen, the sum over rows and columns of a map of 4x7:
#   opset 11  ONNX Runtime 1.00  OpenVINO 7.00
#   opset 13  ONNX Runtime 7.00  OpenVINO 7.00
#   LogSoftmax, opset 11: they differ by 0.00
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


def node(kind):
    return helper.make_node(kind, ["x"], ["y"], axis=2)


for opset, right in ((11, 1), (13, 7)):
    both = outputs(node("Softmax"), {}, (1, 3, 4, 7), opset)
    ort, vino = (float(y.sum((2, 3)).mean()) for y in both)
    print(f"opset {opset}  ONNX Runtime {ort:.2f}  OpenVINO {vino:.2f}")
    assert abs(ort - right) < 1e-4 and abs(vino - 7) < 1e-4, "the behaviour has changed"
ort, vino = outputs(node("LogSoftmax"), {}, (1, 3, 4, 7), 11)
print(f"LogSoftmax, opset 11: they differ by {abs(ort - vino).max():.2f}")
assert abs(ort - vino).max() < 1e-4, "the behaviour has changed"
PYTHON
