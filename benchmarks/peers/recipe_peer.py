#!/usr/bin/env python3
# One run of the recipe gs8, as `gsx ablate --preset paper-small` makes it, written with PyTorch: slim with fake
# quantisation and a budget, extract, finetune. Networks, steps, batch and rates are read from a run folder of gsx:
#   benchmarks/peers/recipe_peer.py ablation/runs/gs8-r8-s1 [--threads 2] [--part 0.1]
# Prints a JSON line with its seconds, wall and CPU, beside those that gsx logged for its steps. Images are made up
# and lie in memory as tensors, so that no time goes into reading them; what the teacher makes of them is computed
# once and kept, as gsx keeps it.
import argparse
import json
import math
import os
import struct
import sys
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "golden"))

import torch
import torch.nn.functional as F

import networks

CONTENT_BETA, RHO_MOMENTUM, REACH, POOL, LOOKED = 20, 0.5, 0.8, 50, 64
IMAGES = 400


def gram(f):
    n, c, h, w = f.shape
    f = f.reshape(n, c, h * w)
    return torch.bmm(f, f.transpose(1, 2)) / (c * h * w)


def in_place(network):
    """ReLUs overwrite their input, as the original networks do."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, networks.Relu):
                setattr(module, name, torch.nn.LeakyReLU(child.slope, True) if child.slope else torch.nn.ReLU(True))
    return network


def tensors(path):
    """A safetensors file's values by name; {} of kinds that are no weights."""
    with open(path, "rb") as file:
        data = file.read()
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + length])
    kinds = {"F32": torch.float32, "I8": torch.int8}
    out = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + at for at in entry["data_offsets"])
        out[name] = torch.frombuffer(bytearray(data[begin:end]), dtype=kinds[entry["dtype"]]).reshape(entry["shape"])
    return out


def conv_names(weights):
    return [n[:-len(".weight")] for n, v in weights.items() if n.endswith(".weight") and v.dim() == 4]


class PerChannel:
    """Fake quantisation by PyTorch's fused operators: weights per output channel, inputs in [0, p] or [-p, p]."""

    def operands(self, x):
        w = self.weight
        if self.quantize_input:
            step, low = (self.P / 255, 0) if not self.signed else (self.P / 127, -127)
            x = torch.fake_quantize_per_tensor_affine(x, step, 0, low, 255 if not self.signed else 127)
        if self.quantize_weight:
            axis = 1 if isinstance(self, networks.ConvTranspose) else 0
            most = w.detach().abs().amax([d for d in range(4) if d != axis]).clamp_min(1e-12)
            w = torch.fake_quantize_per_channel_affine(w, most / 127, torch.zeros_like(most, dtype=torch.int32), axis,
                                                       -127, 127)
        return x, w


networks.Quantized.operands = PerChannel.operands
networks.Quantized.signed = False


def load_generator(weights, blocks):
    """A generator of the file's shapes, whatever pruning left of each layer."""
    width = weights["model.1.weight"].shape[0]
    g = networks.CycleGan(width, blocks)
    for name, module in g.named_modules():
        if isinstance(module, networks.Quantized):
            w = weights[name + ".weight"]
            module.weight = torch.nn.Parameter(w.float().contiguous())
            bias = weights.get(name + ".bias")
            outs = w.shape[1] if isinstance(module, networks.ConvTranspose) else w.shape[0]
            module.bias = torch.nn.Parameter(bias.clone() if bias is not None else torch.zeros(outs))
            module.out_channels = outs
            channels = outs
        elif isinstance(module, torch.nn.InstanceNorm2d) and name + ".weight" in weights:
            module.weight = torch.nn.Parameter(weights[name + ".weight"].clone())
            module.bias = torch.nn.Parameter(weights[name + ".bias"].clone())
            module.num_features = channels
        elif isinstance(module, torch.nn.InstanceNorm2d):
            module.num_features = channels
            module.weight = module.bias = None
    return in_place(g)


def load_discriminator(weights):
    d = networks.PatchGan(weights["model.0.weight"].shape[0])
    d.load_state_dict(weights)
    return in_place(d)


def calibrate(g, images):
    """Ranges of the quantisers: what their inputs reach; signed where more than a hundredth of them is negative."""
    g.quantize()
    seen = {}

    def look(module, args):
        x = args[0].detach()
        most, negative, n = seen.get(module, (0.0, 0.0, 0))
        seen[module] = (max(most, x.abs().max().item()), negative + (x < 0).float().mean().item(), n + 1)

    convs = [m for _, m in g.convolutions() if m.quantize_input]
    hooks = [m.register_forward_pre_hook(look) for m in convs]
    for m in convs:
        m.quantize_input = False
    with torch.no_grad():
        for x in images:
            g(x)
    for hook, m in zip(hooks, convs):
        hook.remove()
        m.quantize_input = True
        most, negative, n = seen[m]
        m.P, m.signed = most, negative / n > 0.01


class Distance:
    """Content on the images, and Gram matrices of the discriminator's activations, each over its mean between
    unrelated images, content as heavy as all styles."""

    def __init__(self, features, targets):
        self.features = features
        terms = [self.terms(targets[i], targets[(i + 1) % len(targets)]) for i in range(len(targets))]
        means = [sum(t[k].item() for t in terms) / len(terms) for k in range(len(terms[0]))]
        self.weights = [1 / m / (1 if k == 0 else len(means) - 1) for k, m in enumerate(means)]

    def grams(self, y):
        out = []
        for layer in self.features.model:
            y = layer(y)
            if isinstance(layer, torch.nn.LeakyReLU):
                out.append(gram(y))
        return out

    @torch.no_grad()
    def terms(self, a, b):
        return [F.l1_loss(a, b)] + [F.mse_loss(x, y) for x, y in zip(self.grams(a), self.grams(b))]

    def __call__(self, y, target, grams):
        total = self.weights[0] * F.l1_loss(y, target)
        for w, a, b in zip(self.weights[1:], self.grams(y), grams):
            total = total + w * F.mse_loss(a, b)
        return total


class Lessons:
    """Images in a fresh order each round, mirrored at random, and the teacher's of them."""

    def __init__(self, teacher, distance, images):
        self.teacher, self.distance, self.images, self.known, self.order = teacher, distance, images, {}, []

    def one(self):
        if not self.order:
            self.order = torch.randperm(len(self.images)).tolist()
        i, flip = self.order.pop(), bool(torch.rand(()) < 0.5)
        x = self.images[i].flip(3) if flip else self.images[i]
        if (i, flip) not in self.known:
            with torch.no_grad():
                y = self.teacher(x)
                self.known[i, flip] = y, self.distance.grams(y)
        return (x, *self.known[i, flip])

    def next(self, n):
        got = [self.one() for _ in range(n)]
        return (torch.cat([g[0] for g in got]), torch.cat([g[1] for g in got]),
                [torch.cat(layer) for layer in zip(*(g[2] for g in got))])


class Pool:
    def __init__(self):
        self.held = []

    def query(self, images):
        out = []
        for image in images.split(1):
            if len(self.held) < POOL:
                self.held.append(image)
                out.append(image)
            elif torch.rand(()) < 0.5:
                at = int(torch.randint(POOL, ()))
                out.append(self.held[at])
                self.held[at] = image
            else:
                out.append(image)
        return torch.cat(out)


def lsgan(d, x, target):
    return (d(x).mean((2, 3)) - target).square().mean()


def stage(student, d, lessons, steps, batch, lr, lr_d, prune):
    """`steps` steps; where it prunes, down to as many channels in all as `prune` says."""
    gammas = [m.weight for m in student.modules() if isinstance(m, torch.nn.InstanceNorm2d) and m.weight is not None]
    own = {id(p) for p in gammas} if prune else set()
    adam = torch.optim.Adam([p for p in student.parameters() if id(p) not in own], lr, (0.5, 0.999), fused=True)
    adam_d = torch.optim.Adam(d.parameters(), lr_d, (0.5, 0.999), fused=True)
    sgd = torch.optim.SGD(gammas, 0.01, RHO_MOMENTUM) if prune else None
    pool, landing = Pool(), max(1, int(REACH * steps))
    for step in range(steps):
        factor = 0.5 * (1 + math.cos(math.pi * step / steps))
        for optimizer, rate in ((adam, lr), (adam_d, lr_d), (sgd, 0.01)):
            if optimizer:
                optimizer.param_groups[0]["lr"] = rate * factor
        x, target, grams = lessons.next(batch)
        y = student(x)
        d.requires_grad_(False)
        loss = CONTENT_BETA * lessons.distance(y, target, grams) + lsgan(d, y, 1.0)
        adam.zero_grad()
        if sgd:
            sgd.zero_grad()
        loss.backward()
        adam.step()
        if sgd:
            sgd.step()
            with torch.no_grad():
                if step < landing:
                    for p in gammas:
                        p.copy_(F.softshrink(p, 0.5 / landing))
                else:
                    if step == landing:
                        least = torch.cat(gammas).abs().sort().values[-prune]
                        alive = [(p.abs() >= least).float() for p in gammas]
                    for p, kept in zip(gammas, alive):
                        p.mul_(kept)
        d.requires_grad_(True)
        adam_d.zero_grad()
        fake = pool.query(y.detach())
        (0.5 * (lsgan(d, target, 1.0) + lsgan(d, fake, 0.0))).backward()
        adam_d.step()
        loss.item()


def sheet(path, side):
    """The rows of a sheet of samples as lists of images [1,3,side,side] in -1..1."""
    data = open(path, "rb").read()
    width, height = struct.unpack(">II", data[16:24])
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        packed += data[at + 8:at + 8 + size] if kind == b"IDAT" else b""
        at += 12 + size
    raw, rows, before = zlib.decompress(packed), [], bytearray(3 * width)
    for r in range(height):
        kind, line = raw[r * (3 * width + 1)], bytearray(raw[r * (3 * width + 1) + 1:(r + 1) * (3 * width + 1)])
        for i in range(len(line)):
            a, b, c = (line[i - 3] if i > 2 else 0), before[i], (before[i - 3] if i > 2 else 0)
            p = a + b - c
            paeth = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth)[kind]) & 255
        rows.append(line)
        before = line
    image = torch.tensor([list(row) for row in rows], dtype=torch.float32).reshape(height, width, 3)
    image = image.permute(2, 0, 1)[None] / 127.5 - 1
    gap, cell = 4, side + 4
    return [[image[:, :, gap + r * cell:gap + r * cell + side, gap + c * cell:gap + c * cell + side] for c in range(3)]
            for r in range((height - gap) // cell)]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--part", type=float, default=1, help="of the steps of every stage")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    folder = options.run
    figures = json.load(open(os.path.join(folder, "figures.json")))
    logged = [json.loads(line) for line in open(os.path.join(folder, "log.jsonl"))]
    steps = {name: max(line["step"] for line in logged if line["stage"] == name) for name in ("slim", "finetune")}
    size, batch, lr_d = figures["size"], 2, 4e-4
    teacher_weights = tensors(os.path.join(folder, "teacher.safetensors"))
    small = tensors(os.path.join(folder, "model.safetensors"))
    blocks = sum(n.endswith("conv_block.1.weight") for n in teacher_weights)
    teacher = load_generator(teacher_weights, blocks).requires_grad_(False)
    weights = [teacher_weights[n + ".weight"] for n in conv_names(teacher_weights)]
    lr = 0.015 * math.sqrt(sum(w.square().sum() for w in weights) / sum(w.numel() for w in weights))

    # The teacher is the one of the run: its images on the last sheet are ours, to a grey level.
    samples = os.path.join(folder, "samples")
    rows = sheet(os.path.join(samples, sorted(os.listdir(samples))[-1]), size)
    with torch.no_grad():
        off = max((teacher(photo) - made).abs().max().item() * 127.5 for photo, made, _ in rows)

    discriminator = tensors(os.path.join(folder, "discriminator.safetensors"))
    start, cpu = time.perf_counter(), time.process_time()
    images = [F.interpolate(torch.rand(1, 3, 8, 8) * 2 - 1, size=size, mode="bilinear") for _ in range(IMAGES)]
    with torch.no_grad():
        looked = [teacher(x) for x in images[:LOOKED]]
    features = load_discriminator(discriminator).requires_grad_(False)
    lessons = Lessons(teacher, Distance(features, looked), images)
    student, d = load_generator(teacher_weights, blocks), load_discriminator(discriminator)
    calibrate(student, images[:LOOKED])
    kept = sum(small[n].numel() for n in teacher_weights if n in small and n.endswith(".weight")
               and teacher_weights[n].dim() == 1)
    begun = time.process_time()
    stage(student, d, lessons, round(steps["slim"] * options.part), batch, lr, lr_d, kept)
    slim = time.process_time() - begun
    # The network that gsx extracted, so that finetuning costs the same.
    student = load_generator(small, blocks)
    calibrate(student, images[:LOOKED])
    begun = time.process_time()
    stage(student, d, lessons, round(steps["finetune"] * options.part), batch, lr, lr_d, 0)
    finetune = time.process_time() - begun
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu_seconds": time.process_time() - cpu,
                      "slim_cpu_seconds": slim, "finetune_cpu_seconds": finetune,
                      "threads": options.threads, "steps": steps, "part": options.part,
                      "gsx_seconds": figures["seconds"], "teacher_off_grey_levels": off,
                      "torch": torch.__version__}))


if __name__ == "__main__":
    main()
