# Makes style_aware.safetensors: a turn of the generator and one of the discriminator in Sanakoyeu et
# al.'s training, at small width, PyTorch in float64: the losses, how often the player was right, and
# the gradients of its smaller parameters; and transformed images of awkward sizes. Per turn:
# TURN/{G,D}/NAME the parameters, TURN/{photos,paintings}, TURN/loss/NAME, TURN/grad/NAME.
# Run: python3 make_style_aware.py    (PyTorch, numpy)
import torch
import torch.nn.functional as F

import golden_file
import networks
import painters

WIDTH, BLOCKS, D_WIDTH, LAYERS, SHAPE, LARGEST = 3, 1, 2, 4, (2, 3, 32, 48), 500
CONFIG = {"image": 100.0, "features": 100.0}
golden = golden_file.File()


def transformed(x):
    """The mean of 10 x 10 pixels, TensorFlow's SAME: those beyond the border do not count."""
    kernel = x.new_ones(1, 1, 10, 10)

    def sums(v):
        planes = F.pad(v, (4, 5, 4, 5)).flatten(0, 1).unsqueeze(1)
        return F.conv2d(planes, kernel).reshape(v.shape)

    return sums(x) / sums(torch.ones_like(x))


def judged(scales, real):
    return sum(F.binary_cross_entropy_with_logits(s, torch.full_like(s, float(real))) for s in scales)


def accuracy(scales, real):
    return sum(((s > 0.5) == real).double().mean() for s in scales) / len(scales)


def margin(scales):
    return min((s.detach() - 0.5).abs().min().item() for s in scales)


def turn_of(name):
    """Draws until float32 must see every ReLU's side, every difference's sign and every verdict."""
    while True:
        networks.start_kinks()
        g = networks.fill(painters.StyleAware(WIDTH, BLOCKS), golden, f"{name}/G")
        d = networks.fill(painters.StyleAwareDiscriminator(D_WIDTH, LAYERS), golden, f"{name}/D")
        photos, paintings = (torch.from_numpy(golden.draw(f"{name}/{n}", SHAPE)).double() for n in
                             ("photos", "paintings"))
        encoded = g.encode(photos)
        made = g.decode(encoded)
        if name == "generator":
            scales, again = d(made), g.encode(made)
            gaps = (again - encoded).detach().abs()
            closest = min(margin(scales), gaps[gaps > 0].min().item())
            parts = {"gan": judged(scales, True), "image": F.mse_loss(transformed(made), transformed(photos)),
                     "features": F.l1_loss(again, encoded), "accuracy": accuracy(scales, True)}
            loss = parts["gan"] + CONFIG["image"] * parts["image"] + CONFIG["features"] * parts["features"]
            player = g
        else:
            made = made.detach()
            on = [(d(paintings), True), (d(photos), False), (d(made), False)]
            closest = min(margin(s) for s, _ in on)
            loss = sum(judged(s, real) for s, real in on)
            parts = {"discriminator": loss, "accuracy": sum(accuracy(s, real) for s, real in on) / 3}
            player = d
        if min(closest, networks.closest_kink) >= 2e-5:
            break
    loss.backward()
    for n, value in parts.items():
        golden.store(f"{name}/loss/{n}", value.reshape(1))
    for n, p in player.named_parameters():
        # The next norm takes the first shift out: its gradient is zero in exact arithmetic.
        if p.numel() <= LARGEST and n != "encoder.g_e0_bn.bias":
            golden.store(f"{name}/grad/{n}", p.grad)
    golden.cases.append({"name": name, "config": CONFIG, "generator": {"width": WIDTH, "blocks": BLOCKS},
                         "discriminator": {"width": D_WIDTH, "layers": LAYERS}})
    print(name, {n: round(v.item(), 4) for n, v in parts.items()})


turn_of("generator")
turn_of("discriminator")
for h, w in ((5, 7), (10, 9), (11, 33)):
    x = torch.from_numpy(golden.draw(f"transformed/{h}x{w}/x", (2, 3, h, w))).double()
    golden.store(f"transformed/{h}x{w}/y", transformed(x))
golden.write("style_aware.safetensors")
