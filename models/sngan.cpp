// SNGAN's ResNets (PAPER.md 2.4), with the tensor names of sngan.pytorch.
#include <cmath>

#include "models/architectures.h"
#include "models/builder.h"
#include "models/conv_specs.h"

namespace gsx {

namespace {

constexpr int kBottom = 4;  // the side of what the first layer makes

// Zeros around, so that an image keeps its size.
ConvSpec centred(int in, int out, int kernel) {
  return filter(in, out, kernel, 1, Padding::all(kernel / 2));
}

// Twice the size: norm, activation and two convolutions beside a convolution of one tap.
void generator_block(Builder& b, const std::string& name, int width) {
  const auto norm = [&](const std::string& n) {
    b.batch_norm(name + "." + n, width);
    b.activation(name + "." + n + ".relu", Activation::relu);
  };
  const int in = b.last();
  b.upsample(name + ".c_sc.up", 2);
  const int skip = b.conv(name + ".c_sc", centred(width, width, 1));
  b.go_to(in);
  norm("b1");
  b.upsample(name + ".c1.up", 2);
  b.conv(name + ".c1", centred(width, width, 3));
  norm("b2");
  b.conv(name + ".c2", centred(width, width, 3));
  b.add(name, b.last(), skip);
}

ConvSpec normed(int in, int out, int kernel) {
  ConvSpec spec = centred(in, out, kernel);
  spec.spectral_norm = true;
  return spec;
}

// The first block halves an image, the second what it is given; the others keep the size and have
// nothing on their shortcut.
void discriminator_block(Builder& b, const std::string& name, int in, int width, bool first,
                         bool halve) {
  const int from = b.last();
  int skip = from;
  if (halve) {
    if (first) b.avg_pool(name + ".c_sc.pool", {});
    skip = b.conv(name + ".c_sc", normed(in, width, 1));
    if (!first) skip = b.avg_pool(name + ".c_sc.pool", {});
    b.go_to(from);
  }
  if (!first) b.activation(name + ".relu1", Activation::relu);
  b.conv(name + ".c1", normed(in, width, 3));
  b.activation(name + ".relu2", Activation::relu);
  b.conv(name + ".c2", normed(width, width, 3));
  if (halve) b.avg_pool(name + ".pool", {});
  b.add(name, b.last(), skip);
}

}  // namespace

Graph sngan(const SnganOptions& o) {
  GSX_CHECK(o.width >= 1 && o.width <= 4096 && o.latent >= 1 && o.latent <= 65536 &&
                o.blocks >= 1 && o.blocks <= 8,
            "sngan: width must lie in [1, 4096], latent in [1, 65536] and blocks in [1, 8], got ",
            o.width, ", ", o.latent, " and ", o.blocks);
  const auto width = static_cast<int>(std::lround(o.width));
  Builder b = Builder::of_vectors("sngan", "z", o.latent);
  b.linear("l1", o.latent, width * kBottom * kBottom);
  b.reshape("l1.image", width, kBottom, kBottom);
  const auto numbered = [](const char* word, int i) { return word + std::to_string(i); };
  int i = 2;
  for (; i < 2 + o.blocks; ++i) generator_block(b, numbered("block", i), width);
  b.batch_norm(numbered("b", i), width);
  b.activation(numbered("b", i) + ".relu", Activation::relu);
  b.conv(numbered("c", i), centred(width, 3, 3));
  b.activation("tanh", Activation::tanh);
  return b.take();
}

Graph sngan_discriminator(const SnganDiscriminatorOptions& o) {
  GSX_CHECK(o.width >= 1 && o.width <= 4096,
            "sngan_discriminator: width must lie in [1, 4096], got ", o.width);
  Builder b("sngan_discriminator", 3);
  discriminator_block(b, "block1", 3, o.width, true, true);
  discriminator_block(b, "block2", o.width, o.width, false, true);
  discriminator_block(b, "block3", o.width, o.width, false, false);
  discriminator_block(b, "block4", o.width, o.width, false, false);
  b.activation("relu", Activation::relu);
  b.global_avg_pool("mean");
  constexpr float kPixels = 64;  // of the last block: what is summed up is their sum
  b.affine("sum", {kPixels}, {0});
  b.reshape("sum.vector", o.width);
  b.linear("l5", o.width, 1, false, true);
  return b.take();
}

}  // namespace gsx
