# Makes sngan.safetensors: SNGAN's networks at small width, PyTorch in float64. The generator once in
# training (values, gradients of sum <y, r>, running statistics) and once in evaluation behind it; the
# discriminator, under torch.nn.utils.spectral_norm, for some steps of gradient descent, with the
# singular vectors after each, and in evaluation at the end. CASE/param/NAME are named as gsx has them.
# Run: python3 make_sngan.py    (PyTorch, numpy)
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm

import golden_file

STEPS, RATE = 4, 0.05
golden = golden_file.File()


class GeneratorBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c1, self.c2, self.c_sc = nn.Conv2d(c, c, 3, 1, 1), nn.Conv2d(c, c, 3, 1, 1), nn.Conv2d(c, c, 1)
        self.b1, self.b2 = nn.BatchNorm2d(c), nn.BatchNorm2d(c)

    def forward(self, x):
        def up(v):
            return F.interpolate(v, scale_factor=2)

        return self.c2(F.relu(self.b2(self.c1(up(F.relu(self.b1(x))))))) + self.c_sc(up(x))


class Generator(nn.Module):
    def __init__(self, c, latent):
        super().__init__()
        self.l1 = nn.Linear(latent, 16 * c)
        self.block2, self.block3, self.block4 = GeneratorBlock(c), GeneratorBlock(c), GeneratorBlock(c)
        self.b5, self.c5 = nn.BatchNorm2d(c), nn.Conv2d(c, 3, 3, 1, 1)

    def forward(self, z):
        x = self.l1(z).reshape(len(z), -1, 4, 4)
        return torch.tanh(self.c5(F.relu(self.b5(self.block4(self.block3(self.block2(x)))))))


class DiscriminatorBlock(nn.Module):
    def __init__(self, i, o, first, halve):
        super().__init__()
        self.first, self.halve = first, halve
        self.c1, self.c2 = spectral_norm(nn.Conv2d(i, o, 3, 1, 1)), spectral_norm(nn.Conv2d(o, o, 3, 1, 1))
        if halve:
            self.c_sc = spectral_norm(nn.Conv2d(i, o, 1))

    def forward(self, x):
        y = self.c2(F.relu(self.c1(x if self.first else F.relu(x))))
        if not self.halve:
            return y + x
        skip = self.c_sc(F.avg_pool2d(x, 2)) if self.first else F.avg_pool2d(self.c_sc(x), 2)
        return F.avg_pool2d(y, 2) + skip


class Discriminator(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.block1, self.block2 = DiscriminatorBlock(3, c, True, True), DiscriminatorBlock(c, c, False, True)
        self.block3, self.block4 = DiscriminatorBlock(c, c, False, False), DiscriminatorBlock(c, c, False, False)
        self.l5 = spectral_norm(nn.Linear(c, 1, bias=False))

    def forward(self, x):
        x = self.block4(self.block3(self.block2(self.block1(x))))
        return self.l5(F.relu(x).sum((2, 3)))


def ours(name):
    return name.replace("weight_orig", "weight")


def vectors(network):
    return {n: b for n, b in network.named_buffers() if n.endswith(("weight_u", "weight_v"))}


def fill(network, case):
    """Weights of variance 1/fan_in, norm scales around 1, biases and shifts around 0, singular vectors of length 1."""
    scales = {f"{n}.weight" for n, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
    for name, p in network.named_parameters():
        scale, shift = (0.5, 1.0) if name in scales else ((3 / p[0].numel()) ** 0.5 if p.dim() > 1 else 0.2, 0.0)
        p.data = torch.from_numpy(golden.draw(f"{case}/param/{ours(name)}", tuple(p.shape), scale, shift)).double()
    for name, b in network.named_buffers():
        if name.endswith("running_mean") or name.endswith("running_var"):
            scale, shift = (0.3, 0.0) if name.endswith("mean") else (0.5, 1.0)
            b.data = torch.from_numpy(golden.draw(f"{case}/running/{name}", tuple(b.shape), scale, shift)).double()
    for name, b in vectors(network).items():
        b.data = F.normalize(torch.from_numpy(golden_file.uniform(tuple(b.shape), len(name) + b.numel())), dim=0).double()
        golden.store(f"{case}/vector/{name}", b)
        b.data = b.data.float().double()
    return network


def store_gradients(case, network, largest=500):
    for name, p in network.named_parameters():
        if p.numel() <= largest:
            golden.store(f"{case}/grad/{ours(name)}", p.grad)


def generator(width, latent, batch):
    case = "generator"
    network = fill(Generator(width, latent).double(), case)
    z = torch.from_numpy(golden.draw(f"{case}/x", (batch, latent), 1.7)).double().requires_grad_(True)
    y = network(z)
    r = torch.from_numpy(golden.draw(f"{case}/r", tuple(y.shape), 3**0.5)).double()
    (y * r).sum().backward()
    golden.store(f"{case}/y", y)
    golden.store(f"{case}/grad_x", z.grad)
    store_gradients(case, network)
    for name, b in network.named_buffers():
        if "running" in name:
            golden.store(f"{case}/after/{name}", b)
    golden.store(f"{case}/evaluated", network.eval()(z))
    golden.cases.append({"name": case, "options": {"width": width, "latent": latent}})


def discriminator(width, batch):
    case = "discriminator"
    network = fill(Discriminator(width).double(), case)
    x = torch.from_numpy(golden.draw(f"{case}/x", (batch, 3, 32, 32))).double()
    r = torch.from_numpy(golden.draw(f"{case}/r", (batch, 1), 3**0.5)).double()
    for step in range(STEPS):
        network.zero_grad()
        y = network(x)
        (y * r).sum().backward()
        golden.store(f"{case}/{step}/y", y)
        for name, b in vectors(network).items():
            golden.store(f"{case}/{step}/vector/{name}", b)
        store_gradients(f"{case}/{step}", network)
        with torch.no_grad():
            for p in network.parameters():
                p -= RATE * p.grad
    golden.store(f"{case}/evaluated", network.eval()(x))
    golden.cases.append({"name": case, "options": {"width": width}, "steps": STEPS, "rate": RATE})


generator(6, 5, 3)
discriminator(5, 2)
golden.write("sngan.safetensors")
