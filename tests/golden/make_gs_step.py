# Makes gs_step.safetensors: whole training steps of GAN Slimming (PAPER 1.7, in its order) on a narrow
# CycleGAN generator with a PatchGAN and a VGG-structured feature network, random weights, PyTorch in
# float64. Cases: gs32 (official objective), paper (log loss, real images), gs8_forced (with the
# reference's codes at every quantiser) and gs8 (all pre-round values more than 1e-3 from a half).
# Per case: CASE/{x,target,real}, CASE/{G,D,F}/NAME the starting parameters, CASE/loss/NAME, CASE/y (the
# generated images), CASE/grad/{G,D}/NAME, CASE/after/{G,D}/NAME (all of G's gammas; of the rest the
# smaller ones), CASE/codes/{activation,weight}/CONV. Run: python3 make_gs_step.py   (PyTorch 1.13, numpy)
import torch
import torch.nn.functional as F

import golden_file
import networks

CONFIG = {"beta": 20.0, "style_weight": 1e5, "lr": 1e-4, "beta1": 0.5, "beta2": 0.999, "weight_decay": 1e-3,
          "lr_gamma": 0.1, "momentum": 0.5, "rho": 0.2}
THRESHOLD = CONFIG["rho"] * CONFIG["lr_gamma"]
golden = golden_file.File()


def is_gamma(network, name):
    owner = dict(network.named_modules())[name.rpartition(".")[0]]
    return isinstance(owner, torch.nn.InstanceNorm2d) and name.endswith("weight")


def gram(f):
    n, c, h, w = f.shape
    f = f.reshape(n, c, h * w)
    return torch.bmm(f, f.transpose(1, 2)) / (c * h * w)


def distance(vgg, y, target):
    """d = L1(relu1_2) + 1e5 * sum over taps of MSE(Gram), on (y + 1)/2 (PAPER 1.2)."""
    got, want = vgg((y + 1) / 2), vgg((target + 1) / 2)
    content = F.l1_loss(got[0], want[0])
    style = sum(F.mse_loss(gram(a), gram(b)) for a, b in zip(got, want))
    return content, CONFIG["style_weight"] * style


def gan_loss(d, x, real, objective):
    """LSGAN on the spatially averaged map, or cross entropy of every patch."""
    m = d(x)
    if objective == "official":
        return ((m.mean((2, 3)) - float(real)) ** 2).mean()
    return F.binary_cross_entropy_with_logits(m, torch.full_like(m, float(real)))


def step(g, d, vgg, data, objective):
    """One step; returns losses, gradients, parameters after it and the generated images."""
    gammas = [p for n, p in g.named_parameters() if is_gamma(g, n)]
    others = [p for n, p in g.named_parameters() if not is_gamma(g, n)]
    betas = (CONFIG["beta1"], CONFIG["beta2"])
    adam_g = torch.optim.Adam(others, CONFIG["lr"], betas, weight_decay=CONFIG["weight_decay"])
    adam_d = torch.optim.Adam(d.parameters(), CONFIG["lr"], betas, weight_decay=CONFIG["weight_decay"])
    sgd = torch.optim.SGD(gammas, CONFIG["lr_gamma"], CONFIG["momentum"])
    y = g(data["x"])
    content, style = distance(vgg, y, data["target"])
    gan = gan_loss(d, y, True, objective)
    total = CONFIG["beta"] * (content + style) + gan
    total.backward()
    grads = {f"G/{n}": p.grad.clone() for n, p in g.named_parameters()}
    adam_g.step()
    sgd.step()
    closest = min((p.detach().abs() - THRESHOLD).abs().min().item() for p in gammas)
    assert closest > 1e-5, "a scale ends too near the proximal threshold"
    with torch.no_grad():
        for p in gammas:
            p.copy_(torch.sign(p) * torch.clamp(p.abs() - THRESHOLD, min=0))
    adam_d.zero_grad()
    real = gan_loss(d, data["target" if objective == "official" else "real"], True, objective)
    fake = gan_loss(d, y.detach(), False, objective)
    (0.5 * (real + fake)).backward()
    grads.update({f"D/{n}": p.grad.clone() for n, p in d.named_parameters()})
    adam_d.step()
    losses = {"content": content, "style": style, "distance": content + style, "gan": gan, "generator": total,
              "discriminator": 0.5 * (real + fake)}
    after = {f"{tag}/{n}": p.detach().clone() for tag, net in (("G", g), ("D", d)) for n, p in net.named_parameters()}
    return losses, grads, after, y


def spread_gammas(g, file, prefix):
    """Puts a third of the gammas within 2 rho eta of zero, in both signs."""
    for name, p in g.named_parameters():
        if is_gamma(g, name):
            u = torch.from_numpy(golden_file.uniform(p.shape, len(name) + p.numel()))
            near = torch.arange(p.numel()) % 3 == 1
            p.data = torch.where(near, (2 * THRESHOLD * u).to(p.dtype), p.data).float().to(p.dtype)
            restore(file, f"{prefix}/{name}", p)


def restore(file, name, value):
    """Stores a tensor that had been drawn and then changed."""
    del file.drawn[name]
    file.store(name, value)


def settle_weights(g, file, prefix):
    """Moves the weights that lie within 5e-3 steps of a half off it."""
    for name, conv in g.convolutions():
        w = conv.weight.data
        scale = w.abs().max() / 127
        frac = w / scale - torch.floor(w / scale)
        conv.weight.data = torch.where((frac - 0.5).abs() < 5e-3, w + 0.02 * scale, w).float().double()
        restore(file, f"{prefix}/{name}.weight", conv.weight)


def networks_for(file, name, size):
    g = networks.fill(networks.CycleGan(size["width"], size["blocks"]), file, f"{name}/G")
    d = networks.fill(networks.PatchGan(size["d_width"], size["d_layers"]), file, f"{name}/D")
    f = networks.fill(networks.Vgg16(size["f_width"]), file, f"{name}/F", gain=size["f_gain"], bias=0.05)
    for p in f.parameters():
        p.requires_grad_(False)
    spread_gammas(g, file, f"{name}/G")
    shape = (size["batch"], 3, *size["image"])
    data = {k: torch.from_numpy(file.draw(f"{name}/{k}", shape)).double() for k in ("x", "target", "real")}
    return g, d, f, data


def unpadded(codes, conv):
    """Without the border of the reflection padding in front of conv: quantising before or after is one."""
    p = conv.kernel_size[0] // 2 if conv.padding == (0, 0) else 0
    return codes[:, :, p:codes.shape[2] - p, p:codes.shape[3] - p]


def margins(g):
    """The least distance of a pre-round value from a half, and of a conv input from the clamp's bounds."""
    half, edge = 1.0, 1.0
    for _, conv in g.convolutions():
        for kind, v in conv.seen.items():
            if kind == "input":
                v = v[v != 0]
                edge = min(edge, v.abs().min().item(), (v - conv.P).abs().min().item())
            else:
                half = min(half, ((v - torch.floor(v)) - 0.5).abs().min().item())
    return half, edge


def case(name, objective, size, quantize=False, forced=False, seed=0, need=0.0):
    global golden
    trial = golden_file.File()
    trial.seed = 100000 + 1000 * seed
    g, d, f, data = networks_for(trial, name, size)
    if quantize:
        if not forced:
            settle_weights(g, trial, f"{name}/G")
            data["x"] = (torch.round((data["x"] + 1) * 127.5) * (2 / 255) - 1).float().double()
            restore(trial, f"{name}/x", data["x"])  # an 8-bit image, as integer programs read
        g.quantize()
    with torch.no_grad():
        g(data["x"])
    if need and margins(g)[0] < need or quantize and margins(g)[1] < 1e-5:
        return False
    start = {n: p.detach().clone() for n, p in g.named_parameters()}
    start_d = {n: p.detach().clone() for n, p in d.named_parameters()}
    networks.start_kinks()
    losses, grads, after, y = step(g, d, f, data, objective)
    gammas = torch.cat([after[f"G/{n}"] for n in start if is_gamma(g, n)])
    zero = int((gammas == 0).sum())
    if networks.closest_kink < 5e-6 or zero * 12 < gammas.numel():  # float32 must see every ReLU's side
        return False
    for n, v in losses.items():
        trial.store(f"{name}/loss/{n}", v)
    trial.store(f"{name}/y", y)
    for n, v in grads.items():
        trial.store(f"{name}/grad/{n}", v)
        if v.numel() <= 700 or is_gamma(g, n[2:]):
            trial.store(f"{name}/after/{n}", after[n])
    if forced:
        for n, conv in g.convolutions():
            for kind in ("activation", "weight"):
                if kind in conv.seen:
                    codes = torch.round(conv.seen[kind]).to(torch.int16)
                    trial.store(f"{name}/codes/{kind}/{n}", unpadded(codes, conv) if kind == "activation" else codes)
    print(f"{name} (seed {seed}): zero {zero} of {gammas.numel()} scales,",
          {n: round(v.item(), 5) for n, v in losses.items()}, "margins %.1e %.1e" % margins_or_none(g, quantize))
    gg = torch.cat([grads[f"G/{n}"] for n in start if is_gamma(g, n)])
    print("   gamma gradients: median", gg.abs().median().item(), "max", gg.abs().max().item())
    for n, p in g.named_parameters():
        p.data = start[n]
    for n, p in d.named_parameters():
        p.data = start_d[n]
    report(g.float(), d.float(), f.float(), {k: v.float() for k, v in data.items()}, objective, losses, grads)
    trial.cases = golden.cases + [{"name": name, "objective": objective, "quantized": quantize, "forced": forced,
                                   "config": CONFIG, **size}]
    trial.tensors, trial.drawn = {**golden.tensors, **trial.tensors}, {**golden.drawn, **trial.drawn}
    golden = trial
    return True


def margins_or_none(g, quantize):
    return margins(g) if quantize else (0.0, 0.0)


def report(g, d, f, data, objective, losses, grads):
    """How far PyTorch's float32 is from the float64 reference (a quantised run may round differently)."""
    for net in (g, d):
        net.zero_grad(set_to_none=True)
    losses32, grads32, _, _ = step(g, d, f, data, objective)
    loss = max(((losses32[n] - v).abs() / v.abs()).item() for n, v in losses.items())
    gaps = sorted(((grads32[n].double() - v).abs().max() / v.abs().max()).item() for n, v in grads.items()
                  if v.abs().max() > 1e-9)
    print(f"   float32: losses {loss:.1e}, gradients {gaps[-1]:.1e}")


MAIN = {"batch": 2, "image": [32, 32], "width": 6, "blocks": 2, "d_width": 5, "d_layers": 3, "f_width": 4,
        "f_gain": 0.8}
SMALL = {"batch": 1, "image": [16, 16], "width": 3, "blocks": 1, "d_width": 3, "d_layers": 2, "f_width": 3,
         "f_gain": 0.8}


def search(*arguments, **options):
    seed = 0
    while not case(*arguments, **options, seed=seed):
        seed += 1


search("gs32", "official", MAIN)
search("paper", "paper", SMALL)
search("gs8_forced", "official", MAIN, quantize=True, forced=True)
search("gs8", "official", SMALL, quantize=True, need=1.2e-3)
golden.write("gs_step.safetensors")
