# The light U-GAT-IT and White-box cartoonization's U-Net as PyTorch modules, with the tensor names of the
# files that hold them; written after the papers. make_import.py runs them.
import torch
import torch.nn as nn
import torch.nn.functional as F


def conv(i, o, k, s=1, bias=False):
    return [nn.ReflectionPad2d(k // 2), nn.Conv2d(i, o, k, s, bias=bias)]


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        norm = lambda: nn.InstanceNorm2d(c)
        self.conv_block = nn.Sequential(*conv(c, c, 3), norm(), nn.ReLU(), *conv(c, c, 3), norm())

    def forward(self, x):
        return x + self.conv_block(x)


def mixed_norm(x, rho, eps=1e-5):
    """Instance and layer norm, both by torch.var's unbiased variances, in shares of rho."""
    each, every = (2, 3), (1, 2, 3)
    normed = lambda dims: (x - x.mean(dims, keepdim=True)) / torch.sqrt(x.var(dims, keepdim=True) + eps)
    return rho * normed(each) + (1 - rho) * normed(every)


class AdaptiveNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.rho = nn.Parameter(torch.full((1, c, 1, 1), 0.9))

    def forward(self, x, gamma, beta):
        return mixed_norm(x, self.rho) * gamma[:, :, None, None] + beta[:, :, None, None]


class LearntNorm(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.rho, self.gamma, self.beta = (nn.Parameter(torch.full((1, c, 1, 1), v)) for v in (0.0, 1.0, 0.0))

    def forward(self, x):
        return mixed_norm(x, self.rho) * self.gamma + self.beta


class AdaptiveBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.pad1, self.conv1 = conv(c, c, 3)
        self.norm1 = AdaptiveNorm(c)
        self.pad2, self.conv2 = conv(c, c, 3)
        self.norm2 = AdaptiveNorm(c)

    def forward(self, x, gamma, beta):
        y = F.relu(self.norm1(self.conv1(self.pad1(x)), gamma, beta))
        return self.norm2(self.conv2(self.pad2(y)), gamma, beta) + x


class Ugatit(nn.Module):
    def __init__(self, w, blocks):
        super().__init__()
        self.blocks, c = blocks, 4 * w
        down = [*conv(3, w, 7), nn.InstanceNorm2d(w), nn.ReLU()]
        for i in (w, 2 * w):
            down += [*conv(i, 2 * i, 3, 2), nn.InstanceNorm2d(2 * i), nn.ReLU()]
        self.DownBlock = nn.Sequential(*down, *[Residual(c) for _ in range(blocks)])
        self.gap_fc, self.gmp_fc = nn.Linear(c, 1, bias=False), nn.Linear(c, 1, bias=False)
        self.conv1x1 = nn.Conv2d(2 * c, c, 1)
        self.FC = nn.Sequential(nn.Linear(c, c, bias=False), nn.ReLU(), nn.Linear(c, c, bias=False), nn.ReLU())
        self.gamma, self.beta = nn.Linear(c, c, bias=False), nn.Linear(c, c, bias=False)
        for i in range(blocks):
            setattr(self, f"UpBlock1_{i + 1}", AdaptiveBlock(c))
        up = []
        for i in (4 * w, 2 * w):
            up += [nn.Upsample(scale_factor=2), *conv(i, i // 2, 3), LearntNorm(i // 2), nn.ReLU()]
        self.UpBlock2 = nn.Sequential(*up, *conv(w, 3, 7), nn.Tanh())

    def forward(self, x):
        x = self.DownBlock(x)
        seen = [x * fc.weight[:, :, None, None] for fc in (self.gap_fc, self.gmp_fc)]
        x = F.relu(self.conv1x1(torch.cat(seen, 1)))
        style = self.FC(x.mean((2, 3)))
        gamma, beta = self.gamma(style), self.beta(style)
        for i in range(self.blocks):
            x = getattr(self, f"UpBlock1_{i + 1}")(x, gamma, beta)
        return self.UpBlock2(x)


class Pair(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(c, c, 3, padding=1), nn.Conv2d(c, c, 3, padding=1)

    def forward(self, x):
        return x + self.conv2(F.leaky_relu(self.conv1(x), 0.2))


class Whitebox(nn.Module):
    """Zeros behind the image where a layer halves it, as TensorFlow pads; clipped."""

    def __init__(self, w, blocks):
        super().__init__()
        sizes = [(3, w, 7), (w, w, 3), (w, 2 * w, 3), (2 * w, 2 * w, 3), (2 * w, 4 * w, 3)]
        back = [(4 * w, 2 * w, 3), (2 * w, 2 * w, 3), (2 * w, w, 3), (w, w, 3), (w, 3, 7)]
        for k, (i, o, side) in enumerate(sizes + back):
            halves = k in (1, 3)
            name = "conv" + (f"_{k}" if k else "")
            setattr(self, name, nn.Conv2d(i, o, side, 2 if halves else 1, 0 if halves else side // 2))
        self.blocks = blocks
        for k in range(blocks):
            setattr(self, f"block_{k}", Pair(4 * w))

    def layer(self, k, x):
        x = F.pad(x, [0, 1, 0, 1]) if k in (1, 3) else x
        return F.leaky_relu(getattr(self, "conv" + (f"_{k}" if k else ""))(x), 0.2)

    def forward(self, x):
        full = self.layer(0, x)
        half = self.layer(2, self.layer(1, full))
        x = self.layer(4, self.layer(3, half))
        for k in range(self.blocks):
            x = getattr(self, f"block_{k}")(x)
        larger = lambda v: F.interpolate(v, scale_factor=2, mode="bilinear")
        x = self.layer(7, self.layer(6, larger(self.layer(5, x)) + half))
        return self.conv_9(self.layer(8, larger(x) + full)).clamp(-1, 1)


def reflected(i, o, k=3, s=1):
    return nn.Sequential(nn.Conv2d(i, o, k, s, k // 2, padding_mode="reflect"), nn.LeakyReLU(0.2))


class ReflectedPair(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.block = nn.Sequential(*reflected(c, c), reflected(c, c)[0])

    def forward(self, x):
        return x + self.block(x)


class ReflectedWhitebox(nn.Module):
    """The port with reflected borders and a tanh, by its names."""

    def __init__(self, w, blocks):
        super().__init__()
        self.initial_down = reflected(3, w, 7)
        self.down1 = nn.Sequential(*reflected(w, w, 3, 2), *reflected(w, 2 * w))
        self.down2 = nn.Sequential(*reflected(2 * w, 2 * w, 3, 2), *reflected(2 * w, 4 * w))
        self.res_blocks = nn.Sequential(*[ReflectedPair(4 * w) for _ in range(blocks)])
        self.up1 = reflected(4 * w, 2 * w)
        self.up2 = nn.Sequential(*reflected(2 * w, 2 * w), *reflected(2 * w, w))
        self.last = nn.Sequential(*reflected(w, w), reflected(w, 3, 7)[0])

    def forward(self, x):
        full = self.initial_down(x)
        half = self.down1(full)
        x = self.up1(self.res_blocks(self.down2(half)))
        larger = lambda v: F.interpolate(v, scale_factor=2, mode="bilinear")
        return torch.tanh(self.last(larger(self.up2(larger(x) + half)) + full))
