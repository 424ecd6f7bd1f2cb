# The networks of the golden cases as PyTorch modules, with the tensor names of the originals
# (PAPER: GAN Slimming's CycleGAN generator and PatchGAN; CartoonGAN; fast style; VGG16; SqueezeNet 1.1),
# and GAN Slimming's quantisers inside the convolutions. Everything runs in the dtype of its parameters.
import torch
import torch.nn as nn
import torch.nn.functional as F


closest_kink = float("inf")  # least |input| any ReLU has met in float64 since start_kinks()


def start_kinks():
    global closest_kink
    closest_kink = float("inf")


class Relu(nn.Module):
    """ReLU, leaky with a slope; watches how near its inputs come to the kink, where float32 may choose
    another gradient."""

    def __init__(self, slope=0.0):
        super().__init__()
        self.slope = slope

    def forward(self, x):
        global closest_kink
        if x.dtype == torch.float64:
            closest_kink = min(closest_kink, x.detach().abs().min().item())
        return F.leaky_relu(x, self.slope) if self.slope else F.relu(x)


relu = Relu()


class Quantize(torch.autograd.Function):
    """clamp to [0, p], round half to even to multiples of p/256; gradient 1 inside the bounds (Eq. 9)."""

    @staticmethod
    def forward(ctx, v, p):
        ctx.mask = ((v >= 0) & (v <= p)).to(v.dtype)
        return torch.round(torch.clamp(v, 0, p) / (p / 256)) * (p / 256)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.mask, None


class Quantized:
    """Mixin: `quantize_input` and `quantize_weight` switch the official quantisers of PAPER 1.3 on;
    `seen` keeps what they met: pre-round values in steps, and codes."""
    quantize_input = quantize_weight = False
    P = 4.0

    def operands(self, x):
        self.seen = {}
        w = self.weight
        if self.quantize_input:
            self.seen["activation"] = (torch.clamp(x.detach(), 0, self.P) / (self.P / 256))
            self.seen["input"] = x.detach()
            x = Quantize.apply(x, self.P)
        if self.quantize_weight:
            steps = w.detach() / (w.detach().abs().max() / 127)
            self.seen["weight"] = steps
            w = w + (torch.round(steps) * (w.detach().abs().max() / 127) - w.detach())
        return x, w


class Conv(Quantized, nn.Conv2d):
    def forward(self, x):
        x, w = self.operands(x)
        return F.conv2d(x, w, self.bias, self.stride, self.padding)


class ConvTranspose(Quantized, nn.ConvTranspose2d):
    def forward(self, x):
        x, w = self.operands(x)
        return F.conv_transpose2d(x, w, self.bias, self.stride, self.padding, self.output_padding)


def norm(c, affine=True, eps=1e-5):
    return nn.InstanceNorm2d(c, eps=eps, affine=affine)


class CycleGanBlock(nn.Module):
    def __init__(self, c, affine):
        super().__init__()
        self.conv_block = nn.Sequential(nn.ReflectionPad2d(1), Conv(c, c, 3), norm(c, affine), Relu(),
                                        nn.ReflectionPad2d(1), Conv(c, c, 3), norm(c, False))

    def forward(self, x):
        return x + self.conv_block(x)


class CycleGan(nn.Module):
    """affine: GAN Slimming's selective-affine variant; else the official one."""

    def __init__(self, width, blocks, affine=True):
        super().__init__()
        w = width
        self.model = nn.Sequential(
            nn.ReflectionPad2d(3), Conv(3, w, 7), norm(w, affine), Relu(),
            Conv(w, 2 * w, 3, 2, 1), norm(2 * w, affine), Relu(),
            Conv(2 * w, 4 * w, 3, 2, 1), norm(4 * w, False), Relu(),
            *[CycleGanBlock(4 * w, affine) for _ in range(blocks)],
            ConvTranspose(4 * w, 2 * w, 3, 2, 1, 1), norm(2 * w, affine), Relu(),
            ConvTranspose(2 * w, w, 3, 2, 1, 1), norm(w, affine), Relu(),
            nn.ReflectionPad2d(3), Conv(w, 3, 7), nn.Tanh())

    def forward(self, x):
        return self.model(x)

    def convolutions(self):
        return [(n, m) for n, m in self.named_modules() if isinstance(m, Quantized)]

    def quantize(self):
        """Every weight, and every convolution's input but the image's."""
        for i, (_, m) in enumerate(self.convolutions()):
            m.quantize_weight, m.quantize_input = True, i > 0


class PatchGan(nn.Module):
    def __init__(self, width, layers=3, affine=True, pooled=False):
        super().__init__()
        modules, c = [Conv(3, width, 4, 2, 1), Relu(0.2)], width
        for i in range(1, layers + 1):
            k = width * min(2**i, 8)
            modules += [Conv(c, k, 4, 2 if i < layers else 1, 1), norm(k, affine), Relu(0.2)]
            c = k
        self.model = nn.Sequential(*modules, Conv(c, 1, 4, 1, 1))
        self.pooled = pooled

    def forward(self, x):
        y = self.model(x)
        return y.mean((2, 3), keepdim=True) if self.pooled else y


class CartoonGan(nn.Module):
    EPS = 1e-9

    def __init__(self, width, blocks):
        super().__init__()
        w, self.blocks = width, blocks

        def add(name, module):
            setattr(self, name, module)

        add("conv01_1", Conv(3, w, 7))
        add("in01_1", norm(w, eps=self.EPS))
        for i, c in ((2, w), (3, 2 * w)):
            add(f"conv0{i}_1", Conv(c, 2 * c, 3, 2, 1))
            add(f"conv0{i}_2", Conv(2 * c, 2 * c, 3, 1, 1))
            add(f"in0{i}_1", norm(2 * c, eps=self.EPS))
        for i in range(4, 4 + blocks):
            for j in (1, 2):
                add(f"conv{i:02}_{j}", Conv(4 * w, 4 * w, 3))
                add(f"in{i:02}_{j}", norm(4 * w, eps=self.EPS))
        for i, c in ((1, 4 * w), (2, 2 * w)):
            add(f"deconv0{i}_1", ConvTranspose(c, c // 2, 3, 2, 1, 1))
            add(f"deconv0{i}_2", Conv(c // 2, c // 2, 3, 1, 1))
            add(f"in{3 + blocks + i:02}_1", norm(c // 2, eps=self.EPS))
        add("deconv03_1", Conv(w, 3, 7))

    def forward(self, x):
        def get(name):
            return getattr(self, name)

        x = relu(self.in01_1(self.conv01_1(F.pad(x, (3, 3, 3, 3), "reflect"))))
        for i in (2, 3):
            x = relu(get(f"in0{i}_1")(get(f"conv0{i}_2")(get(f"conv0{i}_1")(x))))
        for i in range(4, 4 + self.blocks):
            z = relu(get(f"in{i:02}_1")(get(f"conv{i:02}_1")(F.pad(x, (1, 1, 1, 1), "reflect"))))
            x = x + get(f"in{i:02}_2")(get(f"conv{i:02}_2")(F.pad(z, (1, 1, 1, 1), "reflect")))
        for i in (1, 2):
            x = relu(get(f"in{3 + self.blocks + i:02}_1")(get(f"deconv0{i}_2")(get(f"deconv0{i}_1")(x))))
        return torch.tanh(self.deconv03_1(F.pad(x, (3, 3, 3, 3), "reflect")))


class FastStyle(nn.Module):
    EPS = 1e-3

    def __init__(self, width, blocks):
        super().__init__()
        w, self.blocks = width, blocks
        self.conv1, self.in1 = Conv(3, w, 9, bias=False), norm(w, eps=self.EPS)
        self.conv2, self.in2 = Conv(w, 2 * w, 3, 2, bias=False), norm(2 * w, eps=self.EPS)
        self.conv3, self.in3 = Conv(2 * w, 4 * w, 3, 2, bias=False), norm(4 * w, eps=self.EPS)
        for i in range(1, blocks + 1):
            block = nn.Module()
            block.conv1, block.in1 = Conv(4 * w, 4 * w, 3, bias=False), norm(4 * w, eps=self.EPS)
            block.conv2, block.in2 = Conv(4 * w, 4 * w, 3, bias=False), norm(4 * w, eps=self.EPS)
            setattr(self, f"res{i}", block)
        self.up1, self.in_up1 = ConvTranspose(4 * w, 2 * w, 3, 2, bias=False), norm(2 * w, eps=self.EPS)
        self.up2, self.in_up2 = ConvTranspose(2 * w, w, 3, 2, bias=False), norm(w, eps=self.EPS)
        self.conv_out, self.in_out = Conv(w, 3, 9, bias=False), norm(3, eps=self.EPS)

    @staticmethod
    def same(x, conv):
        """Zero padding as TensorFlow's SAME: the smaller half first."""
        (k, _), (s, _) = conv.kernel_size, conv.stride
        pads = []
        for n in (x.shape[3], x.shape[2]):
            total = max(((n + s - 1) // s - 1) * s + k - n, 0)
            pads += [total // 2, total - total // 2]
        return conv(F.pad(x, pads))

    def forward(self, x):
        for conv, n in ((self.conv1, self.in1), (self.conv2, self.in2), (self.conv3, self.in3)):
            x = relu(n(self.same(x, conv)))
        for i in range(1, self.blocks + 1):
            b = getattr(self, f"res{i}")
            x = x + b.in2(self.same(relu(b.in1(self.same(x, b.conv1))), b.conv2))
        for up, n in ((self.up1, self.in_up1), (self.up2, self.in_up2)):
            x = relu(n(up(x)[:, :, :-1, :-1]))
        return 150 * torch.tanh(self.in_out(self.same(x, self.conv_out))) + 127.5


class Vgg16(nn.Module):
    """To relu4_3; returns the values after relu1_2, relu2_2, relu3_3, relu4_3. Input in [0, 1], not
    normalised (PAPER 1.2)."""
    TAPS = {3: "relu1_2", 8: "relu2_2", 15: "relu3_3", 22: "relu4_3"}

    def __init__(self, width):
        super().__init__()
        modules, c = [], 3
        for stage, convs in enumerate((2, 2, 3, 3)):
            if stage:
                modules.append(nn.MaxPool2d(2))
            for _ in range(convs):
                modules += [Conv(c, width << stage, 3, 1, 1), Relu()]
                c = width << stage
        self.features = nn.Sequential(*modules)

    def forward(self, x):
        taps = []
        for i, module in enumerate(self.features):
            x = module(x)
            if i in self.TAPS:
                taps.append(x)
        return taps


class Fire(nn.Module):
    def __init__(self, c, squeeze, expand):
        super().__init__()
        self.squeeze, self.expand1x1 = Conv(c, squeeze, 1), Conv(squeeze, expand, 1)
        self.expand3x3 = Conv(squeeze, expand, 3, 1, 1)

    def forward(self, x):
        x = relu(self.squeeze(x))
        return torch.cat([relu(self.expand1x1(x)), relu(self.expand3x3(x))], 1)


class SqueezeNet(nn.Module):
    """From RGB in [0, 1], which it normalises. Returns the values after features.0 (with ReLU), 4, 7, 9,
    10, 11, 12, and the logits."""
    MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    TAPS = (1, 4, 7, 9, 10, 11, 12)

    def __init__(self):
        super().__init__()
        def pool():
            return nn.MaxPool2d(3, 2, ceil_mode=True)

        self.features = nn.Sequential(
            Conv(3, 64, 3, 2), Relu(), pool(), Fire(64, 16, 64), Fire(128, 16, 64), pool(), Fire(128, 32, 128),
            Fire(256, 32, 128), pool(), Fire(256, 48, 192), Fire(384, 48, 192), Fire(384, 64, 256), Fire(512, 64, 256))
        self.classifier = nn.Sequential(nn.Dropout(), Conv(512, 1000, 1), Relu())

    def forward(self, x):
        mean, deviation = (x.new_tensor(v).reshape(1, 3, 1, 1) for v in (self.MEAN, self.DEVIATION))
        taps, x = [], (x - mean) / deviation
        for i, module in enumerate(self.features):
            x = module(x)
            if i in self.TAPS:
                taps.append(x)
        return taps + [relu(self.classifier[1](x)).mean((2, 3))]


def fill(network, golden, prefix, gain=1.0, bias=0.2, dtype=torch.float64):
    """Draws every parameter (named PREFIX/NAME in the file): weights of variance gain^2/fan_in, norm
    scales around 1, shifts and biases around 0."""
    modules = dict(network.named_modules())
    for name, p in network.named_parameters():
        owner = modules[name.rpartition(".")[0]]
        if p.dim() > 1:
            fan_in = p.shape[0] * p[0, 0].numel() / 4 if isinstance(owner, ConvTranspose) else p[0].numel()
            scale, shift = gain * (3 / fan_in) ** 0.5, 0.0
        elif isinstance(owner, (nn.InstanceNorm2d, nn.BatchNorm2d)) and name.endswith("weight"):
            scale, shift = 0.5, 1.0
        else:
            scale, shift = bias, 0.0
        p.data = torch.from_numpy(golden.draw(f"{prefix}/{name}", tuple(p.shape), scale, shift)).to(dtype)
    return network.to(dtype)


def is_scale(network, name):
    """Whether a parameter is a norm's scale, which GAN Slimming trains apart."""
    owner = dict(network.named_modules())[name.rpartition(".")[0]]
    return isinstance(owner, nn.InstanceNorm2d) and name.endswith("weight")
