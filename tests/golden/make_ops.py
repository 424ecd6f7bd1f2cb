# Makes ops.safetensors: outputs and gradients of single operations, computed by PyTorch in float64
# from float32 inputs. Per case the file holds CASE/in/NAME, CASE/r (the projection: loss = <y, r>),
# CASE/y, CASE/grad/NAME, and in the metadata op, params, and error factors (see case()).
# Run: python3 make_ops.py    (PyTorch 1.13, numpy)

import torch
import torch.nn.functional as F

import golden_file

torch.manual_seed(20230)
golden = golden_file.File()


def randn(*shape, scale=1.0, shift=0.0):
    """Float32 values held in float64, so the file stores them exactly."""
    return (torch.randn(shape) * scale + shift).float().double()


def away(x, kinks, gap=0.05):
    """x with values nearer than gap to a kink moved off it."""
    for k in kinks:
        d = x - k
        x = torch.where(d.abs() < gap, k + torch.where(d < 0, -gap, gap) + d, x)
    return x.float().double()


def case(name, op, params, inputs, function, constants=(), factors=None):
    """Runs function(**inputs) -> y or {"y": y, other: extra output}; stores gradients of <y, r> for
    every input not in constants. factors: grad name -> factor on the tolerance."""
    leaves = {k: v.clone().requires_grad_(k not in constants) for k, v in inputs.items()}
    result = function(**leaves)
    outputs = result if isinstance(result, dict) else {"y": result}
    y = outputs["y"]
    r = torch.from_numpy(golden.draw(f"{name}/r", tuple(y.shape), 3**0.5)).double()
    wanted = [k for k in leaves if k not in constants]
    grads = torch.autograd.grad((y * r).sum(), [leaves[k] for k in wanted]) if wanted else []
    for k, v in inputs.items():
        golden.store(f"{name}/in/{k}", v)
    for k, v in outputs.items():
        golden.store(f"{name}/{k}", v)
    for k, g in zip(wanted, grads):
        golden.store(f"{name}/grad/{k}", g)
    golden.cases.append({"name": name, "op": op, "params": params, "inputs": list(inputs), "grads": wanted,
                  "outputs": list(outputs), "factors": factors or {}})


# ---- Convolutions ----

def conv(name, x_shape, k, size, stride=1, pad=(0, 0, 0, 0), mode="zero", bias=True):
    n, c, h, w = x_shape
    top, bottom, left, right = pad
    inputs = {"x": randn(*x_shape), "w": randn(k, c, size, size, scale=(c * size * size) ** -0.5)}
    if bias:
        inputs["bias"] = randn(k)

    def run(x, w, bias=None):
        padded = F.pad(x, (left, right, top, bottom), mode="reflect" if mode == "reflect" else "constant")
        return F.conv2d(padded, w, bias, stride)

    case(f"conv/{name}", "conv2d", {"stride": stride, "pad": list(pad), "mode": mode}, inputs, run)


conv("k3_zero", (2, 3, 7, 7), 5, 3, pad=(1, 1, 1, 1))
conv("k3_reflect_wide", (2, 7, 7, 33), 9, 3, pad=(1, 1, 1, 1), mode="reflect")
conv("k3_s2_zero_tall", (3, 5, 33, 7), 12, 3, stride=2, pad=(1, 1, 1, 1))
conv("k3_s2_same_even", (2, 6, 8, 12), 10, 3, stride=2, pad=(0, 1, 0, 1), bias=False)
conv("k3_s2_same_mixed", (2, 6, 9, 12), 3, 3, stride=2, pad=(1, 1, 0, 1))
conv("k3_s1_lopsided", (2, 4, 5, 6), 7, 3, pad=(2, 0, 1, 0))
conv("k3_reflect_lopsided", (2, 4, 5, 6), 7, 3, pad=(1, 2, 0, 3), mode="reflect")
conv("k3_s2_reflect", (2, 3, 7, 10), 9, 3, stride=2, pad=(1, 1, 1, 1), mode="reflect")
conv("k3_valid_to_1x1", (3, 33, 3, 3), 7, 3, bias=False)
conv("k3_on_1x1", (2, 7, 1, 1), 33, 3, pad=(1, 1, 1, 1))
conv("k3_16to24", (2, 16, 9, 10), 24, 3, pad=(1, 1, 1, 1), bias=False)
conv("k3_33to17_reflect", (2, 33, 10, 7), 17, 3, pad=(1, 1, 1, 1), mode="reflect")
conv("k7_reflect_rgb_in", (2, 3, 11, 9), 8, 7, pad=(3, 3, 3, 3), mode="reflect")
conv("k7_reflect_rgb_out", (2, 10, 9, 11), 3, 7, pad=(3, 3, 3, 3), mode="reflect")
conv("k7_s2_zero", (2, 3, 9, 15), 7, 7, stride=2, pad=(3, 3, 3, 3))
conv("k9_zero_rgb_in", (2, 3, 10, 9), 6, 9, pad=(4, 4, 4, 4), bias=False)
conv("k9_zero_rgb_out", (2, 7, 9, 7), 3, 9, pad=(4, 4, 4, 4), bias=False)
conv("k4_s2_zero", (2, 3, 16, 14), 9, 4, stride=2, pad=(1, 1, 1, 1))
conv("k4_s1_to_1", (2, 9, 6, 7), 1, 4, pad=(1, 1, 1, 1))
conv("k1", (2, 7, 7, 3), 33, 1)
conv("k1_s2_1to1", (3, 1, 7, 6), 1, 1, stride=2)


def conv_transpose(name, x_shape, k, size, stride, padding, output_padding=0, crop=0, bias=True):
    n, c, h, w = x_shape
    inputs = {"x": randn(*x_shape), "w": randn(k, c, size, size, scale=(c * size) ** -0.5)}
    if bias:
        inputs["bias"] = randn(k)

    def run(x, w, bias=None):
        y = F.conv_transpose2d(x, w.transpose(0, 1), bias, stride, padding, output_padding)
        return y[:, :, :y.shape[2] - crop, :y.shape[3] - crop]

    end = padding - output_padding + crop
    case(f"conv_transpose/{name}", "conv_transpose2d", {"stride": stride, "pad": [padding, end, padding, end]},
         inputs, run)


conv_transpose("k3_s2_p1_op1", (2, 9, 7, 5), 6, 3, 2, 1, 1)
conv_transpose("k3_s2_p1_op1_wide", (2, 17, 3, 7), 9, 3, 2, 1, 1, bias=False)
conv_transpose("k3_s2_crop", (2, 7, 5, 7), 4, 3, 2, 0, crop=1, bias=False)
conv_transpose("k3_s2_crop_1x1", (3, 3, 1, 1), 9, 3, 2, 0, crop=1)
conv_transpose("k3_s2_op1", (2, 5, 3, 4), 3, 3, 2, 0, 1)
conv_transpose("k3_s1_p1", (2, 3, 7, 5), 9, 3, 1, 1)
conv_transpose("k4_s2_p1", (2, 5, 3, 7), 7, 4, 2, 1)
conv_transpose("k2_s2", (2, 3, 4, 3), 1, 2, 2, 0)

for name, bias in (("linear/bias", True), ("linear/plain", False)):
    values = {"x": randn(3, 33), "w": randn(7, 33)}
    if bias:
        values["bias"] = randn(7)
    case(name, "linear", {}, values, lambda x, w, bias=None: F.linear(x, w, bias))

# ---- Activations and fake quantisation ----

ACTIVATIONS = {"none": lambda x: x + 0, "relu": F.relu, "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
               "tanh": torch.tanh, "sigmoid": torch.sigmoid}
for kind, function in ACTIVATIONS.items():
    for shape in ((2, 7, 3, 5), (33,)):
        x = away(randn(*shape, scale=2), [0])
        case(f"activate/{kind}_{len(shape)}d", "activate", {"kind": kind, "slope": 0.2}, {"x": x}, lambda x: function(x))
case("activate/leaky_relu_slope", "activate", {"kind": "leaky_relu", "slope": 0.1},
     {"x": away(randn(1, 3, 3, 7), [0])}, lambda x: F.leaky_relu(x, 0.1))


class Quantize(torch.autograd.Function):
    """scale * clamp(round_half_even(v / scale), lo, hi) after clamping v to p_lo..p_hi; Eqs. 9 and 10."""

    @staticmethod
    def forward(ctx, v, scale, lo, hi, p_lo, p_hi):
        ctx.mask = ((v >= p_lo) & (v <= p_hi)).double()
        return scale * torch.clamp(torch.round(torch.clamp(v, p_lo, p_hi) / scale), lo, hi)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.mask, None, None, None, None, None


def activation_range(grid, p, signed):
    if grid == "int8":
        scale, lo, hi = (p / 127, -127, 127) if signed else (p / 255, 0, 255)
    else:
        scale, lo, hi = (p / 128, -128, 128) if signed else (p / 256, 0, 256)
    return torch.tensor(scale).float().double().item(), lo, hi, -p if signed else 0.0, p


def off_halves(v, scale, gap=2e-3):
    """True where rounding v / scale is safe against float32 error."""
    return ((v / scale - torch.floor(v / scale)) - 0.5).abs() > gap


def redraw(x, safe, draw):
    """Replaces the elements of x for which safe(x) is false until there are none."""
    while not bool(safe(x).all()):
        x = torch.where(safe(x), x, draw())
    return x


for grid in ("int8", "official", "paper"):
    for signed in (False, True):
        for shape, p in (((2, 7, 3, 5), 4.0), ((3, 33), 2.7)):
            q = activation_range(grid, p, signed)
            x = redraw(away(randn(*shape, scale=3), [0, p, -p], 0.01), lambda v: off_halves(v, q[0]),
                       lambda: away(randn(*shape, scale=3), [0, p, -p], 0.01))
            case(f"fake_quantize/{grid}_{'signed' if signed else 'unsigned'}_{len(shape)}d", "fake_quantize",
                 {"grid": grid, "p": p, "signed": signed}, {"x": x}, lambda x: Quantize.apply(x, *q))
# Exact halves (steps of 1/64 are exact in float32), both ends of the range and just outside them.
codes = torch.tensor([0.5, 1.5, 2.5, 3.5, 63.5, 254.5, 255.5, 256.0, 256.5, 300.0, 0.0, -0.5, -1.5, -7.0])
q = activation_range("official", 4.0, False)
case("fake_quantize/official_halves", "fake_quantize", {"grid": "official", "p": 4.0, "signed": False},
     {"x": (codes / 64).double()}, lambda x: Quantize.apply(x, *q))


def weight_scale(w, grid, per_channel):
    top = w.reshape(w.shape[0], -1).abs().amax(1) if per_channel else w.abs().amax().reshape(1)
    return top / (128 if grid == "paper" else 127)


for grid in ("int8", "official", "paper"):
    for per_channel in (True, False):
        for shape in ((7, 5, 3, 3), (3, 33)):
            def spread(s, w):
                return s.reshape([-1] + [1] * (w.dim() - 1)) if per_channel else s

            def draw():
                return randn(*shape) * torch.arange(1, shape[0] + 1).reshape([-1] + [1] * (len(shape) - 1))

            w = redraw(draw(), lambda v: off_halves(v, spread(weight_scale(v, grid, per_channel), v)), draw)

            def run(w):
                scales = weight_scale(w.detach(), grid, per_channel)
                wide = spread(scales, w)
                return {"y": w + (torch.round(w.detach() / wide) * wide - w.detach()), "scales": scales}

            case(f"fake_quantize_weight/{grid}_{'channel' if per_channel else 'tensor'}_{len(shape)}d",
                 "fake_quantize_weight", {"grid": grid, "per_channel": per_channel}, {"w": w}, run)

# ---- Normalisation ----

def normalise(x, gamma, beta, eps):
    if x.shape[2] * x.shape[3] > 1:
        return F.instance_norm(x, weight=gamma, bias=beta, eps=eps)
    mean, var = x.mean((2, 3), keepdim=True), x.var((2, 3), unbiased=False, keepdim=True)
    y = (x - mean) / torch.sqrt(var + eps)  # PyTorch refuses a single pixel
    return y if gamma is None else y * gamma.reshape(1, -1, 1, 1) + beta.reshape(1, -1, 1, 1)


def instance_norm(name, shape, eps=1e-5, affine=True, act="none", quant=None, residual=False, slope=0.2,
                  edit=None):
    c = shape[1]
    gamma, beta = (randn(c, shift=1, scale=0.5), randn(c)) if affine else (None, None)
    q = activation_range(*quant) if quant else None

    def draw():
        x = randn(*shape, shift=1)
        return x if edit is None else edit(x)

    def safe(x):
        z = normalise(x, gamma, beta, eps)
        ok = torch.ones_like(x, dtype=torch.bool)
        if act in ("relu", "leaky_relu"):
            ok &= z.abs() > 1e-3
        z = F.leaky_relu(z, slope) if act == "leaky_relu" else ACTIVATIONS[act](z)
        if q:
            ok &= off_halves(z, q[0], 1e-3) & ((z - q[3]).abs() > 1e-3) & ((z - q[4]).abs() > 1e-3)
            ok |= (z == 0) if act == "relu" else False
        return ok

    inputs = {"x": redraw(draw(), safe, draw)}
    if affine:
        inputs.update(gamma=gamma, beta=beta)
    if residual:
        inputs["residual"] = randn(*shape)

    def run(x, gamma=None, beta=None, residual=None):
        z = normalise(x, gamma, beta, eps)
        z = F.leaky_relu(z, slope) if act == "leaky_relu" else ACTIVATIONS[act](z)
        if q:
            z = Quantize.apply(z, *q)
        return z if residual is None else z + residual

    var = inputs["x"].var((2, 3), unbiased=False)
    factor = max(1.0, ((var + eps) ** -0.5).max().item())
    params = {"eps": eps, "activation": act, "slope": slope}
    if quant:
        params["quantize"] = {"grid": quant[0], "p": quant[1], "signed": quant[2]}
    case(f"instance_norm/{name}", "instance_norm", params, inputs, run, factors={"x": factor})


def flatten_channel(x):
    x[:, 2] = 0.5  # a constant channel: variance zero
    return x


instance_norm("affine", (2, 7, 7, 33))
instance_norm("plain", (3, 3, 7, 7), affine=False)
instance_norm("eps_1e-3", (2, 33, 3, 7), eps=1e-3)
instance_norm("eps_1e-9", (2, 9, 5, 7), eps=1e-9)
instance_norm("one_channel", (2, 1, 7, 3))
instance_norm("one_pixel", (2, 7, 1, 1), eps=1e-3)
instance_norm("constant_channel", (2, 5, 4, 7), eps=1e-3, edit=flatten_channel)
for kind in ("relu", "leaky_relu", "tanh", "sigmoid"):
    instance_norm(kind, (2, 7, 5, 7), act=kind)
instance_norm("leaky_relu_slope", (2, 5, 5, 7), act="leaky_relu", slope=0.1)
instance_norm("residual", (2, 9, 7, 5), residual=True)
instance_norm("plain_residual", (2, 9, 7, 5), affine=False, residual=True)
instance_norm("relu_residual", (2, 7, 5, 3), act="relu", residual=True)
instance_norm("quantize_signed", (2, 7, 5, 3), quant=("int8", 2.5, True))
instance_norm("relu_quantize_int8", (2, 7, 7, 5), act="relu", quant=("int8", 2.0, False))
instance_norm("relu_quantize_official", (2, 9, 7, 5), act="relu", quant=("official", 4.0, False))
instance_norm("quantize_official", (2, 9, 7, 5), quant=("official", 4.0, False))
instance_norm("relu_quantize_residual", (2, 7, 5, 7), act="relu", quant=("paper", 1.5, False), residual=True)


def batch_norm(name, shape, training, affine=True, eps=1e-5, momentum=0.1):
    c = shape[1]
    inputs = {"x": randn(*shape, shift=0.5)}
    if affine:
        inputs.update(gamma=randn(c, shift=1, scale=0.5), beta=randn(c))
    inputs.update(running_mean=randn(c), running_var=randn(c).abs() + 0.3)

    def run(x, running_mean, running_var, gamma=None, beta=None):
        mean, var = running_mean.clone(), running_var.clone()
        y = F.batch_norm(x, mean, var, gamma, beta, training, momentum, eps)
        return {"y": y, "running_mean_after": mean, "running_var_after": var}

    case(f"batch_norm/{name}", "batch_norm", {"training": training, "eps": eps, "momentum": momentum},
         inputs, run, constants=("running_mean", "running_var"))


batch_norm("train", (3, 7, 5, 3), True)
batch_norm("train_plain", (2, 33, 3, 3), True, affine=False, momentum=0.3)
batch_norm("eval", (2, 7, 5, 3), False)
batch_norm("eval_plain", (3, 9, 1, 7), False, affine=False, eps=1e-3)

# ---- Arithmetic, shape and resampling ----

for shape in ((2, 7, 3, 5), (3, 33)):
    for op, function in (("add", torch.add), ("sub", torch.sub), ("mul", torch.mul)):
        case(f"{op}/{len(shape)}d", op, {}, {"a": randn(*shape), "b": randn(*shape)}, lambda a, b: function(a, b))
    case(f"affine/{len(shape)}d", "affine", {"scale": -1.75, "shift": 0.5}, {"x": randn(*shape)},
         lambda x: x * -1.75 + 0.5)
    case(f"sum/{len(shape)}d", "sum", {}, {"x": randn(*shape)}, lambda x: x.sum())
    case(f"mean/{len(shape)}d", "mean", {}, {"x": randn(*shape)}, lambda x: x.mean())
    case(f"dot/{len(shape)}d", "dot", {}, {"a": randn(*shape), "b": randn(*shape)}, lambda a, b: (a * b).sum())
case("channel_affine/both", "channel_affine", {}, {"x": randn(2, 7, 3, 5), "scale": randn(7), "shift": randn(7)},
     lambda x, scale, shift: x * scale.reshape(1, -1, 1, 1) + shift.reshape(1, -1, 1, 1))
case("channel_affine/scale", "channel_affine", {}, {"x": randn(2, 3, 3, 5), "scale": randn(3)},
     lambda x, scale: x * scale.reshape(1, -1, 1, 1))
case("channel_affine/shift", "channel_affine", {}, {"x": randn(2, 9, 3, 1), "shift": randn(9)},
     lambda x, shift: x + shift.reshape(1, -1, 1, 1))
case("reshape/to_dense", "reshape", {"shape": [2, 105]}, {"x": randn(2, 7, 3, 5)}, lambda x: x.reshape(2, 105))
case("reshape/to_image", "reshape", {"shape": [3, 11, 1, 3]}, {"x": randn(3, 33)},
     lambda x: x.reshape(3, 11, 1, 3))
case("reshape/image_to_image", "reshape", {"shape": [2, 3, 7, 5]}, {"x": randn(2, 7, 3, 5)},
     lambda x: x.reshape(2, 3, 7, 5))
for name, pad, mode in (("zero", (1, 2, 0, 3), "zero"), ("crop", (-1, 0, -2, -1), "zero"),
                        ("crop_and_pad", (2, -1, -1, 1), "zero"), ("reflect", (2, 1, 3, 0), "reflect")):
    case(f"pad/{name}", "pad2d", {"pad": list(pad), "mode": mode}, {"x": randn(2, 7, 5, 6)},
         lambda x: F.pad(x, (pad[2], pad[3], pad[0], pad[1]), "constant" if mode == "zero" else mode))
for factor, shape in ((2, (2, 7, 3, 5)), (3, (3, 3, 1, 7))):
    case(f"upsample/x{factor}", "upsample_nearest", {"factor": factor}, {"x": randn(*shape)},
         lambda x: F.interpolate(x, scale_factor=factor, mode="nearest"))
case("concat/3", "concat", {}, {"a": randn(2, 3, 4, 5), "b": randn(2, 1, 4, 5), "c": randn(2, 17, 4, 5)},
     lambda a, b, c: torch.cat([a, b, c], 1))
case("concat/dense", "concat", {}, {"a": randn(3, 7), "b": randn(3, 5)}, lambda a, b: torch.cat([a, b], 1))

for size, stride, pad, ceil, shape in ((2, 2, 0, False, (2, 7, 7, 6)), (2, 2, 0, True, (2, 3, 7, 33)),
                                       (3, 2, 0, True, (2, 9, 8, 7)), (3, 2, 1, False, (3, 5, 7, 8)),
                                       (3, 2, 1, True, (2, 1, 6, 7)), (3, 1, 1, False, (2, 7, 3, 5)),
                                       (3, 3, 0, True, (2, 7, 4, 3))):
    params = {"size": size, "stride": stride, "pad": pad, "ceil_mode": ceil}
    tag = f"k{size}_s{stride}_p{pad}{'_ceil' if ceil else ''}"
    case(f"max_pool/{tag}", "max_pool", params, {"x": randn(*shape)},
         lambda x: F.max_pool2d(x, size, stride, pad, ceil_mode=ceil))
    for include in (False, True):
        case(f"avg_pool/{tag}{'_include' if include else ''}", "avg_pool", {**params, "count_include_pad": include},
             {"x": randn(*shape)}, lambda x: F.avg_pool2d(x, size, stride, pad, ceil, include))
case("global_avg_pool/odd", "global_avg_pool", {}, {"x": randn(3, 7, 5, 3)}, lambda x: x.mean((2, 3), keepdim=True))

# ---- Losses ----

for shape in ((2, 7, 5, 3), (3, 1, 4, 7), (1, 33, 3, 3)):
    n, c, h, w = shape
    case(f"gram/c{c}", "gram", {}, {"x": randn(*shape)},
         lambda x: torch.bmm(x.reshape(n, c, h * w), x.reshape(n, c, h * w).transpose(1, 2)) / (c * h * w))
for shape in ((2, 7, 3, 5), (3, 33), (2, 5, 5)):
    tag = f"{len(shape)}d"
    a = randn(*shape)
    case(f"l1_loss/{tag}", "l1_loss", {}, {"a": a, "b": (a + away(randn(*shape), [0])).float().double()}, lambda a, b: F.l1_loss(a, b))
    case(f"mse_loss/{tag}", "mse_loss", {}, {"a": randn(*shape), "b": randn(*shape)}, lambda a, b: F.mse_loss(a, b))
    for target in (1.0, 0.0):
        case(f"mse_to/{tag}_{target:.0f}", "mse_to", {"target": target}, {"x": randn(*shape)},
             lambda x: ((x - target) ** 2).mean())
        case(f"bce/{tag}_{target:.0f}", "bce_with_logits", {"target": target}, {"x": randn(*shape, scale=6)},
             lambda x: F.binary_cross_entropy_with_logits(x, torch.full_like(x, target)))
    for kind, sign in (("real", 1.0), ("fake", -1.0)):
        case(f"hinge/{tag}_{kind}", "hinge_loss", {"kind": kind}, {"x": away(randn(*shape), [1, -1])},
             lambda x: F.relu(1 - sign * x).mean())
    case(f"hinge/{tag}_generator", "hinge_loss", {"kind": "generator"}, {"x": randn(*shape)}, lambda x: -x.mean())
case("bce/far", "bce_with_logits", {"target": 0.9}, {"x": torch.tensor([-80.0, 80.0, -30.0, 25.0, 0.0]).double()},
     lambda x: F.binary_cross_entropy_with_logits(x, torch.full_like(x, 0.9)))

golden.write("ops.safetensors")
