# Makes conv_shapes.safetensors: convolutions of any geometry, computed by PyTorch in float64 from
# float32 inputs, laid out as ops.safetensors (see make_ops.py).
# Run: python3 make_conv_shapes.py    (PyTorch 1.13, numpy)

import torch
import torch.nn.functional as F

import golden_file

torch.manual_seed(20231)
golden = golden_file.File()


def randn(*shape, scale=1.0):
    return (torch.randn(shape) * scale).float().double()


def case(name, op, params, inputs, function):
    leaves = {k: v.clone().requires_grad_() for k, v in inputs.items()}
    y = function(**leaves)
    r = torch.from_numpy(golden.draw(f"{name}/r", tuple(y.shape), 3**0.5)).double()
    grads = torch.autograd.grad((y * r).sum(), list(leaves.values()))
    for k, v in inputs.items():
        golden.store(f"{name}/in/{k}", v)
    golden.store(f"{name}/y", y)
    for k, g in zip(leaves, grads):
        golden.store(f"{name}/grad/{k}", g)
    golden.cases.append({"name": name, "op": op, "params": params, "inputs": list(inputs)})


def conv(name, x_shape, k, size, stride=(1, 1), pad=(0, 0, 0, 0), mode="zero", dilation=(1, 1), groups=1):
    n, c, h, w = x_shape
    top, bottom, left, right = pad
    fan_in = c // groups * size[0] * size[1]
    inputs = {"x": randn(*x_shape), "w": randn(k, c // groups, *size, scale=fan_in ** -0.5), "bias": randn(k)}

    def run(x, w, bias):
        padded = F.pad(x, (left, right, top, bottom), mode="constant" if mode == "zero" else mode)
        return F.conv2d(padded, w, bias, stride, 0, dilation, groups)

    case(f"conv/{name}", "conv2d", {"stride": stride, "pad": pad, "mode": mode, "dilation": dilation,
                                    "groups": groups}, inputs, run)


conv("k1x7", (2, 5, 7, 12), 6, (1, 7), pad=(0, 0, 3, 3))
conv("k3x1_s2x1", (2, 5, 9, 6), 9, (3, 1), (2, 1), (1, 1, 0, 0))
conv("k3_s1x3_reflect", (1, 8, 7, 11), 3, (3, 3), (1, 3), (1, 2, 2, 1), "reflect")
conv("k3_replicate", (2, 3, 6, 7), 10, (3, 3), pad=(1, 1, 1, 1), mode="replicate")
conv("k7_replicate_rgb_out", (1, 9, 5, 6), 3, (7, 7), pad=(3, 3, 3, 3), mode="replicate")
conv("k5_replicate_beyond_the_image", (2, 4, 3, 2), 5, (5, 5), pad=(4, 3, 5, 2), mode="replicate")
conv("k3_d2", (2, 6, 9, 10), 9, (3, 3), pad=(2, 2, 2, 2), dilation=(2, 2))
conv("k3_d4x1_reflect", (1, 10, 12, 7), 4, (3, 3), pad=(4, 4, 1, 1), mode="reflect", dilation=(4, 1))
conv("k3x2_s2x3_d3x2", (2, 3, 14, 13), 7, (3, 2), (2, 3), (3, 2, 1, 0), "replicate", (3, 2))
conv("groups_2", (2, 6, 7, 5), 10, (3, 3), pad=(1, 1, 1, 1), groups=2)
conv("groups_4_s2", (1, 32, 9, 8), 24, (3, 3), (2, 2), (1, 1, 1, 1), "reflect", groups=4)
conv("groups_three_filters_a_channel", (2, 5, 6, 7), 15, (3, 3), pad=(1, 1, 1, 1), groups=5)
conv("depthwise", (2, 16, 9, 7), 16, (3, 3), pad=(1, 1, 1, 1), groups=16)
conv("depthwise_s2", (1, 33, 10, 9), 33, (3, 3), (2, 2), (0, 1, 0, 1), groups=33)
conv("depthwise_rgb_k5_reflect", (2, 3, 8, 9), 3, (5, 5), pad=(2, 2, 2, 2), mode="reflect", groups=3)
conv("depthwise_d2_replicate", (1, 24, 7, 8), 24, (3, 3), pad=(2, 2, 2, 2), mode="replicate", dilation=(2, 2),
     groups=24)


def conv_transpose(name, x_shape, k, size, stride, padding, output_padding=(0, 0), dilation=(1, 1), groups=1):
    n, c, h, w = x_shape
    fan_in = c // groups * size[0] * size[1]
    inputs = {"x": randn(*x_shape), "w": randn(k, c // groups, *size, scale=fan_in ** -0.5), "bias": randn(k)}

    def run(x, w, bias):
        # Ours lies [K, C/groups, R, S], PyTorch's [C, K/groups, R, S].
        theirs = w.reshape(groups, k // groups, c // groups, *size).transpose(1, 2).reshape(c, k // groups, *size)
        return F.conv_transpose2d(x, theirs, bias, stride, padding, output_padding, groups, dilation)

    ends = [p - o for p, o in zip(padding, output_padding)]
    case(f"conv_transpose/{name}", "conv_transpose2d",
         {"stride": stride, "pad": [padding[0], ends[0], padding[1], ends[1]], "mode": "zero", "dilation": dilation,
          "groups": groups}, inputs, run)


conv_transpose("k3x4_s2x1", (2, 6, 5, 4), 9, (3, 4), (2, 1), (1, 2))
conv_transpose("output_padding_1x0", (1, 9, 4, 6), 5, (3, 3), (2, 2), (1, 1), (1, 0))
conv_transpose("output_padding_2x1", (2, 3, 5, 3), 8, (4, 3), (3, 2), (1, 0), (2, 1))
conv_transpose("k3_d2", (2, 5, 6, 5), 4, (3, 3), (1, 1), (2, 2), dilation=(2, 2))
conv_transpose("k3_s2_d2", (1, 8, 5, 6), 12, (3, 3), (2, 2), (1, 2), (1, 0), (2, 2))
conv_transpose("k2x3_s4x2_d6x3", (1, 7, 4, 5), 3, (2, 3), (4, 2), (2, 1), (3, 1), (6, 3))
conv_transpose("groups_2", (2, 6, 5, 4), 10, (4, 4), (2, 2), (1, 1), groups=2)
conv_transpose("depthwise", (2, 24, 5, 4), 24, (4, 4), (2, 2), (1, 1), groups=24)
conv_transpose("depthwise_op1", (1, 9, 4, 3), 9, (3, 3), (2, 3), (1, 1), (1, 2), groups=9)

golden.write("conv_shapes.safetensors")
