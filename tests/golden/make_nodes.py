# Makes nodes.safetensors: outputs and gradients of single nodes of a network. By PyTorch in float64
# from float32 inputs; what PyTorch does not have (resize in ONNX's other conventions, the DCR order)
# by ONNX Runtime in float32, without gradients. Per case the file holds CASE/in/NAME, CASE/r (the
# projection: loss = <y, r>), CASE/y, CASE/grad/NAME, and in the metadata kind, attributes, the names
# of inputs and parameters, and which have gradients.
# Run: python3 make_nodes.py    (PyTorch 2.15, onnx 1.23, onnxruntime 1.32, numpy)
import numpy as np
import onnx
import onnxruntime
import torch
import torch.nn.functional as F

import golden_file

torch.manual_seed(20231)
golden = golden_file.File()


def randn(*shape, scale=1.0, shift=0.0):
    return (torch.randn(shape) * scale + shift).float().double()


def away(x, kinks, gap=0.05):
    """x with values nearer than gap to a kink moved off it."""
    for k in kinks:
        d = x - k
        x = torch.where(d.abs() < gap, k + torch.where(d < 0, -gap, gap) + d, x)
    return x.float().double()


def store(name, kind, attributes, inputs, parameters, y, grads):
    for k, v in {**inputs, **parameters}.items():
        golden.store(f"{name}/in/{k}", v)
    golden.store(f"{name}/y", y)
    for k, g in grads.items():
        golden.store(f"{name}/grad/{k}", g)
    golden.cases.append({"name": name, "kind": kind, "attributes": attributes, "inputs": list(inputs),
                         "parameters": list(parameters), "grads": list(grads)})


def case(name, kind, attributes, inputs, function, parameters=None):
    """function(*inputs, *parameters) -> y; parameters: suffix -> value, as the node names them."""
    parameters = parameters or {}
    leaves = {k: v.clone().requires_grad_(True) for k, v in {**inputs, **parameters}.items()}
    y = function(*leaves.values())
    r = torch.from_numpy(golden.draw(f"{name}/r", tuple(y.shape), 3**0.5)).double()
    grads = torch.autograd.grad((y * r).sum(), list(leaves.values()))
    store(name, kind, attributes, inputs, parameters, y, dict(zip(leaves, grads)))


# ---- Arithmetic ----

SHAPES = {"gate": ((2, 7, 3, 5), (2, 7, 1, 1)), "mask": ((2, 7, 3, 5), (2, 1, 3, 5)),
          "number": ((2, 7, 3, 5), (1, 1, 1, 1)), "both": ((2, 1, 3, 5), (1, 9, 1, 1)),
          "vector": ((3, 33), (3, 1)), "same": ((2, 3, 4, 5), (2, 3, 4, 5))}
for op, function in (("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("div", torch.div)):
    for name, (a, b) in SHAPES.items():
        values = {"a": randn(*a), "b": randn(*b)}
        if op == "div":
            values["b"] = away(values["b"].abs() + 0.5, [])
        case(f"{op}/{name}", op, {"broadcast": True} if op == "add" else {}, values, function)
for name, axes, shape in (("channels", [1], (2, 7, 3, 5)), ("pixels", [2, 3], (2, 7, 3, 5)),
                          ("all", [1, 2, 3], (2, 33, 3, 5)), ("rows", [2], (2, 8, 7, 1)), ("vector", [1], (3, 33))):
    case(f"reduce_mean/{name}", "reduce_mean", {"axes": axes}, {"x": randn(*shape)},
         lambda x: x.mean(axes, keepdim=True))

# ---- Activations ----

for name, kind, attributes, function, kinks in (
        ("clip", "clip", {"lo": -0.5, "hi": 1.5}, lambda x: torch.clamp(x, -0.5, 1.5), [-0.5, 1.5]),
        ("silu", "silu", {}, F.silu, []),
        ("hard_swish", "hard_swish", {}, F.hardswish, [-3, 3]),
        ("gelu", "gelu", {"approximate": "none"}, F.gelu, []),
        ("gelu_tanh", "gelu", {"approximate": "tanh"}, lambda x: F.gelu(x, approximate="tanh"), [])):
    for shape in ((2, 7, 3, 5), (3, 33)):
        case(f"{name}/{len(shape)}d", kind, attributes, {"x": away(randn(*shape, scale=3), kinks)}, function)
for slopes, shape in ((7, (2, 7, 3, 5)), (1, (2, 7, 3, 5)), (33, (3, 33))):
    case(f"prelu/{slopes}_{len(shape)}d", "prelu", {"slopes": slopes}, {"x": away(randn(*shape), [0])}, F.prelu,
         {"weight": randn(slopes, scale=0.3)})
case("softmax/channels", "softmax", {}, {"x": randn(2, 7, 3, 5, scale=3)}, lambda x: F.softmax(x, 1))
case("softmax/rows", "softmax", {}, {"x": randn(2, 5, 33, scale=3)}, lambda x: F.softmax(x, -1))

# ---- Shapes ----

END = 2**63 - 1
for name, channels, rows, columns, function in (
        ("channels", [1, 5, 2], [0, END, 1], [0, END, 1], lambda x: x[:, 1:5:2]),
        ("crop", [0, END, 1], [1, -1, 1], [-4, END, 3], lambda x: x[:, :, 1:-1, -4::3])):
    case(f"slice/{name}", "slice", {"channels": channels, "rows": rows, "columns": columns}, {"x": randn(2, 9, 5, 6)},
         function)
case("slice/picked", "slice", {"picked": [0, 2, 4, 5], "rows": [0, END, 1], "columns": [0, END, 1]},
     {"x": randn(2, 7, 3, 5)}, lambda x: x[:, [0, 2, 4, 5]])
for r in (2, 3):
    case(f"pixel_shuffle/crd_{r}", "pixel_shuffle", {"factor": r, "order": "crd"}, {"x": randn(2, 3 * r * r, 3, 2)},
         lambda x: F.pixel_shuffle(x, r))
    case(f"pixel_unshuffle/crd_{r}", "pixel_unshuffle", {"factor": r, "order": "crd"},
         {"x": randn(2, 3, 3 * r, 2 * r)}, lambda x: F.pixel_unshuffle(x, r))
case("transpose/image", "transpose", {"axes": [0, 2, 3, 1]}, {"x": randn(2, 7, 3, 5)}, lambda x: x.permute(0, 2, 3, 1))
case("transpose/rows", "transpose", {"axes": [0, 2, 1]}, {"x": randn(2, 7, 3)}, lambda x: x.permute(0, 2, 1))
case("reshape/flat", "reshape", {"flat": True}, {"x": randn(2, 7, 3, 5)}, lambda x: x.flatten(2))
case("matmul/plain", "matmul", {"b_transposed": False}, {"a": randn(2, 3, 7), "b": randn(2, 7, 5)}, torch.matmul)
case("matmul/transposed", "matmul", {"b_transposed": True}, {"a": randn(2, 3, 7), "b": randn(2, 5, 7)},
     lambda a, b: a @ b.transpose(1, 2))

# ---- Group norm ----

for name, shape, groups, affine, eps in (("plain", (2, 6, 3, 5), 3, False, 1e-5), ("affine", (2, 33, 5, 3), 11, True, 1e-5),
                                         ("layer", (3, 7, 4, 5), 1, True, 1e-3), ("each", (2, 4, 3, 3), 4, True, 1e-5)):
    parameters = {"weight": randn(shape[1], shift=1, scale=0.5), "bias": randn(shape[1])} if affine else {}
    case(f"group_norm/{name}", "group_norm", {"channels": shape[1], "groups": groups, "affine": affine, "eps": eps},
         {"x": randn(*shape, shift=1)}, lambda x, w=None, b=None: F.group_norm(x, groups, w, b, eps), parameters)

# ---- Resize, by PyTorch ----

for name, attributes, shape, function in (
        ("nearest_size", {"mode": "nearest", "coordinates": "asymmetric", "rounding": "floor", "size": [7, 4]},
         (2, 3, 3, 5), lambda x: F.interpolate(x, (7, 4), mode="nearest")),
        ("nearest_exact", {"mode": "nearest", "coordinates": "half_pixel", "rounding": "round_prefer_ceil",
                           "size": [7, 4]}, (2, 3, 3, 5), lambda x: F.interpolate(x, (7, 4), mode="nearest-exact")),
        ("linear_up", {"mode": "linear", "coordinates": "half_pixel", "scale": [2.0, 2.0]}, (2, 9, 3, 5),
         lambda x: F.interpolate(x, scale_factor=2, mode="bilinear")),
        ("linear_size", {"mode": "linear", "coordinates": "half_pixel", "size": [4, 9]}, (2, 3, 7, 5),
         lambda x: F.interpolate(x, (4, 9), mode="bilinear")),
        ("linear_scale", {"mode": "linear", "coordinates": "half_pixel", "scale": [1.5, 0.6]}, (1, 8, 5, 7),
         lambda x: F.interpolate(x, scale_factor=(1.5, 0.6), mode="bilinear")),
        ("align_corners", {"mode": "linear", "coordinates": "align_corners", "size": [7, 11]}, (2, 3, 4, 5),
         lambda x: F.interpolate(x, (7, 11), mode="bilinear", align_corners=True))):
    case(f"resize/{name}", "resize", attributes, {"x": randn(*shape)}, function)

# ---- By ONNX Runtime ----


def by_runtime(op, x, constants=(), **attributes):
    """One node of ONNX on x."""
    names = ["x"] + ["" if c is None else f"c{i}" for i, c in enumerate(constants)]
    tensors = [onnx.numpy_helper.from_array(c, f"c{i}") for i, c in enumerate(constants) if c is not None]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node(op, names, ["y"], **attributes)], "one",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, x.shape)],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [None] * 4)], tensors)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=8)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"x": x})[0]


def runtime_case(name, kind, attributes, shape, op, constants=(), **options):
    x = randn(*shape).float().numpy()
    store(name, kind, attributes, {"x": x}, {}, by_runtime(op, x, constants, **options), {})


# Sizes whose halves single precision finds exactly.
SIZES = (((2, 3, 3, 5), (6, 10)), ((1, 5, 4, 6), (2, 3)), ((2, 9, 4, 2), (1, 8)), ((1, 3, 5, 7), (8, 4)))
for coordinates in ("asymmetric", "half_pixel", "pytorch_half_pixel", "align_corners"):
    for i, (shape, size) in enumerate(SIZES):
        sizes = np.array(shape[:2] + size, dtype=np.int64)
        rule = {"mode": "linear", "coordinates": coordinates}
        runtime_case(f"resize_onnx/linear_{coordinates}_{i}", "resize", {**rule, "size": list(size)}, shape, "Resize",
                     (None, None, sizes), mode="linear", coordinate_transformation_mode=coordinates)
        for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
            rule = {"mode": "nearest", "coordinates": coordinates, "rounding": rounding}
            runtime_case(f"resize_onnx/{coordinates}_{rounding}_{i}", "resize", {**rule, "size": list(size)}, shape,
                         "Resize", (None, None, sizes), mode="nearest", nearest_mode=rounding,
                         coordinate_transformation_mode=coordinates)
    for scale in ((2.0, 3.0), (0.5, 1.5)):
        scales = np.array((1, 1) + scale, dtype=np.float32)
        runtime_case(f"resize_onnx/linear_{coordinates}_by_{scale[0]}", "resize",
                     {"mode": "linear", "coordinates": coordinates, "scale": list(scale)}, (1, 3, 4, 5), "Resize",
                     (None, scales), mode="linear", coordinate_transformation_mode=coordinates)
for mode in ("CRD", "DCR"):
    runtime_case(f"pixel_shuffle/onnx_{mode}", "pixel_shuffle", {"factor": 2, "order": mode.lower()}, (2, 12, 3, 2),
                 "DepthToSpace", blocksize=2, mode=mode)
runtime_case("pixel_unshuffle/onnx", "pixel_unshuffle", {"factor": 2, "order": "dcr"}, (2, 3, 6, 4), "SpaceToDepth",
             blocksize=2)
# ---- Added later: at the end, so that what was drawn before stays ----

for name, beta, threshold, kinks in (("one", 1.0, 20.0, []), ("beta", 2.0, 3.0, [1.5])):
    for shape in ((2, 7, 3, 5), (3, 33)):
        case(f"softplus/{name}_{len(shape)}d", "softplus", {"beta": beta, "threshold": threshold},
             {"x": away(randn(*shape, scale=3), kinks)}, lambda x: F.softplus(x, beta, threshold))
golden.write("nodes.safetensors")
