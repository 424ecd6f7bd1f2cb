// Images as the tools hand them to Inception; see fid_protocol.h.
#include "gs/eval/fid_protocol.h"

#include <algorithm>
#include <cmath>

namespace gsx {
namespace {

constexpr int kSide = 299;

// Pillow's filter for bicubic resizing (a = -0.5).
double bicubic(double x) {
  x = std::abs(x);
  if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
  if (x < 2) return ((-0.5 * x + 2.5) * x - 4) * x + 2;
  return 0;
}

// The samples that one place of the result is made of.
struct Taps {
  int first = 0;
  std::vector<double> weights;
};

// Pillow's: the filter is stretched where the image shrinks, and cut off at its edges.
std::vector<Taps> bicubic_taps(int from, int to) {
  const double scale = static_cast<double>(from) / to, stretch = std::max(scale, 1.0);
  std::vector<Taps> all;
  for (int i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(centre - 2 * stretch + 0.5)),
              last = std::min(from, static_cast<int>(centre + 2 * stretch + 0.5));
    Taps taps{first, {}};
    double sum = 0;
    for (int j = first; j < last; ++j) {
      taps.weights.push_back(bicubic((j - centre + 0.5) / stretch));
      sum += taps.weights.back();
    }
    for (double& w : taps.weights) w /= sum;
    all.push_back(std::move(taps));
  }
  return all;
}

// One channel; rows first, then columns, each rounded to single precision.
std::vector<float> bicubic_channel(const Image& image, int channel) {
  const std::vector<Taps> across = bicubic_taps(image.width, kSide),
                          down = bicubic_taps(image.height, kSide);
  std::vector<float> wide(static_cast<size_t>(image.height) * kSide);
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < kSide; ++x) {
      double sum = 0;
      for (size_t k = 0; k < across[x].weights.size(); ++k)
        sum +=
            image.pixel(across[x].first + static_cast<int>(k), y)[channel] * across[x].weights[k];
      wide[static_cast<size_t>(y * kSide + x)] = static_cast<float>(sum);
    }
  std::vector<float> result(static_cast<size_t>(kSide) * kSide);
  for (int y = 0; y < kSide; ++y)
    for (int x = 0; x < kSide; ++x) {
      double sum = 0;
      for (size_t k = 0; k < down[y].weights.size(); ++k)
        sum += wide[static_cast<size_t>((down[y].first + static_cast<int>(k)) * kSide + x)] *
               down[y].weights[k];
      result[static_cast<size_t>(y * kSide + x)] =
          std::clamp(static_cast<float>(sum), 0.0f, 255.0f);
    }
  return result;
}

Tensor bicubic_resized(const ContextPtr& context, const Image& image) {
  std::vector<float> values;
  for (int c = 0; c < 3; ++c) {
    const std::vector<float> channel = bicubic_channel(image, c);
    values.insert(values.end(), channel.begin(), channel.end());
  }
  return Tensor::from(context, values, {1, 3, kSide, kSide});
}

Tensor bilinear_resized(const Tensor& x, ResizeCoordinates coordinates) {
  ResizeOptions options;
  options.rule.mode = ResizeMode::linear;
  options.rule.coordinates = coordinates;
  options.height = options.width = kSide;
  return resize(x, options);
}

}  // namespace

const std::vector<std::string>& fid_protocol_names() {
  static const std::vector<std::string> kNames = {"pytorch-fid", "clean-fid", "torch-fidelity"};
  return kNames;
}

std::optional<FidProtocol> find_fid_protocol(const std::string& name) {
  const auto& names = fid_protocol_names();
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) return std::nullopt;
  return static_cast<FidProtocol>(at - names.begin());
}

std::string name_of(FidProtocol protocol) {
  return fid_protocol_names()[static_cast<size_t>(protocol)];
}

bool is_fid_network(const Graph& net) { return net.architecture() == "fid_inception"; }

Tensor inception_input(const ContextPtr& context, const Image& image, FidProtocol protocol) {
  const NoGrad no_grad;
  if (protocol == FidProtocol::pytorch_fid)
    return affine(bilinear_resized(to_tensor(context, image, PixelFormat{0, 1, false}),
                                   ResizeCoordinates::half_pixel),
                  2, -1);
  const Tensor resized =
      protocol == FidProtocol::clean_fid
          ? bicubic_resized(context, image)
          : bilinear_resized(to_tensor(context, image, PixelFormat{0, 255, false}),
                             ResizeCoordinates::asymmetric);
  return affine(resized, 1.0f / 128, -1);
}

bool float_means(FidProtocol protocol) { return protocol != FidProtocol::pytorch_fid; }
bool has_kernel_distance(FidProtocol protocol) { return protocol != FidProtocol::pytorch_fid; }
bool has_inception_score(FidProtocol protocol) { return protocol == FidProtocol::torch_fidelity; }

}  // namespace gsx
