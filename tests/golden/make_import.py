# Makes import.safetensors: one small network of every kind that models/import/nets_*.cpp tells from a
# file, with the names of the code that it comes from (rewritten here), PyTorch in float64, evaluating.
# CASE/w/NAME are the tensors of the file, CASE/x/0 (and 1) what the network is given, CASE/y what it
# gives. Run: python3 make_import.py    (PyTorch 2, numpy)
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.parametrizations import spectral_norm, weight_norm

import cartoons
import golden_file

golden = golden_file.File()


class Wrapped(nn.Module):
    """A Sequential under the name that the original code gives it."""

    def __init__(self, name, layers):
        super().__init__()
        setattr(self, name, nn.Sequential(*layers))

    def forward(self, x):
        return next(self.children())(x)


# ---- CycleGAN and its descendants.
class Block(nn.Module):
    def __init__(self, c, norm, bias, dropout, conv, pad):
        super().__init__()
        layers = []
        for i in range(2):
            if pad:
                layers.append(nn.ReflectionPad2d(1))
            layers += [conv(c, bias, 0 if pad else 1), norm(c)]
            if i == 0:
                layers.append(nn.ReLU())
                if dropout:
                    layers.append(nn.Dropout(0.5))
        self.conv_block = nn.Sequential(*layers)

    def forward(self, x):
        return x + self.conv_block(x)


def plain_conv(c, bias, pad):
    return nn.Conv2d(c, c, 3, padding=pad, bias=bias)


class SeparableConv(nn.Module):
    def __init__(self, c, bias, norm):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv2d(c, c, 3, groups=c, bias=bias), norm(c), nn.Conv2d(c, c, 1, bias=bias))

    def forward(self, x):
        return self.conv(x)


class Down(nn.Module):  # CUT's
    def __init__(self, c):
        super().__init__()
        f = torch.tensor([1.0, 2.0, 1.0])
        f = f[:, None] * f[None, :]
        self.register_buffer("filt", (f / f.sum())[None, None].repeat(c, 1, 1, 1))

    def forward(self, x):
        return F.conv2d(F.pad(x, [1, 1, 1, 1], mode="reflect"), self.filt, stride=2, groups=x.shape[1])


class Up(nn.Module):  # CUT's
    def __init__(self, c):
        super().__init__()
        f = torch.tensor([1.0, 3.0, 3.0, 1.0])
        f = f[:, None] * f[None, :]
        self.register_buffer("filt", (4 * f / f.sum())[None, None].repeat(c, 1, 1, 1))

    def forward(self, x):
        y = F.conv_transpose2d(F.pad(x, [1, 1, 1, 1], mode="replicate"), self.filt, stride=2, padding=2,
                               groups=x.shape[1])
        return y[:, :, 1:, 1:][:, :, :-1, :-1]


def resnet(w, downs, blocks, norm, bias, dropout=False, conv=plain_conv, pad=True, blur=False, i=3, o=3):
    layers = [nn.ReflectionPad2d(3), nn.Conv2d(i, w, 7, bias=bias), norm(w), nn.ReLU()]
    for k in range(downs):
        c = w << k
        layers += [nn.Conv2d(c, 2 * c, 3, 1 if blur else 2, 1, bias=bias), norm(2 * c), nn.ReLU()]
        layers += [Down(2 * c)] if blur else []
    layers += [Block(w << downs, norm, bias, dropout, conv, pad) for _ in range(blocks)]
    for k in reversed(range(downs)):
        c = w << k
        up = [Up(2 * c), nn.Conv2d(2 * c, c, 3, 1, 1, bias=bias)] if blur else [
            nn.ConvTranspose2d(2 * c, c, 3, 2, 1, 1, bias=bias)]
        layers += up + [norm(c), nn.ReLU()]
    return Wrapped("model", layers + [nn.ReflectionPad2d(3), nn.Conv2d(w, o, 7), nn.Tanh()])


def affine(c):
    return nn.InstanceNorm2d(c, affine=True)


# ---- pix2pix's U-Net.
class Level(nn.Module):
    def __init__(self, outer, inner, sub=None, outermost=False, norm=nn.BatchNorm2d, bias=False, i=None):
        super().__init__()
        self.outermost = outermost
        down = nn.Conv2d(i or outer, inner, 4, 2, 1, bias=bias)
        if outermost:
            layers = [down, sub, nn.ReLU(), nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1), nn.Tanh()]
        elif sub is None:
            layers = [nn.LeakyReLU(0.2), down, nn.ReLU(), nn.ConvTranspose2d(inner, outer, 4, 2, 1, bias=bias),
                      norm(outer)]
        else:
            layers = [nn.LeakyReLU(0.2), down, norm(inner), sub, nn.ReLU(),
                      nn.ConvTranspose2d(2 * inner, outer, 4, 2, 1, bias=bias), norm(outer)]
        self.model = nn.Sequential(*layers)

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


def unet(w, norm, bias, i=3):
    net = Level(4 * w, 4 * w, None, norm=norm, bias=bias)
    net = Level(2 * w, 4 * w, net, norm=norm, bias=bias)
    net = Level(w, 2 * w, net, norm=norm, bias=bias)
    holder = nn.Module()
    holder.model = Level(3, w, net, True, norm=norm, bias=bias, i=i)
    holder.forward = holder.model.forward
    return holder


# ---- PyTorch's examples: fast_neural_style.
class PaddedConv(nn.Module):
    def __init__(self, i, o, k, s=1):
        super().__init__()
        self.pad, self.conv2d = nn.ReflectionPad2d(k // 2), nn.Conv2d(i, o, k, s)

    def forward(self, x):
        return self.conv2d(self.pad(x))


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2, self.in1, self.in2 = PaddedConv(c, c, 3), PaddedConv(c, c, 3), affine(c), affine(c)

    def forward(self, x):
        return x + self.in2(self.conv2(F.relu(self.in1(self.conv1(x)))))


class Johnson(nn.Module):
    def __init__(self, w):
        super().__init__()
        self.conv1, self.in1 = PaddedConv(3, w, 9), affine(w)
        self.conv2, self.in2 = PaddedConv(w, 2 * w, 3, 2), affine(2 * w)
        self.conv3, self.in3 = PaddedConv(2 * w, 4 * w, 3, 2), affine(4 * w)
        self.res1, self.res2 = Residual(4 * w), Residual(4 * w)
        self.deconv1, self.in4 = PaddedConv(4 * w, 2 * w, 3), affine(2 * w)
        self.deconv2, self.in5 = PaddedConv(2 * w, w, 3), affine(w)
        self.deconv3 = PaddedConv(w, 3, 9)

    def forward(self, x):
        for i in "123":
            x = F.relu(getattr(self, "in" + i)(getattr(self, "conv" + i)(x)))
        x = self.res2(self.res1(x))
        x = F.relu(self.in4(self.deconv1(F.interpolate(x, scale_factor=2))))
        return self.deconv3(F.relu(self.in5(self.deconv2(F.interpolate(x, scale_factor=2)))))


# ---- AnimeGANv2 for PyTorch.
class ConvNormLReLU(nn.Sequential):
    def __init__(self, i, o, k=3, s=1, pad=1, groups=1, bias=False):
        super().__init__(nn.ReflectionPad2d(pad), nn.Conv2d(i, o, k, s, groups=groups, bias=bias),
                         nn.GroupNorm(1, o), nn.LeakyReLU(0.2))


class Inverted(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.layers = nn.Sequential(ConvNormLReLU(i, 2 * i, 1, pad=0),
                                    ConvNormLReLU(2 * i, 2 * i, groups=2 * i, bias=True),
                                    nn.Conv2d(2 * i, o, 1, bias=False), nn.GroupNorm(1, o))
        self.same = i == o

    def forward(self, x):
        return x + self.layers(x) if self.same else self.layers(x)


class Anime(nn.Module):
    def __init__(self, w):
        super().__init__()
        c = ConvNormLReLU
        self.block_a = nn.Sequential(c(3, w, 7, pad=3), c(w, 2 * w, s=2, pad=(0, 1, 0, 1)), c(2 * w, 2 * w))
        self.block_b = nn.Sequential(c(2 * w, 4 * w, s=2, pad=(0, 1, 0, 1)), c(4 * w, 4 * w))
        self.block_c = nn.Sequential(c(4 * w, 4 * w), Inverted(4 * w, 6 * w), Inverted(6 * w, 6 * w), c(6 * w, 4 * w))
        self.block_d = nn.Sequential(c(4 * w, 4 * w), c(4 * w, 4 * w))
        self.block_e = nn.Sequential(c(4 * w, 2 * w), c(2 * w, 2 * w), c(2 * w, w, 7, pad=3))
        self.out_layer = nn.Sequential(nn.Conv2d(w, 3, 1, bias=False), nn.Tanh())

    def forward(self, x):
        half, size = self.block_a(x), x.shape[-2:]
        y = self.block_c(self.block_b(half))
        y = self.block_d(F.interpolate(y, half.shape[-2:], mode="bilinear", align_corners=True))
        return self.out_layer(self.block_e(F.interpolate(y, size, mode="bilinear", align_corners=True)))


# ---- StarGAN.
class StarBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        n = lambda: nn.InstanceNorm2d(c, affine=True, track_running_stats=True)
        self.main = nn.Sequential(nn.Conv2d(c, c, 3, 1, 1, bias=False), n(), nn.ReLU(),
                                  nn.Conv2d(c, c, 3, 1, 1, bias=False), n())

    def forward(self, x):
        return x + self.main(x)


class Star(nn.Module):
    def __init__(self, w, labels):
        super().__init__()
        n = lambda c: [nn.InstanceNorm2d(c, affine=True, track_running_stats=True), nn.ReLU()]
        self.main = nn.Sequential(
            nn.Conv2d(3 + labels, w, 7, 1, 3, bias=False), *n(w), nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False),
            *n(2 * w), StarBlock(2 * w), StarBlock(2 * w), nn.ConvTranspose2d(2 * w, w, 4, 2, 1, bias=False), *n(w),
            nn.Conv2d(w, 3, 7, 1, 3, bias=False), nn.Tanh())

    def forward(self, x, c):
        c = c[:, :, None, None].repeat(1, 1, x.shape[2], x.shape[3])
        return self.main(torch.cat([x, c], 1))


# ---- ESRGAN, Real-ESRGAN.
class Dense(nn.Module):
    def __init__(self, c, g):
        super().__init__()
        for k in range(1, 6):
            setattr(self, f"conv{k}", nn.Conv2d(c + (k - 1) * g, g if k < 5 else c, 3, 1, 1))

    def forward(self, x):
        xs = [x]
        for k in range(1, 5):
            xs.append(F.leaky_relu(getattr(self, f"conv{k}")(torch.cat(xs, 1)), 0.2))
        return self.conv5(torch.cat(xs, 1)) * 0.2 + x


class Rrdb(nn.Module):
    def __init__(self, c, g):
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = Dense(c, g), Dense(c, g), Dense(c, g)

    def forward(self, x):
        return self.rdb3(self.rdb2(self.rdb1(x))) * 0.2 + x


class Esrgan(nn.Module):
    def __init__(self, c, g, blocks, unshuffle=1):
        super().__init__()
        self.unshuffle = unshuffle
        conv = lambda i, o: nn.Conv2d(i, o, 3, 1, 1)
        self.conv_first, self.body = conv(3 * unshuffle**2, c), nn.Sequential(*[Rrdb(c, g) for _ in range(blocks)])
        self.conv_body, self.conv_up1, self.conv_up2 = conv(c, c), conv(c, c), conv(c, c)
        self.conv_hr, self.conv_last = conv(c, c), conv(c, 3)

    def forward(self, x):
        act = lambda v: F.leaky_relu(v, 0.2)
        f = self.conv_first(F.pixel_unshuffle(x, self.unshuffle))
        f = f + self.conv_body(self.body(f))
        f = act(self.conv_up1(F.interpolate(f, scale_factor=2)))
        f = act(self.conv_up2(F.interpolate(f, scale_factor=2)))
        return self.conv_last(act(self.conv_hr(f)))


OLD = {"body.": "RRDB_trunk.", "conv_body": "trunk_conv", "conv_up1": "upconv1", "conv_up2": "upconv2",
       "conv_hr": "HRconv"}


def old_name(key):
    for new, old in OLD.items():
        if key.startswith(new):
            key = old + key[len(new):]
    return key.replace(".rdb", ".RDB")


def oldest_name(key, blocks):
    if key.startswith("body."):
        _, i, dense, conv, kind = key.split(".")
        return f"model.1.sub.{i}.{dense.upper()}.{conv}.0.{kind}"
    name, kind = key.split(".")
    place = {"conv_first": "0", "conv_body": f"1.sub.{blocks}", "conv_up1": "3", "conv_up2": "6", "conv_hr": "8",
             "conv_last": "10"}
    return f"model.{place[name]}.{kind}"


class Srvgg(nn.Module):
    def __init__(self, c, convs, scale):
        super().__init__()
        layers = [nn.Conv2d(3, c, 3, 1, 1), nn.PReLU(c)]
        for _ in range(convs):
            layers += [nn.Conv2d(c, c, 3, 1, 1), nn.PReLU(c)]
        self.body = nn.ModuleList(layers + [nn.Conv2d(c, 3 * scale * scale, 3, 1, 1)])
        self.scale = scale

    def forward(self, x):
        y = x
        for layer in self.body:
            y = layer(y)
        return F.pixel_shuffle(y, self.scale) + F.interpolate(x, scale_factor=self.scale)


def discriminator(w, norm):
    return Wrapped("model", [
        nn.Conv2d(6, w, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(w, 2 * w, 4, 2, 1, bias=False), norm(2 * w),
        nn.LeakyReLU(0.2), nn.Conv2d(2 * w, 4 * w, 4, 1, 1, bias=False), norm(4 * w), nn.LeakyReLU(0.2),
        nn.Conv2d(4 * w, 1, 4, 1, 1)])


def run(name, architecture, net, size=(1, 3, 16, 20), second=None, rename=lambda k: k, extra=(), gain=1.0):
    net = net.double().eval()
    state = net.state_dict()
    for key, value in state.items():
        if key.endswith("filt"):
            golden.store(f"{name}/w/{rename(key)}", value)
            continue
        if key.endswith("num_batches_tracked"):
            continue
        scale, shift = 1.0, 0.0
        if value.dim() > 1:
            scale = gain * 2.0 / value[0].numel() ** 0.5
        if value.dim() == 1 and "weight" in key or key.endswith(("running_var", "original0")):
            scale, shift = 0.4, 1.0
        if value.dim() == 1 and "weight" in key and architecture == "srvgg":
            scale, shift = 0.3, 0.2
        drawn = golden.draw(f"{name}/w/{rename(key)}", value.shape, scale, shift)
        state[key] = torch.from_numpy(drawn).double()
    net.load_state_dict(state)
    for key, shape in extra:
        golden.draw(f"{name}/w/{key}", shape, 0.4, 1.0)
    inputs = [torch.from_numpy(golden.draw(f"{name}/x/0", size)).double()]
    if second:
        inputs.append(torch.from_numpy(golden.draw(f"{name}/x/1", second)).double())
    with torch.no_grad():
        golden.store(f"{name}/y", net(*inputs))
    golden.cases.append({"name": name, "architecture": architecture, "inputs": len(inputs)})


if __name__ == "__main__":
    IN, BN = nn.InstanceNorm2d, nn.BatchNorm2d
    run("resnet_affine", "resnet_generator", resnet(2, 2, 2, affine, True))
    run("resnet_batch_dropout", "resnet_generator", resnet(2, 2, 2, BN, False, dropout=True))
    run("resnet_dropout", "resnet_generator", resnet(2, 2, 1, IN, True, dropout=True))
    run("resnet_zero_padded", "resnet_generator", resnet(2, 2, 1, IN, True, pad=False))
    run("resnet_tracked", "resnet_generator", resnet(2, 2, 1, IN, True),
        extra=[("model.2.running_mean", (2,)), ("model.2.running_var", (2,))])
    run("official", "cyclegan_official", resnet(2, 2, 2, IN, True))
    run("pix2pix_hd", "resnet_generator", resnet(2, 3, 2, IN, True, i=5), size=(1, 5, 16, 24))
    run("cut", "resnet_generator", resnet(2, 2, 1, IN, True, blur=True))
    run("compressed", "resnet_generator",
        resnet(2, 2, 2, IN, True, dropout=True, conv=lambda c, b, p: SeparableConv(c, b, IN)))
    run("unet_batch", "unet_generator", unet(2, BN, False), size=(1, 3, 16, 32))
    run("unet_instance", "unet_generator", unet(2, IN, True, i=1), size=(1, 1, 48, 32))
    run("patch_batch", "patch_discriminator", discriminator(2, BN), size=(1, 6, 24, 32))
    run("johnson", "johnson", Johnson(2), extra=[("in1.running_mean", (2,)), ("in1.running_var", (2,))])
    run("animegan2", "animegan2", Anime(2))
    run("stargan", "stargan", Star(2, 5), second=(1, 5))
    run("rrdb", "rrdb", Esrgan(4, 2, 2), size=(1, 3, 5, 7))
    run("rrdb_twice", "rrdb", Esrgan(4, 2, 1, 2), size=(1, 3, 6, 8))
    run("rrdb_old", "rrdb", Esrgan(4, 2, 1), size=(1, 3, 5, 7), rename=old_name)
    run("rrdb_oldest", "rrdb", Esrgan(4, 2, 2), size=(1, 3, 5, 7), rename=lambda k: oldest_name(k, 2))
    run("srvgg", "srvgg", Srvgg(4, 2, 4), size=(1, 3, 5, 7))
    net = resnet(2, 2, 1, IN, True)
    spectral_norm(net.model[1]), spectral_norm(net.model[11]), weight_norm(net.model[4])
    run("normed_weights", "cyclegan_official", net)
    run("ugatit", "ugatit", cartoons.Ugatit(2, 2), size=(1, 3, 16, 12))
    run("whitebox", "whitebox", cartoons.Whitebox(2, 2))
    run("whitebox_reflected", "whitebox", cartoons.ReflectedWhitebox(2, 1))
    golden.write("import.safetensors")
