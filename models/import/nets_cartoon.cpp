// Two generators of cartoons, told from a file: the light U-GAT-IT, whose decoder is normed by what
// its encoder saw, and White-box cartoonization's U-Net.
#include <algorithm>
#include <deque>
#include <map>

#include "models/import/nets.h"
#include "models/import/words.h"

namespace gsx {

namespace {

// ---- U-GAT-IT (Kim et al. 2020), light: genA2B or genB2A.
class Ugatit {
 public:
  explicit Ugatit(const Weights& w)
      : short_(!w.has("DownBlock.1.weight")),
        n_(w, "ugatit", w.dim(short_ ? "Down.1.weight" : "DownBlock.1.weight", 1)) {}

  std::optional<Candidate> run() {
    const std::string down = short_ ? "Down." : "DownBlock.", up = short_ ? "Up." : "UpBlock2.";
    const int width = n_.same_conv(down + "1", 1, PadMode::reflect);
    norm_relu(down, 2, width);
    int at = 5, downs = 0;
    for (; n_.ok && n_.has(numbered(down, at) + ".weight"); at += 4, ++downs)
      norm_relu(down, at + 1, n_.same_conv(numbered(down, at), 2, PadMode::reflect));
    int blocks = 0;
    for (--at; n_.ok && n_.has(numbered(down, at) + ".conv_block.1.weight"); ++at, ++blocks)
      block(numbered(down, at));
    const int channels = attention();
    style(channels);
    int mixed = 0;
    while (n_.ok && n_.has(decoder(mixed + 1) + ".conv1.weight"))
      decode(decoder(++mixed), channels);
    at = 2;
    for (int i = 0; i < downs && n_.ok; ++i, at += 5) {
      n_.b.upsample(numbered(up, at - 2), 2);
      const int out = n_.same_conv(numbered(up, at), 1, PadMode::reflect);
      learnt_norm(numbered(up, at + 1), out);
      if (n_.ok) n_.relu(numbered(up, at + 2));
    }
    n_.same_conv(numbered(up, at - 1), 1, PadMode::reflect);
    n_.ok = n_.ok && downs > 0 && mixed > 0;
    if (n_.ok) n_.b.activation(numbered(up, at), Activation::tanh);
    return n_.take(down + "1.weight has " + std::to_string(width) + " filters; residual blocks: " +
                   std::to_string(blocks) + ", and normed adaptively: " + std::to_string(mixed));
  }

 private:
  std::string decoder(int i) const { return numbered(short_ ? "U" : "UpBlock1_", i); }

  void norm_relu(const std::string& prefix, int i, int channels) {
    n_.norm(numbered(prefix, i), channels);
    if (n_.ok) n_.relu(numbered(prefix, i + 1));
  }

  void block(const std::string& name) {
    const int skip = n_.b.last();
    const std::string p = name + ".conv_block.";
    norm_relu(p, 2, n_.same_conv(p + "1", 1, PadMode::reflect));
    n_.norm(p + "6", n_.same_conv(p + "5", 1, PadMode::reflect));
    if (n_.ok) n_.b.add(name, skip, n_.b.last());
  }

  // A tensor [1,C,1,1], or [1,C], of the file as a trained constant [1,C,1,1].
  int tensor(const std::string& key, int channels) {
    std::vector<int64_t> shape;
    for (size_t d = 1; d < n_.weights.rank(key); ++d) shape.push_back(n_.weights.dim(key, d));
    n_.ok = n_.ok && !shape.empty() && shape[0] == channels;
    if (!n_.ok) return 0;
    const int made = n_.node(make_node("constant", key, {}, {{"shape", shape}, {"trained", true}}));
    n_.found.renamed[key + ".value"] = key;
    if (shape.size() == 3) return made;
    return n_.node(make_reshape(key + ".image", made, channels, 1, 1));
  }

  int product(const std::string& name, int a, int b) {
    return n_.ok ? n_.node(make_arithmetic(name, Arithmetic::mul, a, b)) : 0;
  }

  // Class activation: features times what the two judges of the domain weigh them by.
  int attention() {
    if (!n_.ok) return 0;
    const int x = n_.b.last(), channels = n_.weights.dim("gap_fc.weight", 1);
    const int by_mean = product("gap", x, tensor("gap_fc.weight", channels));
    const int by_most = product("gmp", x, tensor("gmp_fc.weight", channels));
    if (n_.ok) n_.b.concat("cam", {by_mean, by_most});
    const int out = n_.conv("conv1x1", 1, {});
    if (n_.ok) n_.relu("conv1x1.relu");
    return out;
  }

  // What the decoder's norms multiply by and add: of the means of all features.
  void style(int channels) {
    if (!n_.ok) return;
    features_ = n_.b.last();
    n_.b.global_avg_pool("FC.mean");
    n_.b.reshape("FC.features", channels);
    for (int i = 0; n_.ok && n_.has(numbered("FC.", i) + ".weight"); i += 2) {
      n_.linear(numbered("FC.", i));
      if (n_.ok) n_.relu(numbered("FC.", i + 1));
    }
    const int seen = n_.b.last();
    const auto image = [&](const std::string& name) {
      n_.b.go_to(seen);
      n_.ok = n_.linear(name) == channels && n_.ok;
      if (n_.ok) n_.b.reshape(name + ".image", channels, 1, 1);
      return n_.b.last();
    };
    gamma_ = image("gamma");
    beta_ = image("beta");
    n_.b.go_to(features_);
  }

  // rho * instance norm + (1 - rho) * layer norm, both by unbiased variances.
  int mixed_norm(const std::string& name, const std::string& rho, int channels) {
    if (!n_.ok) return 0;
    constexpr float kEps = 1e-5f;
    const int x = n_.b.last(), share = tensor(rho, channels);
    if (!n_.ok) return 0;
    const int each = n_.node(make_instance_norm(name + ".each", x, channels, false, kEps, true));
    const int all = n_.node(make_group_norm(name + ".all", x, channels, 1, false, kEps, true));
    const int rest = n_.node(make_affine(name + ".rest", share, {-1}, {1}));
    const int a = product(name + ".of_each", each, share), b = product(name + ".of_all", all, rest);
    return n_.b.add(name + ".mixed", a, b);
  }

  void scaled(const std::string& name, int x, int gamma, int beta) {
    const int y = product(name + ".scaled", x, gamma);
    if (n_.ok) n_.node(make_arithmetic(name, Arithmetic::add, y, beta));
  }

  void decode(const std::string& name, int channels) {
    const int skip = n_.b.last();
    // The norms' tensors have names of their own in ports.
    std::vector<std::string> rho;
    for (const std::string& key : n_.weights.names())
      if (key.starts_with(name + ".") && key.ends_with("rho")) rho.push_back(key);
    std::sort(rho.begin(), rho.end());
    n_.ok = n_.ok && rho.size() == 2;
    for (int i = 0; i < 2 && n_.ok; ++i) {
      const std::string norm = numbered(name + ".norm", i + 1);
      n_.ok =
          n_.same_conv(numbered(name + ".conv", i + 1), 1, PadMode::reflect) == channels && n_.ok;
      scaled(norm, mixed_norm(norm, rho[i], channels), gamma_, beta_);
      if (n_.ok && i == 0) n_.relu(name + ".relu1");
    }
    if (n_.ok) n_.b.add(name, n_.b.last(), skip);
  }

  void learnt_norm(const std::string& name, int channels) {
    const int x = mixed_norm(name, name + ".rho", channels);
    const int gamma = tensor(name + ".gamma", channels), beta = tensor(name + ".beta", channels);
    scaled(name, x, gamma, beta);
  }

  bool short_;  // names of a port that shortens them
  NetBuilder n_;
  int features_ = 0, gamma_ = 0, beta_ = 0;
};

// ---- White-box cartoonization (Wang and Yu 2020). Ports name its layers each in their own way, so
// layers are told by their shapes: w filters of 7 x 7, then w, 2w, 2w, 4w of 3 x 3, blocks of 4w,
// and the way back.
class Whitebox {
 public:
  explicit Whitebox(const Weights& w) : n_(w, "whitebox", first_channels(w)) {}

  std::optional<Candidate> run() {
    find_layers();
    if (!n_.ok) return std::nullopt;
    // The port with reflected borders is known by its names.
    reflect_ = layers_.front().starts_with("initial_down.");
    const int full = layer(0);
    layer(1, true);
    const int half = layer(2);
    layer(3, true);
    layer(4);
    size_t at = 5;
    for (int i = 0; i < blocks_ && n_.ok; ++i, at += 2) {
      const int skip = n_.b.last();
      layer(at);
      const int out = conv(at + 1, false);
      if (n_.ok) n_.b.add(numbered("block_", i), out, skip);
    }
    layer(at++);
    larger("up_1", half);
    layer(at++);
    layer(at++);
    larger("up_2", full);
    layer(at++);
    conv(at, false);
    if (reflect_ && n_.ok) n_.b.activation("tanh", Activation::tanh);
    if (!reflect_ && n_.ok) n_.node(make_pointwise("clip", n_.b.last(), Pointwise::clip, {-1, 1}));
    n_.add_note(
        "the guided filter that White-box cartoonization sends its images through afterwards is no "
        "part of the network");
    return n_.take(layers_.front() + ".weight has " + std::to_string(width_) +
                   " filters of 7 x 7; residual blocks: " + std::to_string(blocks_));
  }

 private:
  static int first_channels(const Weights& w) {
    for (const std::string& name : w.names())
      if (w.rank(name) == 4 && w.dim(name, 2) == 7 && w.dim(name, 0) != 3) return w.dim(name, 1);
    return 0;
  }

  struct Form {
    int out, in, side;
    friend auto operator<=>(const Form&, const Form&) = default;
  };
  Form form_of(const std::string& layer) const {
    const std::string name = layer + ".weight";
    return {n_.weights.dim(name, 0), n_.weights.dim(name, 1), n_.weights.dim(name, 2)};
  }

  // conv_2 before conv_10.
  static bool by_number(const std::string& a, const std::string& b) {
    const auto parts = [](const std::string& s) {
      std::vector<std::pair<long, std::string>> result;
      for (size_t i = 0; i < s.size();) {
        size_t end = i;
        while (end < s.size() && std::isdigit(static_cast<unsigned char>(s[end])) && end < i + 9)
          ++end;
        if (end > i) result.push_back({std::stol(s.substr(i, end - i)), ""});
        else result.push_back({-1, s.substr(i, end = i + 1)});
        i = end;
      }
      return result;
    };
    return parts(a) < parts(b);
  }

  // Fills layers_ with the convolutions' names in the order in which they are run.
  void find_layers() {
    std::vector<std::string> all;
    for (const std::string& name : n_.weights.names())
      if (name.ends_with(".weight") && n_.weights.rank(name) == 4)
        all.push_back(name.substr(0, name.size() - 7));
    const auto first = std::find_if(all.begin(), all.end(), [&](const std::string& layer) {
      return form_of(layer).side == 7 && form_of(layer).out != 3;
    });
    n_.ok = n_.ok && first != all.end() && all.size() >= 12 && all.size() % 2 == 0;
    if (!n_.ok) return;
    width_ = form_of(*first).out;
    blocks_ = static_cast<int>(all.size() - 10) / 2;
    const int w = width_, image = n_.weights.dim(*first + ".weight", 1);
    std::vector<Form> wanted = {
        {w, image, 7}, {w, w, 3}, {2 * w, w, 3}, {2 * w, 2 * w, 3}, {4 * w, 2 * w, 3}};
    wanted.insert(wanted.end(), static_cast<size_t>(2 * blocks_), Form{4 * w, 4 * w, 3});
    for (const Form& f : {Form{2 * w, 4 * w, 3}, Form{2 * w, 2 * w, 3}, Form{w, 2 * w, 3},
                          Form{w, w, 3}, Form{image, w, 7}})
      wanted.push_back(f);
    // In the file's order where that fits; else those of one shape in the order of their names.
    const auto fits = [&] {
      for (size_t i = 0; i < all.size(); ++i)
        if (!(form_of(all[i]) == wanted[i])) return false;
      return true;
    };
    if (fits()) {
      layers_ = all;
      return;
    }
    std::sort(all.begin(), all.end(), by_number);
    std::map<Form, std::deque<std::string>> by_form;
    for (const std::string& layer : all) by_form[form_of(layer)].push_back(layer);
    for (const Form& form : wanted) {
      std::deque<std::string>& left = by_form[form];
      n_.ok = n_.ok && !left.empty();
      if (!n_.ok) return;
      layers_.push_back(left.front());
      left.pop_front();
    }
  }

  // Zeros as TensorFlow has them: behind the image alone where a layer halves it.
  int conv(size_t i, bool halves) {
    const int side = form_of(layers_[i]).side / 2;
    const Padding pad = halves && !reflect_ ? Padding{0, 1, 0, 1} : Padding::all(side);
    n_.conv(layers_[i], halves ? 2 : 1, pad, reflect_ ? PadMode::reflect : PadMode::zero);
    return n_.b.last();
  }
  int layer(size_t i, bool halves = false) {
    conv(i, halves);
    if (n_.ok) n_.leaky(layers_[i] + ".leaky");
    return n_.b.last();
  }
  void larger(const std::string& name, int skip) {
    ResizeOptions twice;
    twice.rule = {ResizeMode::linear, ResizeCoordinates::half_pixel, ResizeRounding::floor};
    twice.scale_h = twice.scale_w = 2;
    n_.resize(name, twice);
    if (n_.ok) n_.b.add(name + ".sum", n_.b.last(), skip);
  }

  NetBuilder n_;
  std::vector<std::string> layers_;
  int width_ = 0, blocks_ = 0;
  bool reflect_ = false;
};

}  // namespace

std::optional<Candidate> detect_ugatit(const Weights& w) { return Ugatit(w).run(); }
std::optional<Candidate> detect_whitebox(const Weights& w) { return Whitebox(w).run(); }

}  // namespace gsx
