// The networks of style-aware transfer (PAPER.md 2.6: Sanakoyeu et al. 2018), with tensor names
// after the authors' variables.
#include "models/architectures.h"
#include "models/builder.h"
#include "models/conv_specs.h"

namespace gsx {

namespace {

constexpr int kFrame = 15;  // mirrored around the image, so that no border shows

// A convolution without a bias, its norm and an activation: NAME_c, NAME_bn.
void encoder_layer(Builder& b, const std::string& name, const ConvSpec& spec) {
  b.conv(name + "_c", without_bias(spec));
  b.instance_norm(name + "_bn", spec.out, true);
  b.activation(name + ".relu", Activation::relu);
}

void residual_block(Builder& b, const std::string& name, int width) {
  const int skip = b.last();
  b.conv(name + "_c1", without_bias(reflected(width, width, 3)));
  b.instance_norm(name + "_bn1", width, true);
  b.activation(name + ".relu", Activation::relu);
  b.conv(name + "_c2", without_bias(reflected(width, width, 3)));
  b.instance_norm(name + "_bn2", width, true);
  b.add(name, skip, b.last());
}

// Twice the size.
void doubling_layer(Builder& b, const std::string& name, int in, int out) {
  b.upsample(name + ".up", 2);
  b.conv(name + "_dc", without_bias(filter(in, out, 3, 1, Padding::all(1))));
  b.instance_norm(name + "_bn", out, true);
  b.activation(name + ".relu", Activation::relu);
}

std::string numbered_node(const char* word, int i) { return word + std::to_string(i); }

}  // namespace

Graph style_aware(const StyleAwareOptions& o) {
  check_width("style_aware", o.width, o.blocks);
  const int w = channels(o.width, 1), w8 = channels(o.width, 8);
  Builder b("style_aware", 3);
  b.instance_norm("encoder.g_e0_bn", 3, true);
  encoder_layer(b, "encoder.g_e1", filter(3, w, 3, 1, Padding::all(kFrame), PadMode::reflect));
  encoder_layer(b, "encoder.g_e2", filter(w, w, 3, 2));
  for (int i = 3, times = 2; i <= 5; ++i, times *= 2)
    encoder_layer(b, numbered_node("encoder.g_e", i),
                  filter(channels(o.width, times / 2), channels(o.width, times), 3, 2));
  for (int i = 1; i <= o.blocks; ++i) residual_block(b, numbered_node("decoder.g_r", i), w8);
  doubling_layer(b, "decoder.g_d1", w8, w8);
  for (int i = 2, times = 4; i <= 4; ++i, times /= 2)
    doubling_layer(b, numbered_node("decoder.g_d", i), channels(o.width, 2 * times),
                   channels(o.width, times));
  b.conv("decoder.g_pred_c", without_bias(reflected(w, 3, 7)));
  b.activation("sigmoid", Activation::sigmoid);
  b.affine("range", {2}, {-1});
  return b.take();
}

Graph style_aware_discriminator(const StyleAwareDiscriminatorOptions& o) {
  constexpr int kLayers = 7;
  // Channels, as multiples of the width, and how large a filter of what judges them is; 0: nothing
  // does.
  constexpr int kTimes[kLayers] = {2, 2, 4, 8, 8, 16, 16},
                kJudge[kLayers] = {5, 10, 0, 10, 0, 6, 3};
  GSX_CHECK(o.width >= 1 && o.width <= 4096 && o.layers >= 1 && o.layers <= kLayers,
            "style_aware_discriminator: width must lie in [1, 4096] and layers in [1, 7], got ",
            o.width, " and ", o.layers);
  Builder b("style_aware_discriminator", 3);
  std::vector<GraphOutput> scales;
  for (int i = 0, in = 3; i < o.layers; ++i) {
    const std::string name = "discriminator.d_";
    const int out = o.width * kTimes[i];
    b.conv(name + numbered_node("h", i) + "_conv", same_size(in, out, 5, 2));
    b.instance_norm(name + numbered_node("bn", i), out, true);
    const int seen =
        b.activation(name + numbered_node("h", i) + ".lrelu", Activation::leaky_relu, 0.2f);
    in = out;
    if (kJudge[i] == 0) continue;
    scales.push_back({numbered_node("scale_", i), b.conv(name + numbered_node("h", i) + "_pred",
                                                         same_size(out, 1, kJudge[i]))});
    b.go_to(seen);
  }
  Graph graph = b.take();
  graph.set_outputs(std::move(scales));
  graph.remove_unreachable();
  return graph;
}

}  // namespace gsx
