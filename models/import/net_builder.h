// What the detectors build graphs with: layers whose sizes are read from a file's tensors.
#pragma once
#include <string>

#include "models/builder.h"
#include "models/import/detect.h"

namespace gsx {

// A detector reads tensors that may not be there: `ok` is then false, and the graph worth nothing.
struct NetBuilder {
  NetBuilder(const Weights& w, std::string architecture, int in_channels)
      : weights(w), b(std::move(architecture), std::max(1, in_channels)) {
    ok = in_channels > 0 && in_channels <= kMostChannels;
  }

  const Weights& weights;
  Builder b;
  Candidate found;
  bool ok = true;
  static constexpr int kMostChannels = 1 << 16;

  // The convolution whose filters are name.weight, square, with its bias where it has one; groups:
  // of what it reads. Returns its output channels.
  int conv(const std::string& name, int stride, const Padding& pad, PadMode mode = PadMode::zero,
           int groups = 1);
  // With padding of half its kernel.
  int same_conv(const std::string& name, int stride = 1, PadMode mode = PadMode::zero) {
    return conv(name, stride, Padding::all(weights.dim(name + ".weight", 2) / 2), mode);
  }
  int conv_transpose(const std::string& name, int stride, int pad, int output_pad);
  int linear(const std::string& name);
  // What file tensors say of a norm: batch norm where it has running statistics and an affine (in
  // evaluation an instance norm that tracks them is one), else instance norm, affine or not.
  void norm(const std::string& name, int channels, float eps = 1e-5f);
  // An instance norm whatever it tracks: of code that does not use its running statistics.
  void instance_norm(const std::string& name, int channels, float eps = 1e-5f);
  // GroupNorm(1): over all channels of an image.
  void layer_norm(const std::string& name, int channels, float eps = 1e-5f);
  void relu(const std::string& name) { b.activation(name, Activation::relu); }
  void leaky(const std::string& name, float slope = 0.2f) {
    b.activation(name, Activation::leaky_relu, slope);
  }
  void resize(const std::string& name, const ResizeOptions& options);
  int node(NodePtr made) { return b.put_node(std::move(made)); }
  void add_note(const std::string& note);  // once
  bool has(const std::string& name) const { return weights.has(name); }
  // Takes the graph; nothing where a tensor was missing.
  std::optional<Candidate> take(std::string why);
};

}  // namespace gsx
