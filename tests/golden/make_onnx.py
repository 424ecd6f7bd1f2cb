# Makes onnx.safetensors: small ONNX files, one per pattern that exporters write (onnx_net.py says what of
# each is in it). Run: python3 make_onnx.py    (onnx 1.23, onnxruntime 1.32, numpy)
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from onnx_net import IMAGE, Net, case, golden, rng, weights

# ---- Layouts ----

n = Net([1, 8, 12, 3], opset=13)  # as tf2onnx: channels last, biases and norms there too
n.add("Transpose", perm=[0, 3, 1, 2])
n.conv(3, 4, pads=[0, 0, 1, 1])
n.add("Transpose", perm=[0, 2, 3, 1])
x = n.add("Add", n.last, weights(4))
m = n.add("ReduceMean", x, axes=[1, 2])
d = n.add("Sub", x, m)
v = n.add("ReduceMean", n.add("Mul", d, d), axes=[1, 2])
n.add("Div", d, n.add("Sqrt", n.add("Add", v, np.float32(1e-3))))
n.add("Add", n.add("Mul", n.last, weights(4)), weights(4))
n.add("Relu")
n.add("Transpose", perm=[0, 3, 1, 2])
n.conv(4, 3, k=1)
n.add("Tanh")
n.add("Transpose", perm=[0, 2, 3, 1])
case("nhwc", n, has=["instance_norm", "conv"], lacks=["transpose", "div", "sqrt"])

n = Net([1, 6, 10, 3], opset=13)  # a Keras-like deconvolution, and an up-sampling of NHWC
n.add("Transpose", perm=[0, 3, 1, 2])
n.add("ConvTranspose", n.last, weights(3, 4, 3, 3), strides=[2, 2], auto_pad="SAME_UPPER")
n.add("Transpose", perm=[0, 2, 3, 1])
n.add("Transpose", n.add("LeakyRelu", alpha=0.3), perm=[0, 3, 1, 2])
n.add("Resize", n.last, "", np.float32([1, 1, 2, 2]), mode="linear", coordinate_transformation_mode="half_pixel")
n.conv(4, 3, auto_pad="SAME_LOWER")
case("keras", n, has=["conv_transpose", "resize"], lacks=["transpose"])

# ---- Norms ----

for opset, count in ((18, 2), (21, 6)):
    n = Net(IMAGE, opset=opset)
    n.conv(3, 6, pads=[1] * 4)
    n.add("GroupNormalization", n.last, weights(count), weights(count), num_groups=2, epsilon=1e-3)
    case(f"group_norm_{opset}", n, has=["group_norm"])

n = Net(IMAGE, opset=17)
x = n.conv(3, 6, pads=[1] * 4)
n.add("Reshape", x, np.int64([0, 3, -1]))
n.add("InstanceNormalization", n.last, np.ones(3), np.zeros(3), epsilon=1e-5)
n.add("Reshape", n.last, np.int64([1, 6, 8, 12]))
n.add("Add", n.add("Mul", n.last, weights(6, 1, 1)), weights(6, 1, 1))
case("group_norm_by_reshape", n, has=["group_norm"], lacks=["affine", "instance_norm", "reshape"])

n = Net(IMAGE)  # a ConvNeXt block with GELU by erf
x = n.conv(3, 6, pads=[1] * 4)
n.add("Transpose", perm=[0, 2, 3, 1])
n.add("LayerNormalization", n.last, weights(6), weights(6), axis=-1, epsilon=1e-6)
y = n.add("Add", n.add("MatMul", n.last, weights(6, 9)), weights(9))
e = n.add("Add", n.add("Erf", n.add("Div", y, np.float32(2**0.5))), np.float32(1))
n.add("Mul", n.add("Mul", y, e), np.float32(0.5))
n.add("Add", n.add("MatMul", n.last, weights(9, 6)), weights(6))
n.add("Transpose", perm=[0, 3, 1, 2])
n.add("Add", n.last, x)
case("convnext", n, has=["gelu", "conv"], lacks=["matmul", "transpose"])

n = Net(IMAGE)  # layer norm over C, H, W
n.add("LayerNormalization", n.last, weights(3, 8, 12), axis=1)
case("layer_norm", n, has=["group_norm"])

n = Net(IMAGE)  # torch.var is unbiased
m = n.add("ReduceMean", "x", np.int64([2, 3]))
d = n.add("Sub", "x", m)
v = n.add("ReduceMean", n.add("Mul", d, d), np.int64([2, 3]))
v = n.add("Div", n.add("Mul", v, np.float32(96)), np.float32(95))
n.add("Mul", d, n.add("Reciprocal", n.add("Sqrt", n.add("Add", v, np.float32(1e-4)))))
case("unbiased_norm", n, has=["instance_norm"], lacks=["sqrt", "div"])

n = Net(IMAGE, opset=9)
n.add("BatchNormalization", "x", weights(3), weights(3), weights(3), np.abs(weights(3)) + 0.1, epsilon=1e-3)
case("batch_norm", n, has=["batch_norm"])

n = Net(IMAGE, opset=18)  # a pixel norm without its epsilon: no black, where ONNX Runtime has NaN
v = n.add("ReduceMean", n.add("Mul", "x", "x"), np.int64([1]))
n.add("Div", "x", n.add("Sqrt", v))
case("lost_epsilon", n, note="without an epsilon", tolerance=1e-4)

# ---- Borders ----


def reflected(net, x, axis, by):
    front = net.add("Slice", x, np.int64([by]), np.int64([0]), np.int64([axis]), np.int64([-1]))
    behind = net.add("Slice", x, np.int64([-2]), np.int64([-2 - by]), np.int64([axis]), np.int64([-1]))
    return net.add("Concat", front, x, behind, axis=axis)


n = Net(IMAGE, opset=13)
reflected(n, reflected(n, "x", 2, 2), 3, 2)
n.conv(3, 4, k=5)
case("reflect_by_slices", n, has=["conv"], lacks=["pad", "slice", "concat"])

n = Net(IMAGE, opset=13)
rows = [2, 1] + list(range(8)) + [6]
columns = [0, 0] + list(range(12)) + [11, 11]
n.add("Gather", n.add("Gather", "x", np.int64(rows), axis=2), np.int64(columns), axis=3)
case("borders_by_gathers", n, has=["pad"], lacks=["slice"])

n = Net(IMAGE, opset=11)  # pads folded from a graph of its own, with a slice backwards
p = n.add("Concat", np.int64([1, 2, 3, 1]), n.add("ConstantOfShape", np.int64([4]), value=numpy_helper.from_array(np.int64([0]))), axis=0)
p = n.add("Slice", n.add("Reshape", p, np.int64([-1, 2])), np.int64([-1]), np.int64([-9223372036854775807]),
          np.int64([0]), np.int64([-1]))
p = n.add("Cast", n.add("Reshape", n.add("Transpose", p, perm=[1, 0]), np.int64([-1])), to=TensorProto.INT64)
n.add("Pad", "x", p, mode="reflect")
case("folded_pads", n, has=["pad"])

n = Net(IMAGE, opset=7)  # attributes of old opsets
n.add("Pad", pads=[0, 0, 1, 1, 0, 0, 2, 2], value=0.5)
n.conv(3, 4)
n.add("Clip", min=-0.5, max=0.5)
n.add("Slice", axes=[2, 3], starts=[1, 0], ends=[-1, 9])
n.add("Unsqueeze", n.add("Squeeze", axes=[0]), axes=[0])
n.add("Upsample", scales=[1.0, 1.0, 2.0, 3.0])
n.add("Dropout")
case("opset_7", n, has=["clip", "slice"])

# ---- Resampling ----

n = Net(IMAGE)
x = n.conv(3, 8, pads=[1] * 4)
n.add("Reshape", x, np.int64([1, 2, 2, 2, 8, 12]))
n.add("Transpose", perm=[0, 1, 4, 2, 5, 3])
n.add("Reshape", n.last, np.int64([1, 2, 16, 24]))
n.add("Reshape", n.last, np.int64([1, 2, 8, 2, 12, 2]))
n.add("Transpose", perm=[0, 1, 3, 5, 2, 4])
n.add("Reshape", n.last, np.int64([1, 8, 8, 12]))
n.add("DepthToSpace", blocksize=2, mode="DCR")
n.add("SpaceToDepth", blocksize=2)
n.conv(8, 3, k=1)
case("pixel_shuffles", n, has=["pixel_shuffle", "pixel_unshuffle"], lacks=["reshape", "transpose"])

n = Net(IMAGE)  # up-sampling by repeated dimensions, and as nearest-exact is written
n.add("Reshape", "x", np.int64([1, 3, 8, 1, 12, 1]))
n.add("Expand", n.last, np.int64([1, 3, 8, 2, 12, 2]))
n.add("Reshape", n.last, np.int64([1, 3, 16, 24]))
n.add("Transpose", perm=[2, 3, 0, 1])
grid = np.stack(np.meshgrid(np.arange(32) // 2, np.arange(48) // 2, indexing="ij"), -1).astype(np.int64)
n.add("GatherND", n.last, grid)
n.add("Transpose", perm=[2, 3, 0, 1])
case("up_sampling", n, has=["upsample", "resize"], lacks=["transpose"])

n = Net(IMAGE, opset=10)
n.add("Resize", "x", np.float32([1, 1, 2, 1.5]), mode="linear")
n.add("MaxPool", kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
n.add("AveragePool", kernel_shape=[2, 2], strides=[1, 1])
case("resize_10", n, has=["resize", "max_pool", "avg_pool"])

n = Net([1, 3, "h", "w"], opset=17)  # twice the size, as dynamic exports compute it
x = n.conv(3, 4, pads=[1] * 4)
s = n.add("Shape", x)
hw = n.add("Mul", n.add("Slice", s, np.int64([2]), np.int64([4]), np.int64([0])), np.int64([2, 2]))
size = n.add("Concat", n.add("Slice", s, np.int64([0]), np.int64([2]), np.int64([0])), hw, axis=0)
n.add("Resize", x, "", "", size, mode="linear", coordinate_transformation_mode="align_corners")
mean = n.add("Reshape", n.add("GlobalAveragePool"), np.int64([0, -1]))
gate = n.add("Sigmoid", n.add("Gemm", mean, weights(4, 4), weights(4), transB=1))
n.add("Mul", n.nodes[-5].output[0], n.add("Expand", n.add("Unsqueeze", gate, np.int64([2, 3])), size))
case("dynamic", n, has=["resize", "linear"], at_other_size=[1, 3, 6, 10])

# ---- Functions of one element ----

n = Net(IMAGE)
n.add("Mul", n.last, n.add("Sigmoid"))
n.add("HardSwish")
n.add("PRelu", n.last, weights(3, 1, 1))
n.add("Softplus")
n.add("Pow", n.last, np.float32(2))
n.add("Abs", n.add("Neg", n.add("Sub", np.float32(1), n.last)))
n.add("Min", n.add("Max", n.last, np.float32(0.1)), np.float32(3))
n.add("HardSigmoid", alpha=0.3)
n.add("Sum", n.last, "x", n.last)
case("elements", n, has=["silu", "hard_swish", "prelu", "softplus"], lacks=["sigmoid"])

n = Net(IMAGE)
n.add("Dropout", n.last, np.float32(0), np.bool_(True))
n.conv(3, 3)
case("dropout", n, note="dropout is left out")

# ---- Attention, labels, constants of the size of an image ----

n = Net([1, 4, 4, 6])
q = n.add("Reshape", n.conv(4, 3, k=1), np.int64([1, 3, 24]))
n.last = "x"
k = n.add("Reshape", n.conv(4, 3, k=1), np.int64([1, 3, 24]))
a = n.add("Softmax", n.add("MatMul", n.add("Transpose", q, perm=[0, 2, 1]), k), axis=-1)
n.last = "x"
v = n.add("Reshape", n.conv(4, 4, k=1), np.int64([1, 4, 24]))
n.add("Reshape", n.add("MatMul", v, n.add("Transpose", a, perm=[0, 2, 1])), np.int64([1, 4, 4, 6]))
n.add("Add", n.add("Mul", n.last, np.float32(0.7)), "x")
case("attention", n, has=["matmul", "softmax"])

n = Net((IMAGE, [1, 5]), names=("x", "label"), types=(TensorProto.FLOAT, TensorProto.FLOAT))
c = n.add("Tile", n.add("Reshape", "label", np.int64([1, 5, 1, 1])), np.int64([1, 1, 8, 12]))
n.add("Concat", "x", c, axis=1)
n.conv(8, 3)
case("label", n, has=["concat"])

n = Net(([1, 6], [1]), names=("z", "class"), types=(TensorProto.FLOAT, TensorProto.INT64))
e = n.add("Gather", weights(7, 4), "class", axis=0)
parts = n.add("Split", "z", np.int64([2, 4]), axis=1, outputs=2)
n.add("Gemm", n.add("Concat", parts[1], e, axis=1), weights(8, 48), weights(48))
n.add("Reshape", n.last, np.int64([-1, 3, 4, 4]))
n.add("Add", n.last, n.add("Unsqueeze", n.add("Gemm", parts[0], weights(2, 3)), np.int64([2, 3])))
case("classes", n, [golden.draw("z", (1, 6)), np.int64([5])], has=["linear"])

n = Net(IMAGE)
n.add("Mul", "x", np.broadcast_to(weights(3, 1, 1), (1, 3, 8, 12)).copy())
n.add("Add", n.last, weights(1, 3, 8, 12))
case("full_constants", n, has=["affine", "constant"])

# ---- Files ----

n = Net(IMAGE)
body = [helper.make_node("Constant", [], ["one"], value_float=1.0),
        helper.make_node("Sigmoid", ["a"], ["s"]),
        helper.make_node("Mul", ["a", "s"], ["m"]),
        helper.make_node("LeakyRelu", ["m"], ["l"]),
        helper.make_node("Add", ["l", "one"], ["b"])]
attribute = onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=onnx.AttributeProto.FLOAT)
body[3].attribute.append(attribute)
n.functions.append(helper.make_function("own", "Block", ["a"], ["b"], body, [helper.make_opsetid("", 20)], ["slope"]))
n.domains.append("own")
for slope in (0.3, 0.4):
    n.add("Block", domain="own", slope=slope)
case("functions", n, has=["silu", "activation"])

n = Net(IMAGE)  # quantised to unsigned integers, the ReLU gone into a zero point
s = np.float32(1 / 64)


def qdq(net, zero, step=s):
    zp = np.uint8(zero)
    q = net.add("QuantizeLinear", net.last, net.const(step), net.const(zp))
    return net.add("DequantizeLinear", q, net.const(step), net.const(zp))


qdq(n, 128)
w = rng.integers(-127, 128, (4, 3, 3, 3)).astype(np.int8)
steps = (np.abs(weights(4)) / 100 + 0.001).astype(np.float32)
dw = n.add("DequantizeLinear", n.const(w), n.const(steps), n.const(np.zeros(4, np.int8)), axis=0)
b = n.add("DequantizeLinear", n.const(np.int32([5, -100, 70, 3])), n.const(steps * s), n.const(np.zeros(4, np.int32)),
          axis=0)
n.add("Conv", n.nodes[1].output[0], dw, b)
qdq(n, 0, np.float32(1 / 50))
case("quantised", n, has=["quantize"], lacks=["round_to_grid"],
     note="1 of 1 layers run on its own 8-bit grids")

half = Net(IMAGE)
half.conv(3, 4)
half.add("Tanh")
m = half.model()
for t in m.graph.initializer:
    t.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(t).astype(np.float16), t.name))
m.graph.input[0].type.tensor_type.elem_type = m.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
case("half", m, [weights(*IMAGE).astype(np.float16)], tolerance=5e-3)



def external(name, location):
    """A convolution whose weight lies in a file of its own."""
    net = Net(IMAGE)
    net.conv(3, 4)
    model = net.model()
    weight = model.graph.initializer[0]
    values = numpy_helper.to_array(weight)
    weight.ClearField("raw_data")
    weight.data_location = TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", str(values.nbytes))):
        weight.external_data.add(key=key, value=value)
    golden.store(f"{name}/model", np.frombuffer(model.SerializeToString(), np.uint8))
    return net, values


for name, location in (("external", "parts/weights.bin"), ("external_above", "../weights.bin"),
                       ("external_root", "/etc/hostname")):
    n, values = external(name, location)
    if name != "external":
        continue
    golden.store("external/weights", values)
    x = golden.draw("external/in/0", IMAGE)
    golden.store("external/y", onnxruntime.InferenceSession(n.model().SerializeToString()).run(None, {"x": x})[0])

# ---- Refusals ----

n = Net(IMAGE)
n.add("Elu")
n.conv(3, 3)
n.add("Resize", n.last, "", np.float32([1, 1, 2, 2]), mode="cubic")
n.add("Sin")
case("unmapped", n, refusal="Elu 'Elu_1': gsx has no such operation (nearest: LeakyRelu, Softplus or Silu); "
     "Sin 'Sin_7'")
n = Net(IMAGE, opset=26)
n.add("Relu")
case("opset_26", n, refusal="of opset 26, and gsx reads 7 to 25")
n = Net(IMAGE)
n.add("Resize", n.last, "", np.float32([1, 1, 2, 2]), mode="cubic")
case("cubic", n, refusal="its mode is cubic (nearest: nearest or linear)")

golden.write("onnx.safetensors")
