// Generators of images from images, told from a file: pix2pix's U-Net, Johnson's fast style
// transfer, AnimeGANv2, StarGAN; and the PatchGAN discriminator.
#include "models/import/nets.h"
#include "models/import/words.h"

namespace gsx {

namespace {

// ---- pix2pix's U-Net: each level lies in the one around it, and what it makes is put behind what
// it was given.
class Unet {
 public:
  explicit Unet(const Weights& w) : n_(w, "unet_generator", w.dim("model.model.0.weight", 1)) {}

  std::optional<Candidate> run() {
    const std::string outer = "model.model.";
    n_.conv(outer + "0", 2, Padding::all(1));
    level(outer + "1.model.");
    if (n_.ok) n_.relu(outer + "2");
    n_.conv_transpose(outer + "3", 2, 1, 0);
    if (n_.ok) n_.b.activation(outer + "4", Activation::tanh);
    n_.ok = n_.ok && depth_ > 0;
    if (running_)
      n_.add_note(
          "its batch norms use their running statistics, as PyTorch's eval() does; pix2pix's "
          "own test.py uses those of each image unless it is called with --eval");
    return n_.take("model.model.0.weight has " +
                   std::to_string(n_.weights.dim(outer + "0.weight", 0)) +
                   " filters; levels in one another: " + std::to_string(depth_ + 1));
  }

 private:
  void level(const std::string& p) {
    if (!n_.ok || ++depth_ > 16) {
      n_.ok = false;
      return;
    }
    const int in = n_.b.last();
    const bool innermost = !n_.has(p + "3.model.1.weight");
    n_.leaky(p + "0");
    const int width = n_.conv(p + "1", 2, Padding::all(1));
    if (!innermost) {
      norm(p + "2", width);
      level(p + "3.model.");
    }
    const int relu = innermost ? 2 : 4;
    if (n_.ok) n_.relu(numbered(p, relu));
    const int out = n_.conv_transpose(numbered(p, relu + 1), 2, 1, 0);
    norm(numbered(p, relu + 2), out);
    if (n_.ok) n_.b.concat(p + "joined", {in, n_.b.last()});
  }
  void norm(const std::string& name, int channels) {
    running_ = running_ || n_.has(name + ".running_mean");
    n_.norm(name, channels);
  }

  NetBuilder n_;
  int depth_ = 0;
  bool running_ = false;
};

}  // namespace

std::optional<Candidate> detect_unet(const Weights& w) { return Unet(w).run(); }

// PyTorch-examples' fast_neural_style: numbers of 0..255 in and out.
std::optional<Candidate> detect_johnson(const Weights& w) {
  NetBuilder n(w, "johnson", w.dim("conv1.conv2d.weight", 1));
  const auto layer = [&](const std::string& conv, const std::string& norm, int stride) {
    const int out = n.same_conv(conv + ".conv2d", stride, PadMode::reflect);
    n.instance_norm(norm, out);
    if (n.ok) n.relu(norm + ".relu");
    return out;
  };
  const int width = layer("conv1", "in1", 1);
  layer("conv2", "in2", 2);
  layer("conv3", "in3", 2);
  int blocks = 0;
  for (; n.ok && n.has(numbered("res", blocks + 1) + ".conv1.conv2d.weight"); ++blocks) {
    const std::string block = numbered("res", blocks + 1);
    const int skip = n.b.last();
    layer(block + ".conv1", block + ".in1", 1);
    const int out = n.same_conv(block + ".conv2.conv2d", 1, PadMode::reflect);
    n.instance_norm(block + ".in2", out);
    if (n.ok) n.b.add(block, skip, n.b.last());
  }
  for (int i = 1; i <= 2 && n.ok; ++i) {
    n.b.upsample(numbered("deconv", i) + ".upsample", 2);
    layer(numbered("deconv", i), numbered("in", 3 + i), 1);
  }
  n.same_conv("deconv3.conv2d", 1, PadMode::reflect);
  auto found = n.take("conv1.conv2d.weight has " + std::to_string(width) +
                      " filters; residual blocks: " + std::to_string(blocks));
  if (found) found->graph.input_format = found->graph.output_format = {0, 255, false};
  return found;
}

namespace {

// ---- AnimeGANv2 as PyTorch has it: reflected borders, a norm over all channels, leaky ReLU.
class Anime {
 public:
  explicit Anime(const Weights& w) : n_(w, "animegan2", w.dim("block_a.0.1.weight", 1)) {}

  std::optional<Candidate> run() {
    layer("block_a.0", 1, 3);
    layer("block_a.1", 2, -1);
    layer("block_a.2", 1, 1);
    layer("block_b.0", 2, -1);
    layer("block_b.1", 1, 1);
    layer("block_c.0", 1, 1);
    int blocks = 0;
    while (n_.ok && n_.has(numbered("block_c.", blocks + 1) + ".layers.0.1.weight"))
      inverted(numbered("block_c.", ++blocks) + ".");
    layer(numbered("block_c.", blocks + 1), 1, 1);
    twice("resize_d");
    layer("block_d.0", 1, 1);
    layer("block_d.1", 1, 1);
    twice("resize_e");
    layer("block_e.0", 1, 1);
    layer("block_e.1", 1, 1);
    layer("block_e.2", 1, 3);
    n_.conv("out_layer.0", 1, {});
    if (n_.ok) n_.b.activation("out_layer.1", Activation::tanh);
    n_.add_note(
        "it enlarges with aligned corners, the default of its code (align_corners=True), for "
        "sides that are multiples of 4");
    return n_.take("block_a.0.1.weight has " +
                   std::to_string(n_.weights.dim("block_a.0.1.weight", 0)) +
                   " filters; inverted blocks: " + std::to_string(blocks));
  }

 private:
  // pad below 0: one row and column behind the image.
  void layer(const std::string& name, int stride, int pad, int groups = 1) {
    const Padding padding = pad < 0 ? Padding{0, 1, 0, 1} : Padding::all(pad);
    const int out = n_.conv(name + ".1", stride, padding, PadMode::reflect, groups);
    n_.layer_norm(name + ".2", out);
    if (n_.ok) n_.leaky(name + ".3");
  }
  void inverted(const std::string& p) {
    const int skip = n_.b.last();
    const int in = n_.weights.dim(p + "layers.0.1.weight", 1);
    int at = 0;
    // Where nothing widens, the first layer has one channel per filter.
    if (in > 1) layer(numbered(p + "layers.", at++), 1, 0);
    const std::string depth = numbered(p + "layers.", at++);
    layer(depth, 1, 1, n_.weights.dim(depth + ".1.weight", 0));
    const int out = n_.conv(numbered(p + "layers.", at++), 1, {});
    n_.layer_norm(numbered(p + "layers.", at), out);
    if (n_.ok && in == out) n_.b.add(p + "sum", skip, n_.b.last());
  }
  void twice(const std::string& name) {
    ResizeOptions o;
    o.rule = {ResizeMode::linear, ResizeCoordinates::align_corners, ResizeRounding::floor};
    o.scale_h = o.scale_w = 2;
    n_.resize(name, o);
  }

  NetBuilder n_;
};

}  // namespace

std::optional<Candidate> detect_animegan2(const Weights& w) { return Anime(w).run(); }

// StarGAN: the label [N,c] is repeated over the image and put behind its channels.
std::optional<Candidate> detect_stargan(const Weights& w) {
  const int labels = w.dim("main.0.weight", 1) - 3;
  NetBuilder n(w, "stargan", 3);
  n.ok = labels > 0 && w.dim("main.3.weight", 2) == 4;
  if (!n.ok) return std::nullopt;
  // Nothing of the image but its size: its first channel times zero.
  n.node(make_vector_input("label", labels));
  const int label = n.node(make_reshape("label.image", n.b.last(), labels, 1, 1));
  n.node(make_slice("label.first", 0, {0, 1, 1}));
  const int zeros = n.node(make_affine("label.zeros", n.b.last(), {0.0f}, {0.0f}));
  const int spread = n.node(make_arithmetic("label.spread", Arithmetic::add, zeros, label));
  n.b.concat("input.joined", {0, spread});
  int at = 0;
  const auto behind = [&](int out, const std::string& prefix) {
    n.norm(numbered(prefix, at + 1), out);
    if (n.ok) n.relu(numbered(prefix, at + 2));
    at += 3;
  };
  const int width = n.same_conv("main.0");
  behind(width, "main.");
  int downs = 0, blocks = 0;
  while (n.ok && w.dim(numbered("main.", at) + ".weight", 2) == 4) {
    behind(n.conv(numbered("main.", at), 2, Padding::all(1)), "main.");
    ++downs;
  }
  for (; n.ok && n.has(numbered("main.", at) + ".main.0.weight"); ++at, ++blocks) {
    const std::string p = numbered("main.", at) + ".main.";
    const int skip = n.b.last();
    n.norm(p + "1", n.same_conv(p + "0"));
    if (n.ok) n.relu(p + "2");
    n.norm(p + "4", n.same_conv(p + "3"));
    if (n.ok) n.b.add(numbered("main.", at), skip, n.b.last());
  }
  for (int i = 0; i < downs && n.ok; ++i)
    behind(n.conv_transpose(numbered("main.", at), 2, 1, 0), "main.");
  n.same_conv(numbered("main.", at));
  if (n.ok) n.b.activation("tanh", Activation::tanh);
  if (n.has("main.1.running_mean"))
    n.add_note("its norms use their running statistics, as PyTorch's eval() does");
  return n.take("main.0.weight reads 3 colours and " + std::to_string(labels) + " labels with " +
                std::to_string(width) + " filters; residual blocks: " + std::to_string(blocks));
}

std::optional<Candidate> detect_discriminator(const Weights& w) {
  NetBuilder n(w, "patch_discriminator", w.dim("model.0.weight", 1));
  int convs = 1;
  while (n.has(numbered("model.", 3 * convs - 1) + ".weight")) ++convs;
  n.ok = n.ok && convs >= 2 && w.dim("model.0.weight", 2) == 4;
  const int width = n.conv("model.0", 2, Padding::all(1));
  if (n.ok) n.leaky("model.1");
  for (int i = 1; i + 1 < convs && n.ok; ++i) {
    const int at = 3 * i - 1;
    const int out = n.conv(numbered("model.", at), i + 2 < convs ? 2 : 1, Padding::all(1));
    n.norm(numbered("model.", at + 1), out);
    if (n.ok) n.leaky(numbered("model.", at + 2));
  }
  const int last = n.conv(numbered("model.", 3 * convs - 4), 1, Padding::all(1));
  n.ok = n.ok && last == 1;
  return n.take("model.0.weight has " + std::to_string(width) +
                " filters of 4 x 4, and the last of " + std::to_string(convs) +
                " convolutions makes one number per patch");
}

}  // namespace gsx
