#!/bin/sh
# ONNX Runtime's quantisers leave transposed convolutions in floats, but in one of three forms.
#
# onnxruntime 1.32.0: quantize_static in the form QDQ puts a ConvTranspose between quantised values. In
# the form QOperator, and by quantize_dynamic, it keeps its float weights, and nothing says so: a
# generator's way up, often the larger half of its work, goes on in floats in a file that is called
# quantised. InstanceNormalization is the same: in QDQ its gamma and beta are rounded too, in the
# others they are not.
#
# Seen, of a network of Conv, InstanceNormalization, Relu, ConvTranspose, Tanh:
#   QDQ       float weights: none   between quantised values: Conv InstanceNormalization ConvTranspose
#   QOperator float weights: up     integer operators: QLinearConv
#   dynamic   float weights: up     integer operators: ConvInteger
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile onnxruntime==1.32.0 onnx==1.23.2 numpy==2.4.6
cd "$dir"
"$dir/venv/bin/python" - <<'PYTHON'
import logging

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static

logging.disable(logging.WARNING)
random = np.random.default_rng(0)


def normal(*shape):
    return random.normal(size=shape).astype(np.float32)


class Images(CalibrationDataReader):
    def __init__(self):
        self.left = [{"x": normal(1, 3, 16, 16)} for _ in range(3)]

    def get_next(self):
        return self.left.pop() if self.left else None


weights = {"down": (8, 3, 3, 3), "gamma": (8,), "beta": (8,), "up": (8, 3, 4, 4)}
halves = dict(strides=[2, 2], pads=[1] * 4)
nodes = [
    helper.make_node("Conv", ["x", "down"], ["a"], **halves),
    helper.make_node("InstanceNormalization", ["a", "gamma", "beta"], ["b"]),
    helper.make_node("Relu", ["b"], ["c"]),
    helper.make_node("ConvTranspose", ["c", "up"], ["d"], **halves),
    helper.make_node("Tanh", ["d"], ["y"]),
]
graph = helper.make_graph(
    nodes, "generator",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 16, 16])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3, 16, 16])],
    [numpy_helper.from_array(normal(*shape), name) for name, shape in weights.items()])
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "f.onnx")

quantize_static("f.onnx", "QDQ.onnx", Images(), quant_format=QuantFormat.QDQ)
quantize_static("f.onnx", "QOperator.onnx", Images(), quant_format=QuantFormat.QOperator)
quantize_dynamic("f.onnx", "dynamic.onnx")
seen = {}
for form in ("QDQ", "QOperator", "dynamic"):
    made = onnx.load(form + ".onnx").graph
    floats = [i.name for i in made.initializer if i.data_type == TensorProto.FLOAT and len(i.dims) == 4]
    dequantized = {n.output[0] for n in made.node if n.op_type == "DequantizeLinear"}
    if form == "QDQ":
        found = [n.op_type for n in made.node
                 if n.op_type in ("Conv", "InstanceNormalization", "ConvTranspose")
                 and all(name in dequantized for name in n.input)]
    else:
        found = [n.op_type for n in made.node if n.op_type in ("QLinearConv", "ConvInteger")]
    what = "between quantised values:" if form == "QDQ" else "integer operators:"
    print("{:9} float weights: {:6} {} {}".format(form, " ".join(floats) or "none", what, " ".join(found)))
    seen[form] = floats, found
assert seen == {
    "QDQ": ([], ["Conv", "InstanceNormalization", "ConvTranspose"]),
    "QOperator": (["up"], ["QLinearConv"]),
    "dynamic": (["up"], ["ConvInteger"]),
}, seen
PYTHON
