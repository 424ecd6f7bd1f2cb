// Inception v3 as FID uses it (the TensorFlow network of 2015-12-05 under pytorch-fid's tensor
// names): average pools count no padding, the last block pools by maximum, and there are 1008
// logits.
#include "models/architectures.h"
#include "models/builder.h"

namespace gsx {

namespace {

constexpr PoolOptions kAround = {3, 1, 1, false, false};  // 3x3 windows about every pixel
constexpr PoolOptions kHalving = {3, 2, 0, false, false};

// One line of layers of a block: convolutions with batch norm and ReLU behind each.
class Inception {
 public:
  Inception() : b("fid_inception", 3) {}

  Builder b;
  int channels = 3;  // of the node that the next layer reads

  // kernel {R, S} with as much padding as keeps the size where stride is 1 and `keep` is set.
  void conv(const std::string& name, int out, PerAxis kernel, bool keep = true, int stride = 1) {
    ConvSpec spec;
    spec.in = channels;
    spec.out = channels = out;
    spec.kernel = kernel;
    spec.bias = false;
    spec.options.stride = stride;
    const int rows = keep ? kernel.y / 2 : 0, columns = keep ? kernel.x / 2 : 0;
    spec.options.pad = {rows, rows, columns, columns};
    b.conv(name + ".conv", spec);
    b.batch_norm(name + ".bn", out, 0.001f);
    b.activation(name + ".relu", Activation::relu);
  }

  struct Layer {
    const char* name;
    int out;
    PerAxis kernel;
    bool keep = true;
    int stride = 1;
  };
  struct End {
    int node, channels;
  };
  // The end of a branch that begins at `from`.
  End branch(const std::string& block, End from, std::initializer_list<Layer> layers) {
    go_to(from);
    for (const Layer& l : layers) conv(block + "." + l.name, l.out, l.kernel, l.keep, l.stride);
    return here();
  }
  // The branch that pools, then has `out` channels; 0: as many as there are, by pooling alone.
  End pooled(const std::string& block, End from, int out, bool by_maximum) {
    go_to(from);
    if (by_maximum) b.max_pool(block + ".pool", out > 0 ? kAround : kHalving);
    else b.avg_pool(block + ".pool", kAround);
    if (out > 0) conv(block + ".branch_pool", out, 1);
    return here();
  }
  // Continues from all ends, side by side.
  void join(const std::string& name, std::initializer_list<End> ends) {
    std::vector<int> nodes;
    int sum = 0;
    for (const End& end : ends) {
      nodes.push_back(end.node);
      sum += end.channels;
    }
    b.concat(name, nodes);
    channels = sum;
  }
  End here() const { return {b.last(), channels}; }
  void go_to(End end) {
    b.go_to(end.node);
    channels = end.channels;
  }
};

void block_a(Inception& n, const std::string& name, int pool_channels) {
  const auto x = n.here();
  const auto one = n.branch(name, x, {{"branch1x1", 64, 1}});
  const auto five = n.branch(name, x, {{"branch5x5_1", 48, 1}, {"branch5x5_2", 64, 5}});
  const auto three = n.branch(
      name, x, {{"branch3x3dbl_1", 64, 1}, {"branch3x3dbl_2", 96, 3}, {"branch3x3dbl_3", 96, 3}});
  n.join(name, {one, five, three, n.pooled(name, x, pool_channels, false)});
}

void block_b(Inception& n, const std::string& name) {
  const auto x = n.here();
  const auto one = n.branch(name, x, {{"branch3x3", 384, 3, false, 2}});
  const auto two = n.branch(
      name, x,
      {{"branch3x3dbl_1", 64, 1}, {"branch3x3dbl_2", 96, 3}, {"branch3x3dbl_3", 96, 3, false, 2}});
  n.join(name, {one, two, n.pooled(name, x, 0, true)});
}

void block_c(Inception& n, const std::string& name, int inner) {
  constexpr PerAxis kRow = {1, 7}, kColumn = {7, 1};
  const auto x = n.here();
  const auto one = n.branch(name, x, {{"branch1x1", 192, 1}});
  const auto seven = n.branch(
      name, x,
      {{"branch7x7_1", inner, 1}, {"branch7x7_2", inner, kRow}, {"branch7x7_3", 192, kColumn}});
  const auto twice = n.branch(name, x,
                              {{"branch7x7dbl_1", inner, 1},
                               {"branch7x7dbl_2", inner, kColumn},
                               {"branch7x7dbl_3", inner, kRow},
                               {"branch7x7dbl_4", inner, kColumn},
                               {"branch7x7dbl_5", 192, kRow}});
  n.join(name, {one, seven, twice, n.pooled(name, x, 192, false)});
}

void block_d(Inception& n, const std::string& name) {
  const auto x = n.here();
  const auto three =
      n.branch(name, x, {{"branch3x3_1", 192, 1}, {"branch3x3_2", 320, 3, false, 2}});
  const auto seven = n.branch(name, x,
                              {{"branch7x7x3_1", 192, 1},
                               {"branch7x7x3_2", 192, {1, 7}},
                               {"branch7x7x3_3", 192, {7, 1}},
                               {"branch7x7x3_4", 192, 3, false, 2}});
  n.join(name, {three, seven, n.pooled(name, x, 0, true)});
}

void block_e(Inception& n, const std::string& name, bool by_maximum) {
  const auto x = n.here();
  const auto both = [&](const std::string& a, const std::string& b, const std::string& joined,
                        Inception::End from) {
    const auto row = n.branch(name, from, {{a.c_str(), 384, {1, 3}}});
    const auto column = n.branch(name, from, {{b.c_str(), 384, {3, 1}}});
    n.join(name + "." + joined, {row, column});
    return n.here();
  };
  const auto one = n.branch(name, x, {{"branch1x1", 320, 1}});
  const auto three = both("branch3x3_2a", "branch3x3_2b", "branch3x3",
                          n.branch(name, x, {{"branch3x3_1", 384, 1}}));
  const auto twice =
      both("branch3x3dbl_3a", "branch3x3dbl_3b", "branch3x3dbl",
           n.branch(name, x, {{"branch3x3dbl_1", 448, 1}, {"branch3x3dbl_2", 384, 3}}));
  n.join(name, {one, three, twice, n.pooled(name, x, 192, by_maximum)});
}

}  // namespace

Graph fid_inception() {
  Inception n;
  n.conv("Conv2d_1a_3x3", 32, 3, false, 2);
  n.conv("Conv2d_2a_3x3", 32, 3, false);
  n.conv("Conv2d_2b_3x3", 64, 3);
  n.b.max_pool("maxpool1", kHalving);
  n.conv("Conv2d_3b_1x1", 80, 1, false);
  n.conv("Conv2d_4a_3x3", 192, 3, false);
  n.b.max_pool("maxpool2", kHalving);
  block_a(n, "Mixed_5b", 32);
  block_a(n, "Mixed_5c", 64);
  block_a(n, "Mixed_5d", 64);
  block_b(n, "Mixed_6a");
  block_c(n, "Mixed_6b", 128);
  block_c(n, "Mixed_6c", 160);
  block_c(n, "Mixed_6d", 160);
  block_c(n, "Mixed_6e", 192);
  block_d(n, "Mixed_7a");
  block_e(n, "Mixed_7b", false);
  block_e(n, "Mixed_7c", true);
  n.b.global_avg_pool("avgpool");
  n.b.reshape("pool3", 2048);
  n.b.linear("fc", 2048, 1008);
  Graph graph = n.b.take();
  graph.feature_layers = {"pool3"};
  return graph;
}

}  // namespace gsx
