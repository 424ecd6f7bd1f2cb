# Makes onnx_integers.safetensors: small quantised ONNX files, one per form that files have
# (onnx_net.py says what of each is in it). Run: python3 make_onnx_integers.py    (onnx 1.23, onnxruntime
# 1.32, numpy)
import numpy as np

from onnx_net import IMAGE, Net, case, golden, rng, weights

ONE = np.float32(1 / 64)
OUT = np.float32(1 / 50)


def quantized(net, x, step, zero):
    return net.add("QuantizeLinear", x, net.const(step), net.const(zero))


def real(net, x, step, zero):
    return net.add("DequantizeLinear", x, net.const(step), net.const(zero))


def qdq(net, step=ONE, zero=np.uint8(128)):
    return real(net, quantized(net, net.last, step, zero), step, zero)


def bytes_of(*shape, lo=-127, kind=np.int8):
    return rng.integers(lo, 128, shape).astype(kind)


def weight(net, w, steps, zero, axis=0):
    steps = np.asarray(steps, np.float32)
    zeros = np.full(steps.shape, zero, w.dtype)
    return net.add("DequantizeLinear", net.const(w), net.const(steps), net.const(zeros), axis=axis)


def steps(n):
    return (np.abs(weights(n)) / 100 + 0.001).astype(np.float32)


def layer(net, x, w, s, zero=0, axis=0, op="Conv", **attributes):
    return net.add(op, x, weight(net, w, s, zero, axis), weights(w.shape[1 if op == "ConvTranspose" else 0]),
                   **attributes)


INTEGER = dict(has=["quantize"], lacks=["round_to_grid"])

n = Net(IMAGE)  # signed activations around another zero; a reflected border between equal grids
qdq(n, ONE, np.int8(-20))
n.add("Pad", n.last, np.int64([0, 0, 1, 1, 0, 0, 1, 1]), mode="reflect")
qdq(n, ONE, np.int8(-20))
layer(n, n.last, bytes_of(5, 3, 3, 3), steps(5))
n.add("Relu")
qdq(n, OUT, np.uint8(0))
layer(n, n.last, bytes_of(4, 5, 1, 1), steps(4))
case("signed_activations", n, note="2 of 2 layers run on its own 8-bit grids", **{**INTEGER, "lacks": ["pad"]})

n = Net(IMAGE)  # one step for all weights, which are unsigned; strides, zeros around
qdq(n, ONE, np.uint8(100))
layer(n, n.last, (bytes_of(4, 3, 3, 3, kind=np.int32) + 128).astype(np.uint8), np.float32(0.01), 128,
      strides=[2, 2], pads=[1, 1, 1, 1])
qdq(n, OUT, np.uint8(90))
case("unsigned_weights", n, note="1 of 1 layers", **INTEGER)

n = Net(IMAGE)  # transposed, its steps along the second dimension; depthwise
qdq(n)
layer(n, n.last, bytes_of(3, 4, 3, 3), steps(4), axis=1, op="ConvTranspose", strides=[2, 2])
qdq(n, OUT)
layer(n, n.last, bytes_of(4, 1, 3, 3), steps(4), group=4)
case("transposed_and_depthwise", n, note="2 of 2 layers", **INTEGER)

n = Net([2, 7], opset=20)  # linear layers, either way
qdq(n)
n.add("Gemm", n.last, weight(n, bytes_of(5, 7), steps(5), 0), weights(5), transB=1)
qdq(n, OUT)
n.add("MatMul", n.last, weight(n, bytes_of(5, 3), steps(3), 0, axis=1))
case("linear_layers", n, note="2 of 2 layers", **INTEGER)

n = Net(IMAGE)  # grids that no integer program runs on: 16 bits, weights of -128
zero = np.int16(0)
x = n.add("QuantizeLinear", n.last, n.const(np.float32(1 / 9000)), n.const(zero))
real(n, x, np.float32(1 / 9000), zero)
n.opset = 21
layer(n, n.last, bytes_of(4, 3, 3, 3), steps(4))
case("sixteen_bits", n, has=["round_to_grid"], lacks=["quantize"], note="grids the integer program cannot run on",
     tolerance=1e-4)
n = Net(IMAGE)
qdq(n)
w = bytes_of(4, 3, 3, 3)
w[1, 2, 0, 0] = -128
layer(n, n.last, w, steps(4))
qdq(n, OUT)
layer(n, n.last, bytes_of(3, 4, 1, 1), steps(3))
case("lowest_weight", n, note="1 of 2 layers run on its own 8-bit grids, the others in real numbers", **INTEGER)

n = Net(IMAGE)  # a first layer that is not quantised: no image is rounded for it
n.conv(3, 4)
qdq(n, OUT)
layer(n, n.last, bytes_of(3, 4, 3, 3), steps(3))
case("first_layer_real", n, note="1 of 2 layers", **INTEGER)

n = Net(IMAGE)  # QLinearConv
q = quantized(n, n.last, ONE, np.uint8(120))
s = steps(4)
y = n.add("QLinearConv", q, ONE, np.uint8(120), bytes_of(4, 3, 3, 3), s, np.zeros(4, np.int8), OUT, np.uint8(60),
          np.int32([5, -100, 70, 3]))
real(n, y, OUT, np.uint8(60))
case("qlinear_conv", n, note="1 of 1 layers", **INTEGER)

n = Net(IMAGE)  # integers that are moved: a border of zeros, an enlargement that cuts what lies between
q = quantized(n, n.last, ONE, np.uint8(120))
q = n.add("Pad", q, np.int64([0, 0, 1, 0, 0, 0, 1, 2]), np.uint8(120))
q = n.add("Resize", q, "", np.float32([1, 1, 2, 2]), mode="linear")
y = n.add("QLinearConv", q, ONE, np.uint8(120), bytes_of(4, 3, 3, 3), steps(4), np.zeros(4, np.int8), OUT, np.uint8(60))
y = n.add("Resize", y, "", np.float32([1, 1, 2, 2]), mode="nearest", coordinate_transformation_mode="asymmetric",
          nearest_mode="floor")
y = n.add("QLinearConv", y, OUT, np.uint8(60), bytes_of(2, 4, 1, 1), steps(2), np.zeros(2, np.int8), OUT, np.uint8(90))
real(n, y, OUT, np.uint8(90))
case("moved_integers", n, note="2 of 2 layers", **INTEGER)

n = Net([3, 7])  # QGemm
n.domains.append("com.microsoft")
q = quantized(n, n.last, ONE, np.uint8(120))
y = n.add("QGemm", q, ONE, np.uint8(120), bytes_of(4, 7), steps(4), np.zeros(4, np.int8), np.int32([5, -9, 70, 3]), OUT,
          np.uint8(60), transB=1, domain="com.microsoft")
real(n, y, OUT, np.uint8(60))
case("qgemm", n, note="1 of 1 layers", **INTEGER)

n = Net([3, 7])  # QLinearMatMul
q = quantized(n, n.last, ONE, np.uint8(120))
y = n.add("QLinearMatMul", q, ONE, np.uint8(120), bytes_of(7, 4), np.float32(0.004), np.int8(0), OUT, np.uint8(60))
real(n, y, OUT, np.uint8(60))
case("qlinear_matmul", n, note="1 of 1 layers", **INTEGER)

n = Net(IMAGE)  # ConvInteger, its scales and biases behind it
q = quantized(n, n.last, ONE, np.uint8(110))
w = (bytes_of(4, 3, 3, 3, kind=np.int32) + 128).astype(np.uint8)
sums = n.add("ConvInteger", q, w, np.uint8(110), np.uint8(128), pads=[1, 1, 1, 1])
n.add("Mul", n.add("Cast", sums, to=1), (steps(4) * ONE).reshape(4, 1, 1))
n.add("Add", n.last, weights(4).reshape(4, 1, 1))
case("conv_integer", n, note="1 of 1 layers", **{**INTEGER, "lacks": ["affine"]})

n = Net(IMAGE)  # the sums themselves
q = quantized(n, n.last, ONE, np.int8(3))
n.add("Cast", n.add("ConvInteger", q, bytes_of(4, 3, 3, 3), np.int8(3)), to=1)
case("bare_sums", n, note="1 of 1 layers", **INTEGER)

n = Net([2, 7])  # MatMulInteger
q = quantized(n, n.last, ONE, np.uint8(130))
sums = n.add("MatMulInteger", q, bytes_of(7, 4), np.uint8(130), np.int8(0))
n.add("Mul", n.add("Cast", sums, to=1), np.float32(0.0003))
case("matmul_integer", n, note="1 of 1 layers", **INTEGER)

n = Net(IMAGE)  # ranges found in each image, as quantize_dynamic writes it
q, s, z = n.add("DynamicQuantizeLinear", n.last, outputs=3)
sums = n.add("ConvInteger", q, bytes_of(4, 3, 3, 3), z, np.int8(0))
scale = n.add("Mul", s, np.float32(0.004))
n.add("Mul", n.add("Cast", sums, to=1), scale)
n.add("Add", n.last, weights(1, 4, 1, 1))
case("dynamic_ranges", n, lacks=["quantize", "round_to_grid"], note="finds the range of its activations in each image",
     tolerance=2e-2)
n = Net(IMAGE)
q, s, z = n.add("DynamicQuantizeLinear", n.last, outputs=3)
n.add("Add", n.add("Cast", q, to=1), np.float32(1))
case("dynamic_scale_left", n, refusal="over a scale that each image has of its own (nearest: ConvInteger or")

golden.write("onnx_integers.safetensors")
