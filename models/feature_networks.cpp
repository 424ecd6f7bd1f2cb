// Networks whose inner values measure how images differ: VGG16, VGG19 and SqueezeNet 1.1, with
// torchvision's tensor names.
#include <array>

#include "models/architectures.h"
#include "models/builder.h"

namespace gsx {

namespace {

// Convolutions per stage, to the last ReLU of the fourth.
Graph vgg(const char* name, const VggOptions& o, const std::array<int, 4>& convs) {
  GSX_CHECK(o.width >= 1 && o.width <= 4096, name, ": width must lie in [1, 4096], got ", o.width);
  Builder b(name, 3);
  int at = 0, channels = 3;
  std::vector<std::string> ends;
  for (int stage = 0; stage < 4; ++stage) {
    if (stage > 0) b.max_pool("features." + std::to_string(at++), {2, 2, 0, false, false});
    for (int i = 1; i <= convs[stage]; ++i) {
      ConvSpec spec;
      spec.in = channels;
      spec.out = channels = o.width << stage;
      spec.options.pad = Padding::all(1);
      b.conv("features." + std::to_string(at++), spec);
      ends.resize(stage + 1);
      ends[stage] = "relu" + std::to_string(stage + 1) + "_" + std::to_string(i);
      b.activation(ends[stage], Activation::relu);
      ++at;
    }
  }
  Graph graph = b.take();
  graph.input_format = {0, 1, false};
  graph.feature_layers = ends;
  return graph;
}

}  // namespace

Graph vgg16(const VggOptions& o) { return vgg("vgg16", o, {2, 2, 3, 3}); }

Graph vgg19(const VggOptions& o) { return vgg("vgg19", o, {2, 2, 4, 4}); }

Graph squeezenet() {
  Builder b("squeezenet", 3);
  constexpr float kMean[] = {0.485f, 0.456f, 0.406f}, kDeviation[] = {0.229f, 0.224f, 0.225f};
  std::vector<float> scale, shift;
  for (int c = 0; c < 3; ++c) {
    scale.push_back(1 / kDeviation[c]);
    shift.push_back(-kMean[c] / kDeviation[c]);
  }
  const auto conv = [&](const std::string& name, int in, int out, int kernel, int stride, int pad) {
    ConvSpec spec;
    spec.in = in;
    spec.out = out;
    spec.kernel = kernel;
    spec.options = {stride, Padding::all(pad), PadMode::zero};
    b.conv(name, spec);
    return b.activation(name + ".relu", Activation::relu);
  };
  b.affine("normalize", scale, shift);
  conv("features.0", 3, 64, 3, 2, 0);
  struct Fire {
    int index, in, squeeze, expand;
  };
  constexpr Fire kFires[] = {{3, 64, 16, 64},    {4, 128, 16, 64},  {6, 128, 32, 128},
                             {7, 256, 32, 128},  {9, 256, 48, 192}, {10, 384, 48, 192},
                             {11, 384, 64, 256}, {12, 512, 64, 256}};
  for (const Fire& f : kFires) {
    const std::string name = "features." + std::to_string(f.index);
    if (f.index == 3 || f.index == 6 || f.index == 9) {
      b.max_pool("features." + std::to_string(f.index - 1), {3, 2, 0, true, false});
    }
    const int squeezed = conv(name + ".squeeze", f.in, f.squeeze, 1, 1, 0);
    const int one = conv(name + ".expand1x1", f.squeeze, f.expand, 1, 1, 0);
    b.go_to(squeezed);
    const int three = conv(name + ".expand3x3", f.squeeze, f.expand, 3, 1, 1);
    b.concat(name, {one, three});
  }
  conv("classifier.1", 512, 1000, 1, 1, 0);
  b.global_avg_pool("pool");
  b.reshape("logits", 1000);
  Graph graph = b.take();
  graph.input_format = {0, 1, false};
  graph.feature_layers = {"features.0.relu", "features.4",  "features.7", "features.9",
                          "features.10",     "features.11", "features.12"};
  return graph;
}

}  // namespace gsx
