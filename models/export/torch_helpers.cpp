// What plain torch.nn lacks, as Python; a model.py gets those that it uses.
#include "models/export/torch_code.h"

namespace gsx::torch_export {

namespace {

constexpr std::pair<const char*, const char*> kHelpers[] = {
    {"Quantize", R"(class Quantize(nn.Module):
    """Rounds to the 8-bit grid that the next layer multiplies: whole numbers of steps."""

    def __init__(self, step, lowest, highest):
        super().__init__()
        self.register_buffer("step", torch.tensor(step), persistent=False)
        self.register_buffer("lowest", torch.tensor(float(lowest)), persistent=False)
        self.register_buffer("highest", torch.tensor(float(highest)), persistent=False)

    def forward(self, x):
        levels = torch.round(x * (1 / self.step))
        return torch.clamp(levels, self.lowest, self.highest) * self.step
)"},
    {"PaddedConv2d", R"(class PaddedConv2d(nn.Conv2d):
    """A convolution with a border of zeros that differs by side ((left, right, top, bottom)) or makes
    the result as large as the input divided by the stride ("same"). With taps it adds, for every tap
    of its filter that lies inside the image, what removed channels of constant value were worth."""

    def __init__(self, *sizes, border=(0, 0, 0, 0), taps=False, **options):
        super().__init__(*sizes, **options)
        self.border = border
        if taps:
            self.tap_bias = nn.Parameter(torch.zeros(self.out_channels, 1, *self.kernel_size))

    def sides(self, x):
        if self.border != "same":
            return self.border
        sides = []
        for n, k, s, d in zip(x.shape[:1:-1], self.kernel_size[::-1], self.stride[::-1], self.dilation[::-1]):
            n = int(n) if torch.jit.is_tracing() else n  # traces are of one size
            more = max(0, (-(-n // s) - 1) * s + (k - 1) * d + 1 - n)
            sides += [more // 2, more - more // 2]
        return tuple(sides)

    def forward(self, x):
        sides = self.sides(x)
        y = super().forward(F.pad(x, sides))
        if not hasattr(self, "tap_bias"):
            return y
        inside = F.pad(torch.ones_like(x[:1, :1]), sides)
        return y + F.conv2d(inside, self.tap_bias, None, self.stride, 0, self.dilation)
)"},
    {"ConvTransposeWithTaps", R"(class ConvTransposeWithTaps(nn.ConvTranspose2d):
    """A transposed convolution that adds, for every pixel that reaches a result, what removed channels
    of constant value were worth."""

    def __init__(self, *sizes, **options):
        super().__init__(*sizes, **options)
        self.tap_bias = nn.Parameter(torch.zeros(1, self.out_channels, *self.kernel_size))

    def forward(self, x):
        inside = torch.ones_like(x[:1, :1])
        return super().forward(x) + F.conv_transpose2d(
            inside, self.tap_bias, None, self.stride, self.padding, self.output_padding, 1, self.dilation
        )
)"},
    {"Ones", R"(class Ones(nn.Module):
    """Ones of the input's size: all that is left for a layer that lost every channel it read."""

    def forward(self, x):
        return torch.ones_like(x[:, :1])
)"},
    {"Crop", R"(class Crop(nn.Module):
    """Takes rows and columns away: (left, right, top, bottom), each 0 or less."""

    def __init__(self, sides):
        super().__init__()
        self.sides = sides

    def forward(self, x):
        left, right, top, bottom = self.sides
        return x[:, :, -top : bottom or None, -left : right or None]
)"},
    {"Affine", R"(class Affine(nn.Module):
    """Multiplies each channel by a fixed number and adds another."""

    def __init__(self, scale, shift):
        super().__init__()
        self.register_buffer("scale", torch.tensor(scale), persistent=False)
        self.register_buffer("shift", torch.tensor(shift), persistent=False)

    def forward(self, x):
        sides = (1,) * (x.dim() - 2)
        return x * self.scale.view(-1, *sides) + self.shift.view(-1, *sides)
)"},
    {"CountedGroupNorm", R"(class CountedGroupNorm(nn.Module):
    """GroupNorm that counts elements by itself: with a variance that divides by one less, and with
    channels that were removed but, having been constant, still have their share in the statistics.
    Per group: kept of count channels; the mean of the lost ones, and their squared distances from it."""

    def __init__(self, groups, channels, eps, affine=True, unbiased=False, kept=None):
        super().__init__()
        self.eps, self.unbiased = eps, unbiased
        self.kept = kept or [channels // groups] * groups
        if kept:
            self.register_buffer("count", torch.tensor(kept, dtype=torch.float32))
            self.register_buffer("lost_mean", torch.zeros(groups))
            self.register_buffer("lost_squares", torch.zeros(groups))
        if affine:
            self.weight = nn.Parameter(torch.ones(channels))
            self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x):
        pixels = x[0, 0].numel()
        parts = []
        for i, part in enumerate(x.flatten(2).split(self.kept, 1)):
            if self.kept[i] == 0:
                continue
            total, lost, mean_of_lost, squares = self.kept[i] * pixels, 0, 0, 0
            if hasattr(self, "count"):
                total, lost = self.count[i] * pixels, (self.count[i] - self.kept[i]) * pixels
                mean_of_lost, squares = self.lost_mean[i], self.lost_squares[i] * pixels
            mean = (part.sum((1, 2), keepdim=True) + lost * mean_of_lost) / total
            squares = squares + ((part - mean) ** 2).sum((1, 2), keepdim=True)
            squares = squares + lost * (mean - mean_of_lost) ** 2
            variance = squares / (total - 1 if self.unbiased else total)
            parts.append((part - mean) / torch.sqrt(variance + self.eps))
        y = torch.cat(parts, 1).reshape(x.shape)
        if not hasattr(self, "weight"):
            return y
        return y * self.weight.view(-1, 1, 1) + self.bias.view(-1, 1, 1)
)"},
    {"resize", R"(def resize(x, mode, coordinates, rounding, size=None, scale_factor=None):
    """Resizes by ONNX's rules, of which F.interpolate knows some."""
    for axis in (2, 3):
        n = x.shape[axis]
        if size is not None:
            out, scale = size[axis - 2], size[axis - 2] / n
        else:
            scale = scale_factor[axis - 2] if isinstance(scale_factor, tuple) else scale_factor
            out = int(n * scale)
        at = torch.arange(out, dtype=torch.float64, device=x.device)
        if coordinates == "asymmetric":
            at = at / scale
        elif coordinates == "align_corners":
            at = at * (n - 1) / max(out - 1, 1)
        elif out > 1 or coordinates == "half_pixel":
            at = (at + 0.5) / scale - 0.5
        if mode == "nearest":
            rules = {"floor": at.floor(), "ceil": at.ceil(), "round_prefer_floor": (at - 0.5).ceil()}
            at = rules.get(rounding, (at + 0.5).floor())
        at = at.clamp(0, n - 1)
        low = at.long()
        part = (at - low).to(x.dtype).view(-1, *(1,) * (3 - axis))
        first = x.index_select(axis, low)
        x = first + part * (x.index_select(axis, (low + 1).clamp(max=n - 1)) - first)
    return x
)"},
};

}  // namespace

std::string helper_code(const std::set<std::string>& names) {
  std::string code;
  for (const auto& [name, text] : kHelpers)
    if (names.count(name)) code += text + std::string("\n\n");
  return code;
}

}  // namespace gsx::torch_export
