# Makes models.safetensors: outputs of every architecture at small width with random parameters, and
# gradients of sum <y, r> for its input and its smaller parameters; PyTorch in float64. Per case:
# CASE/x, CASE/param/NAME, CASE/y/TAP, CASE/r/TAP, CASE/grad/x, CASE/grad/param/NAME.
# Run: python3 make_models.py    (PyTorch 1.13, numpy)
import torch

import golden_file
import networks
import painters

golden = golden_file.File()


def gradients(network, x, rs):
    network.zero_grad()
    x = x.clone().requires_grad_(True)
    ys = network(x)
    ys = ys if isinstance(ys, list) else [ys]
    sum((y * r).sum() for y, r in zip(ys, rs)).backward()
    return ys, {"x": x.grad, **{f"param/{n}": p.grad for n, p in network.named_parameters()}}


def case(name, architecture, options, network, x_shape, taps=("y",), x_scale=1.0, x_shift=0.0, largest=500,
         gain=1.0, bias=0.2, without=()):
    ys = None
    while ys is None or networks.closest_kink < 2e-5:  # float32 must see every ReLU's side
        networks.fill(network.float(), golden, f"{name}/param", gain=gain, bias=bias)
        x = torch.from_numpy(golden.draw(f"{name}/x", x_shape, x_scale, x_shift)).double()
        networks.start_kinks()
        ys = network(x)
    ys = ys if isinstance(ys, list) else [ys]
    rs = [torch.from_numpy(golden.draw(f"{name}/r/{t}", tuple(y.shape), 3**0.5)).double() for t, y in zip(taps, ys)]
    ys, grads = gradients(network, x, rs)
    for t, y in zip(taps, ys):
        golden.store(f"{name}/y/{t}", y)
    for n, g in grads.items():
        if n == "x" or (g.numel() <= largest and n not in without):
            golden.store(f"{name}/grad/{n}", g)
    golden.cases.append({"name": name, "architecture": architecture, "options": options, "taps": list(taps)})
    report(name, network, x, rs, ys, grads)


def report(name, network, x, rs, ys, grads):
    """How far PyTorch's own float32 is from the float64 reference: what a tolerance must allow for."""
    ys32, grads32 = gradients(network.float(), x.float(), [r.float() for r in rs])

    def gap(a, b):
        return ((a.double() - b).abs().max() / b.abs().max()).item()

    worst = max((gap(grads32[n], g), n) for n, g in grads.items() if g.abs().max() > 1e-9)
    print(f"{name:24} float32: y {max(gap(a, b) for a, b in zip(ys32, ys)):.1e}, gradients {worst[0]:.1e} ({worst[1]}), "
          f"y deviation {max(y.std().item() for y in ys):.3g}")


case("cyclegan", "cyclegan", {"width": 6, "blocks": 2, "affine": True}, networks.CycleGan(6, 2), (2, 3, 16, 20))
case("cyclegan_official", "cyclegan", {"width": 5, "blocks": 3, "affine": False}, networks.CycleGan(5, 3, False),
     (2, 3, 17, 14))
case("patchgan", "patchgan", {"width": 5}, networks.PatchGan(5), (2, 3, 33, 32))
case("patchgan_official", "patchgan", {"width": 3, "affine": False}, networks.PatchGan(3, 3, False), (2, 3, 32, 47))
case("patchgan_pooled", "patchgan", {"width": 6, "layers": 2, "pooled": True}, networks.PatchGan(6, 2, True, True),
     (3, 3, 24, 17))
case("cartoongan", "cartoongan", {"width": 5, "blocks": 2}, networks.CartoonGan(5, 2), (2, 3, 14, 18))
case("fast_style", "fast_style", {"width": 5, "blocks": 2}, networks.FastStyle(5, 2), (2, 3, 16, 12), x_scale=127.5,
     x_shift=127.5)
case("fast_style_odd", "fast_style", {"width": 3, "blocks": 1}, networks.FastStyle(3, 1), (1, 3, 13, 18),
     x_scale=127.5, x_shift=127.5)
case("vgg16", "vgg16", {"width": 6}, networks.Vgg16(6), (2, 3, 17, 24), list(networks.Vgg16.TAPS.values()),
     x_scale=0.5, x_shift=0.5, gain=1.4)
case("squeezenet", "squeezenet", {}, networks.SqueezeNet(), (1, 3, 39, 33), [f"{i}" for i in range(8)], gain=1.4,
     x_scale=0.5, x_shift=0.5)
case("style_aware", "style_aware", {"width": 3, "blocks": 2}, painters.StyleAware(3, 2), (1, 3, 64, 80),
     without=("param/encoder.g_e0_bn.bias",))  # the next norm takes it out: zero in exact arithmetic
case("style_aware_discriminator", "style_aware_discriminator", {"width": 2}, painters.StyleAwareDiscriminator(2),
     (1, 3, 129, 65), [f"scale_{i}" for i in (0, 1, 3, 5, 6)])
case("style_aware_discriminator_small", "style_aware_discriminator", {"width": 3, "layers": 3},
     painters.StyleAwareDiscriminator(3, 2), (2, 3, 17, 24), ["scale_0", "scale_1"])
case("unet_batch", "unet", {"width": 3, "layers": 4}, painters.Unet(3, 4, torch.nn.BatchNorm2d), (3, 3, 32, 16))
case("unet_instance", "unet", {"width": 4, "layers": 4, "norm": "instance"}, painters.Unet(4, 4, torch.nn.InstanceNorm2d),
     (2, 3, 16, 48))
case("unet_affine", "unet", {"width": 3, "layers": 5, "norm": "instance", "affine": True},
     painters.Unet(3, 5, networks.norm), (1, 3, 32, 32))
golden.write("models.safetensors")
