# ONNX Runtime's side of `gsx bench infer --vs "python3 benchmarks/peers/onnxruntime_peer.py"`; see protocol.py.
# --int8 quantises every convolution statically: codes of 8 bits, weights per channel, scales from calibration.
import argparse
import os
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization

import protocol


class CycleGan:
    """The generator as an ONNX graph with random weights."""

    def __init__(self, size, batch, width=64, blocks=9):
        self.random, self.nodes, self.weights = np.random.default_rng(1), [], []
        shape = [batch, 3, size, size]
        x = self.conv("image", 3, width, 7, reflect=3)
        x = self.norm(x, width)
        for c in (width, 2 * width):
            x = self.norm(self.conv(x, c, 2 * c, 3, stride=2, pad=1), 2 * c)
        c = 4 * width
        for _ in range(blocks):
            y = self.norm(self.conv(x, c, c, 3, reflect=1), c)
            y = self.norm(self.conv(y, c, c, 3, reflect=1), c, relu=False)
            x = self.node("Add", [x, y])
        for c in (4 * width, 2 * width):
            x = self.norm(self.conv(x, c, c // 2, 3, stride=2, pad=1, transposed=True), c // 2)
        x = self.node("Tanh", [self.conv(x, width, 3, 7, reflect=3)])
        ends = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in ("image", x)]
        graph = helper.make_graph(self.nodes, "cyclegan", ends[:1], ends[1:], self.weights)
        self.model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
        onnx.checker.check_model(self.model)

    def node(self, kind, inputs, **attributes):
        out = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def weight(self, *shape, scale=1.0, shift=0.0):
        name = f"weight_{len(self.weights)}"
        values = (self.random.standard_normal(shape) * scale + shift).astype(np.float32)
        self.weights.append(numpy_helper.from_array(values, name))
        return name

    def ints(self, values):
        name = f"weight_{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(values, np.int64), name))
        return name

    def conv(self, x, c, k, size, stride=1, pad=0, reflect=0, transposed=False):
        if reflect:
            x = self.node("Pad", [x, self.ints([0, 0, reflect, reflect] * 2)], mode="reflect")
        shape = (c, k, size, size) if transposed else (k, c, size, size)
        more = {"output_padding": [1, 1]} if transposed else {}
        inputs = [x, self.weight(*shape, scale=(2 / (c * size * size)) ** 0.5), self.weight(k, scale=0.1)]
        return self.node("ConvTranspose" if transposed else "Conv", inputs, kernel_shape=[size, size],
                         strides=[stride, stride], pads=[pad] * 4, **more)

    def norm(self, x, c, relu=True):
        x = self.node("InstanceNormalization", [x, self.weight(c, scale=0.1, shift=1), self.weight(c, scale=0.1)])
        return self.node("Relu", [x]) if relu else x


class Calibration(quantization.CalibrationDataReader):
    def __init__(self, images):
        self.images = iter([{"image": p} for p in images])

    def get_next(self):
        return next(self.images, None)


def quantize(model, images, folder):
    plain, small = (os.path.join(folder, name) for name in ("plain.onnx", "int8.onnx"))
    onnx.save(model, plain)
    quantization.quantize_static(plain, small, Calibration(images), per_channel=True, op_types_to_quantize=["Conv"],
                                 quant_format=quantization.QuantFormat.QDQ,
                                 activation_type=quantization.QuantType.QUInt8,
                                 weight_type=quantization.QuantType.QInt8)
    return onnx.load(small)


def prepare(options, work):
    if work["what"] != "infer" or work["model"] != "cyclegan":
        raise NotImplementedError("only infer --model cyclegan")
    random = np.random.default_rng(2)
    shape = (work["batch"], 3, work["size"], work["size"])
    x = random.uniform(-1, 1, shape).astype(np.float32)
    model = CycleGan(work["size"], work["batch"]).model
    if options.int8:
        with tempfile.TemporaryDirectory() as folder:
            model = quantize(model, [random.uniform(-1, 1, shape).astype(np.float32) for _ in range(2)], folder)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.log_severity_level = 3
    # A thread that spins between runs would slow down the other side's turn.
    settings.add_session_config_entry("session.intra_op.allow_spinning", "1")
    settings.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings, providers=["CPUExecutionProvider"])
    return protocol.Work(lambda _: session.run(None, {"image": x}))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--int8", action="store_true")
    options = parser.parse_args()
    kind = "int8" if options.int8 else "fp32"
    protocol.serve(f"ONNX Runtime {onnxruntime.__version__} {kind}", lambda work: prepare(options, work))


main()
