// The generators and the discriminator (PAPER.md 2.1-2.3), with PyTorch's tensor names.
#include "models/architectures.h"

#include "models/builder.h"
#include "models/conv_specs.h"

namespace gsx {

namespace {

// PyTorch's ConvTranspose2d(3, stride 2, padding 1, output_padding 1): doubles the size.
ConvSpec doubling(int in, int out) { return filter(in, out, 3, 2, {1, 0, 1, 0}); }

}  // namespace

Graph cyclegan(const CycleGanOptions& o) {
  check_width("cyclegan", o.width, o.blocks);
  const int w = channels(o.width, 1), w2 = channels(o.width, 2), w4 = channels(o.width, 4);
  Builder b(o.affine ? "cyclegan" : "cyclegan_official", 3);
  const auto child = [](int i) { return "model." + std::to_string(i); };
  const auto layer = [&](int i, int channels, bool affine) {
    b.instance_norm(child(i + 1), channels, affine);
    b.activation(child(i + 2), Activation::relu);
  };
  b.conv(child(1), reflected(3, w, 7));
  layer(1, w, o.affine);
  b.conv(child(4), filter(w, w2, 3, 2, Padding::all(1)));
  layer(4, w2, o.affine);
  b.conv(child(7), filter(w2, w4, 3, 2, Padding::all(1)));
  layer(7, w4, false);
  int at = 10;
  for (int i = 0; i < o.blocks; ++i, ++at) {
    const std::string block = child(at) + ".conv_block.";
    const int skip = b.last();
    b.conv(block + "1", reflected(w4, w4, 3));
    b.instance_norm(block + "2", w4, o.affine);
    b.activation(block + "3", Activation::relu);
    b.conv(block + "5", reflected(w4, w4, 3));
    b.instance_norm(block + "6", w4, false);
    b.add(child(at), skip, b.last());
  }
  b.conv_transpose(child(at), doubling(w4, w2));
  layer(at, w2, o.affine);
  b.conv_transpose(child(at + 3), doubling(w2, w));
  layer(at + 3, w, o.affine);
  b.conv(child(at + 7), reflected(w, 3, 7));
  b.activation(child(at + 8), Activation::tanh);
  return b.take();
}

Graph patchgan(const PatchGanOptions& o) {
  check_width("patchgan", o.width, o.layers);
  Builder b("patchgan", o.in_channels);
  const auto child = [](int i) { return "model." + std::to_string(i); };
  b.conv(child(0), filter(o.in_channels, o.width, 4, 2, Padding::all(1)));
  b.activation(child(1), Activation::leaky_relu);
  int at = 2, channels = o.width;
  for (int i = 1; i <= o.layers; ++i, at += 3) {
    const int out = o.width * std::min(1 << std::min(i, 3), 8);
    b.conv(child(at), filter(channels, out, 4, i < o.layers ? 2 : 1, Padding::all(1)));
    b.instance_norm(child(at + 1), out, o.affine);
    b.activation(child(at + 2), Activation::leaky_relu);
    channels = out;
  }
  b.conv(child(at), filter(channels, 1, 4, 1, Padding::all(1)));
  if (o.pooled) b.global_avg_pool("pool");
  return b.take();
}

Graph cartoongan(const CartoonGanOptions& o) {
  check_width("cartoongan", o.width, o.blocks);
  constexpr float kEps = 1e-9f;
  const int w = channels(o.width, 1), w2 = channels(o.width, 2), w4 = channels(o.width, 4);
  Builder b("cartoongan", 3);
  const auto name = [](const char* prefix, int i, int j) {
    return prefix + std::string(i < 10 ? "0" : "") + std::to_string(i) + "_" + std::to_string(j);
  };
  const auto norm = [&](int i, int j, int channels, bool activate) {
    b.instance_norm(name("in", i, j), channels, true, kEps);
    if (activate) b.activation(name("relu", i, j), Activation::relu);
  };
  b.conv("conv01_1", reflected(3, w, 7));
  norm(1, 1, w, true);
  for (int i = 2, c = w, to = w2; i <= 3; ++i, c = w2, to = w4) {
    b.conv(name("conv", i, 1), filter(c, to, 3, 2, Padding::all(1)));
    b.conv(name("conv", i, 2), filter(to, to, 3, 1, Padding::all(1)));
    norm(i, 1, to, true);
  }
  for (int i = 4; i < 4 + o.blocks; ++i) {
    const int skip = b.last();
    b.conv(name("conv", i, 1), reflected(w4, w4, 3));
    norm(i, 1, w4, true);
    b.conv(name("conv", i, 2), reflected(w4, w4, 3));
    norm(i, 2, w4, false);
    b.add(name("add", i, 1), skip, b.last());
  }
  for (int i = 1, c = w4, to = w2; i <= 2; ++i, c = w2, to = w) {
    b.conv_transpose(name("deconv", i, 1), doubling(c, to));
    b.conv(name("deconv", i, 2), filter(to, to, 3, 1, Padding::all(1)));
    norm(3 + o.blocks + i, 1, to, true);
  }
  b.conv("deconv03_1", reflected(w, 3, 7));
  b.activation("tanh", Activation::tanh);
  Graph graph = b.take();
  graph.input_format.bgr = graph.output_format.bgr = true;
  return graph;
}

Graph fast_style(const FastStyleOptions& o) {
  check_width("fast_style", o.width, o.blocks);
  constexpr float kEps = 1e-3f;
  const int w = channels(o.width, 1), w2 = channels(o.width, 2), w4 = channels(o.width, 4);
  Builder b("fast_style", 3);
  const auto norm = [&](const std::string& name, int channels, bool activate) {
    b.instance_norm(name, channels, true, kEps);
    if (activate) b.activation(name + ".relu", Activation::relu);
  };
  b.conv("conv1", same_size(3, w, 9));
  norm("in1", w, true);
  b.conv("conv2", same_size(w, w2, 3, 2));
  norm("in2", w2, true);
  b.conv("conv3", same_size(w2, w4, 3, 2));
  norm("in3", w4, true);
  for (int i = 1; i <= o.blocks; ++i) {
    const std::string block = "res" + std::to_string(i);
    const int skip = b.last();
    b.conv(block + ".conv1", same_size(w4, w4, 3));
    norm(block + ".in1", w4, true);
    b.conv(block + ".conv2", same_size(w4, w4, 3));
    norm(block + ".in2", w4, false);
    b.add(block, skip, b.last());
  }
  for (int i = 1, c = w4, to = w2; i <= 2; ++i, c = w2, to = w) {
    // The full output is 2H+1 high; the last row and column are dropped.
    b.conv_transpose("up" + std::to_string(i), without_bias(filter(c, to, 3, 2, {0, 1, 0, 1})));
    norm("in_up" + std::to_string(i), to, true);
  }
  b.conv("conv_out", same_size(w, 3, 9));
  norm("in_out", 3, false);
  b.activation("tanh", Activation::tanh);
  b.affine("range", {150.0f}, {127.5f});
  Graph graph = b.take();
  graph.input_format = graph.output_format = {0, 255, false};
  return graph;
}

}  // namespace gsx
