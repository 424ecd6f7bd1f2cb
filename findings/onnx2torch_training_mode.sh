#!/bin/sh
# onnx2torch turns an inference file into a network in training mode.
#
# onnx2torch 1.5.15 with torch 2.15.0: the module that convert() returns has training = True, and
# with it every BatchNormalization computes the statistics of the batch at hand instead of using the
# ones in the file (and overwrites those in the module), and every Dropout, which ONNX defines
# as off unless an input turns it on, drops. A generator runs without complaint and paints something
# else; only eval() makes it the file's network.
#
# Seen, largest difference from ONNX Runtime 1.32.0 for normally distributed input:
#   BatchNormalization   as converted 1.64  after eval() 0.00
#   Dropout              as converted 2.77  after eval() 0.00
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
python3 -m venv "$dir/venv"
"$dir/venv/bin/pip" -q install --no-compile torch==2.15.0 torchvision==0.29.2 numpy==2.4.6 \
  onnx==1.23.2 onnxruntime==1.32.0 onnx2torch==1.5.15
"$dir/venv/bin/python" - <<'PYTHON'
import numpy as np
import onnx2torch
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

random = np.random.RandomState(0)
x = random.randn(2, 4, 9, 7).astype(np.float32)
statistics = {"gamma": np.full(4, 1), "beta": np.full(4, 0), "mean": np.full(4, 0.5),
              "var": np.full(4, 4)}


def file_of(kind, inputs):
    initializers = [numpy_helper.from_array(np.float32(statistics[name]), name) for name in inputs]
    graph = helper.make_graph([helper.make_node(kind, ["x", *inputs], ["y"])], "graph",
                              [helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, x.shape)],
                              initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


torch.manual_seed(0)
for kind, inputs in (("BatchNormalization", list(statistics)), ("Dropout", [])):
    model = file_of(kind, inputs)
    session = onnxruntime.InferenceSession(model.SerializeToString(),
                                           providers=["CPUExecutionProvider"])
    truth = session.run(None, {"x": x})[0]
    with torch.no_grad():
        converted = abs(onnx2torch.convert(model)(torch.from_numpy(x)).numpy() - truth).max()
        evaluated = abs(onnx2torch.convert(model).eval()(torch.from_numpy(x)).numpy() - truth).max()
    print(f"{kind:20} as converted {converted:.2f}  after eval() {evaluated:.2f}")
    assert converted > 0.5 and evaluated < 1e-5, "the behaviour has changed"
PYTHON
