# PyTorch's side of `gsx bench infer|step|conv|norm --vs "python3 benchmarks/peers/torch_peer.py"`; see
# protocol.py.
# The same networks as gsx, written as a PyTorch user would for speed: in-place ReLUs, fused fake
# quantisation and optimisers, frozen networks without gradients. --compile goes through torch.compile,
# --channels-last stores images as NHWC.
import argparse
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden"))

import torch
import torch.nn as nn
import torch.nn.functional as F

import networks
import protocol

STEPS = 256  # of the activation quantiser: codes 0..256 over [0, 4] (PAPER 1.3)


def fast_operands(self, x):
    """Both quantisers as PyTorch's fused operator."""
    w = self.weight
    if self.quantize_input:
        x = torch.fake_quantize_per_tensor_affine(x, self.P / STEPS, 0, 0, STEPS)
    if self.quantize_weight:
        scale = w.detach().abs().max() / 127
        w = torch.fake_quantize_per_tensor_affine(w, scale, torch.zeros_like(scale, dtype=torch.int32), -127, 127)
    return x, w


networks.Quantized.operands = fast_operands


def in_place(network):
    """ReLUs overwrite their input, as the original networks do."""
    for module in network.modules():
        for name, child in module.named_children():
            if isinstance(child, networks.Relu):
                new = nn.LeakyReLU(child.slope, True) if child.slope else nn.ReLU(True)
                setattr(module, name, new)
    return network


def generator(model, affine=True):
    torch.manual_seed(1)
    makers = {"cyclegan": lambda: networks.CycleGan(64, 9, affine), "fast_style": lambda: networks.FastStyle(32, 5),
              "cartoongan": lambda: networks.CartoonGan(64, 8)}
    if model not in makers:
        raise NotImplementedError(f"no model {model}; there are {', '.join(makers)}")
    return in_place(makers[model]())


class Setup:
    """One work's networks and images."""

    def __init__(self, options, work):
        self.options, self.model, self.method = options, work["model"], work.get("method", "gs8")
        self.size, self.batch = work["size"], work["batch"]
        self.layout = torch.channels_last if options.channels_last else torch.contiguous_format

    def network(self, module, trained):
        module = module.to(memory_format=self.layout).requires_grad_(trained)
        return torch.compile(module) if self.options.compile else module

    def images(self):
        return (torch.rand(self.batch, 3, self.size, self.size) * 2 - 1).contiguous(memory_format=self.layout)


def infer(setup):
    g, x = setup.network(generator(setup.model), False), setup.images()

    def work(_):
        with torch.inference_mode():
            g(x)
    return protocol.Work(work)


def gram(f):
    n, c, h, w = f.shape
    f = f.reshape(n, c, h * w)
    return torch.bmm(f, f.transpose(1, 2)) / (c * h * w)


def adam(parameters, lr):
    return torch.optim.Adam(parameters, lr, (0.5, 0.999), weight_decay=1e-3, fused=True)


def gs_step(setup):
    """A step of GAN Slimming as published, the teacher inside (PAPER 1.7)."""
    plain = generator(setup.model)
    if setup.method == "gs8":
        plain.quantize()
    gammas = [p for n, p in plain.named_parameters() if networks.is_scale(plain, n)]
    weights = [p for n, p in plain.named_parameters() if not networks.is_scale(plain, n)]
    student = setup.network(plain, True)
    teacher = setup.network(generator(setup.model), False)
    vgg = setup.network(in_place(networks.Vgg16(64)), False)
    critic = setup.network(in_place(networks.PatchGan(64)), True)
    adam_g, adam_d = adam(weights, 1e-5), adam(critic.parameters(), 1e-5)
    sgd, rho, lr_gamma = torch.optim.SGD(gammas, 0.1, 0.5), 0.01, 0.1

    def lsgan(x, target):
        return (critic(x).mean((2, 3)) - target).square().mean()

    x = setup.images()

    def work(_):
        with torch.no_grad():
            target = teacher(x)
            want = vgg((target + 1) / 2)
            want_grams = [gram(t) for t in want]
        y = student(x)
        got = vgg((y + 1) / 2)
        style = sum(F.mse_loss(gram(a), b) for a, b in zip(got, want_grams))
        critic.requires_grad_(False)
        loss = 20 * (F.l1_loss(got[0], want[0]) + 1e5 * style) + lsgan(y, 1.0)
        adam_g.zero_grad()
        sgd.zero_grad()
        loss.backward()
        adam_g.step()
        sgd.step()
        with torch.no_grad():
            for p in gammas:
                p.copy_(F.softshrink(p, rho * lr_gamma))
        critic.requires_grad_(True)
        adam_d.zero_grad()
        fake = y.detach()
        del loss, got, y
        (0.5 * (lsgan(target, 1.0) + lsgan(fake, 0.0))).backward()
        adam_d.step()
    return protocol.Work(work)


def dense_step(setup):
    """A CycleGAN step: two generators and two discriminators, cycle and identity losses."""
    a, b = setup.images(), setup.images()
    to_b, to_a = (setup.network(generator(setup.model), True) for _ in range(2))
    d_b, d_a = (setup.network(in_place(networks.PatchGan(64)), True) for _ in range(2))
    optimizers = [adam(n.parameters(), 2e-4) for n in (to_b, to_a)]
    critic_optimizers = [adam(n.parameters(), 2e-4) for n in (d_b, d_a)]

    def lsgan(critic, x, target):
        return (critic(x) - target).square().mean()

    def one_way(to, back, critic, x, y):
        """One direction after the other, so that activations of only one are held."""
        fake = to(x)
        loss = lsgan(critic, fake, 1.0) + 10 * F.l1_loss(back(fake), x) + 5 * F.l1_loss(to(y), y)
        loss.backward()
        return fake.detach()

    def work(_):
        for o in optimizers:
            o.zero_grad()
        for d in (d_b, d_a):
            d.requires_grad_(False)
        fakes = one_way(to_b, to_a, d_b, a, b), one_way(to_a, to_b, d_a, b, a)
        for o in optimizers:
            o.step()
        for d, o, real, fake in ((d_b, critic_optimizers[0], b, fakes[0]), (d_a, critic_optimizers[1], a, fakes[1])):
            d.requires_grad_(True)
            o.zero_grad()
            (0.5 * (lsgan(d, real, 1.0) + lsgan(d, fake, 0.0))).backward()
            o.step()
    return protocol.Work(work)


def conv(options, what, shape):
    """One pass of a convolution; reflection padding counts, since gsx's kernels pad themselves."""
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    n, c, k, r = (shape[i] for i in ("n", "c", "k", "kernel"))
    x = torch.rand(n, c, shape["h"], shape["w"]).contiguous(memory_format=layout)
    top, bottom, left, right = shape["pad"]
    others = {"dilation": shape["dilation"], "groups": shape["groups"], "bias": False}
    mode = "reflect" if shape["reflect"] else "replicate" if shape["replicate"] else "constant"
    if shape["transposed"]:
        if bottom > top:
            raise NotImplementedError("uneven borders of a transposed convolution")
        layer = nn.ConvTranspose2d(c, k, r, shape["stride"], top, top - bottom, **others)
    else:
        layer = nn.Conv2d(c, k, r, shape["stride"], **others)
    layer = layer.to(memory_format=layout)
    pads = (left, right, top, bottom)

    def forward(x):
        if not shape["transposed"] and any(pads):
            if mode != "constant" or len(set(pads)) > 1:
                x = F.pad(x, pads, mode=mode)
            else:
                layer.padding = (top, left)
        return layer(x)

    if what == "conv forward":
        def run(_):
            with torch.inference_mode():
                forward(x)
        return protocol.Work(run)
    x.requires_grad_(what == "conv backward_input")
    layer.weight.requires_grad_(what == "conv backward_weight")
    g = torch.rand_like(forward(x)).detach()

    def backward(y):
        x.grad = layer.weight.grad = None
        y.backward(g)
    return protocol.Work(backward, lambda: forward(x))


def norm(options, what, shape):
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    x = torch.rand(*(shape[i] for i in "nchw")).contiguous(memory_format=layout)
    layer = nn.InstanceNorm2d(shape["c"], affine=True)

    def forward():
        y = F.relu(layer(x))
        return torch.fake_quantize_per_tensor_affine(y, 4 / STEPS, 0, 0, STEPS) if "quantize" in what else y

    if "forward" in what:
        def run(_):
            with torch.inference_mode():
                forward()
        return protocol.Work(run)
    x.requires_grad_()
    g = torch.rand_like(x).detach()

    def backward(y):
        x.grad = layer.weight.grad = layer.bias.grad = None
        y.backward(g)
    return protocol.Work(backward, forward)


def prepare(options, work):
    what = work["what"]
    torch.manual_seed(1)
    if what == "infer":
        return infer(Setup(options, work))
    if what == "step":
        return (dense_step if work["method"] == "dense" else gs_step)(Setup(options, work))
    if what in ("conv forward", "conv backward_input", "conv backward_weight"):
        return conv(options, what, work["shape"])
    if what.startswith("instance_norm "):
        return norm(options, what, work["shape"])
    raise NotImplementedError(f"PyTorch has no {what}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--channels-last", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    ways = [w for w, on in (("torch.compile", options.compile), ("channels last", options.channels_last)) if on]
    protocol.serve(f"PyTorch {torch.__version__} {', '.join(ways) or 'eager'}", lambda work: prepare(options, work))


main()
