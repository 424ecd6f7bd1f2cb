# Further networks of the golden cases: style-aware transfer (Sanakoyeu et al. 2018) and pix2pix's U-Net, with
# the tensor names of the originals.
import torch
import torch.nn as nn
import torch.nn.functional as F

from networks import Conv, ConvTranspose, FastStyle, Relu, norm, relu


class StyleAware(nn.Module):
    """Sanakoyeu et al.'s generator; `encode` gives what a photo and its result are compared by."""

    def __init__(self, width, blocks):
        super().__init__()
        w, self.blocks = width, blocks
        self.encoder, self.decoder = nn.Module(), nn.Module()
        self.encoder.g_e0_bn = norm(3)
        for i, (c, k) in enumerate(((3, w), (w, w), (w, 2 * w), (2 * w, 4 * w), (4 * w, 8 * w)), 1):
            setattr(self.encoder, f"g_e{i}_c", Conv(c, k, 3, 1 if i == 1 else 2, bias=False))
            setattr(self.encoder, f"g_e{i}_bn", norm(k))
        for i in range(1, blocks + 1):
            for j in (1, 2):
                setattr(self.decoder, f"g_r{i}_c{j}", Conv(8 * w, 8 * w, 3, bias=False))
                setattr(self.decoder, f"g_r{i}_bn{j}", norm(8 * w))
        for i, (c, k) in enumerate(((8, 8), (8, 4), (4, 2), (2, 1)), 1):
            setattr(self.decoder, f"g_d{i}_dc", Conv(c * w, k * w, 3, 1, 1, bias=False))
            setattr(self.decoder, f"g_d{i}_bn", norm(k * w))
        self.decoder.g_pred_c = Conv(w, 3, 7, bias=False)

    def encode(self, x):
        def get(name):
            return getattr(self.encoder, name)

        x = F.pad(self.encoder.g_e0_bn(x), (15,) * 4, "reflect")
        for i in range(1, 6):
            x = relu(get(f"g_e{i}_bn")(get(f"g_e{i}_c")(x)))
        return x

    def decode(self, x):
        def get(name):
            return getattr(self.decoder, name)

        for i in range(1, self.blocks + 1):
            y = relu(get(f"g_r{i}_bn1")(get(f"g_r{i}_c1")(F.pad(x, (1,) * 4, "reflect"))))
            x = x + get(f"g_r{i}_bn2")(get(f"g_r{i}_c2")(F.pad(y, (1,) * 4, "reflect")))
        for i in range(1, 5):
            x = relu(get(f"g_d{i}_bn")(get(f"g_d{i}_dc")(F.interpolate(x, scale_factor=2))))
        return 2 * torch.sigmoid(self.decoder.g_pred_c(F.pad(x, (3,) * 4, "reflect"))) - 1

    def forward(self, x):
        return self.decode(self.encode(x))


class StyleAwareDiscriminator(nn.Module):
    """Its seven layers, or the first of them; returns the logits of every scale."""
    TIMES, JUDGE = (2, 2, 4, 8, 8, 16, 16), (5, 10, 0, 10, 0, 6, 3)

    def __init__(self, width, layers=7):
        super().__init__()
        self.discriminator, self.layers, c = nn.Module(), layers, 3
        for i in range(layers):
            k = width * self.TIMES[i]
            setattr(self.discriminator, f"d_h{i}_conv", Conv(c, k, 5, 2, bias=False))
            setattr(self.discriminator, f"d_bn{i}", norm(k))
            if self.JUDGE[i]:
                setattr(self.discriminator, f"d_h{i}_pred", Conv(k, 1, self.JUDGE[i], bias=False))
            c = k
        self.leaky = Relu(0.2)

    def forward(self, x):
        scales = []
        for i in range(self.layers):
            x = FastStyle.same(x, getattr(self.discriminator, f"d_h{i}_conv"))
            x = self.leaky(getattr(self.discriminator, f"d_bn{i}")(x))
            if self.JUDGE[i]:
                scales.append(FastStyle.same(x, getattr(self.discriminator, f"d_h{i}_pred")))
        return scales


class UnetLevel(nn.Module):
    """Halves, works on that, and doubles; with what it was given beside the result."""

    def __init__(self, given, made, inner, make_norm, place):
        super().__init__()
        batch = isinstance(make_norm(1), nn.BatchNorm2d)
        down = Conv(given, made, 4, 2, 1, bias=not batch)
        up = ConvTranspose(made * (1 if place == "innermost" else 2), given, 4, 2, 1,
                           bias=place == "outermost" or not batch)
        modules = [down] if place == "outermost" else [Relu(0.2), down]
        if place == "middle":
            modules.append(make_norm(made))
        modules += [inner] if inner else []
        modules += [Relu(), up]
        modules.append(nn.Tanh() if place == "outermost" else make_norm(given))
        self.model, self.outermost = nn.Sequential(*modules), place == "outermost"

    def forward(self, x):
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class Unet(nn.Module):
    """pix2pix's generator, without dropout."""

    def __init__(self, width, layers, make_norm):
        super().__init__()
        made, level = [width * min(2**i, 8) for i in range(layers)], None
        for i in reversed(range(layers)):
            place = "outermost" if i == 0 else "innermost" if i + 1 == layers else "middle"
            level = UnetLevel(made[i - 1] if i else 3, made[i], level, make_norm, place)
        self.model = level

    def forward(self, x):
        return self.model(x)
