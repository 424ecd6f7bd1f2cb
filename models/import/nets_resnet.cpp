// The ResNet generators of CycleGAN and its descendants, told from a file: pix2pix, pix2pixHD's
// global one, CUT with its blurred sampling, gan-compression with separable convolutions. All are
// one Sequential `model`: a 7 x 7 convolution, some that halve the size, blocks, as many that
// double it, and a last convolution; the numbers in the names tell which layers without weights lie
// between.
#include <algorithm>
#include <cmath>

#include "models/import/nets.h"

namespace gsx {

namespace {

std::string child(int i) { return "model." + std::to_string(i); }

// A buffer of CUT's blurred sampling holds the same filter for every channel.
void check_blur(const Weights& w, const std::string& name, const std::vector<float>& row,
                float sum) {
  const std::vector<float> values = w.floats(name);
  const size_t n = row.size();
  float total = 0;
  for (const float v : row) total += v;
  bool same = values.size() % (n * n) == 0;
  for (size_t i = 0; i < values.size() && same; ++i) {
    const float want = row[i / n % n] * row[i % n] * sum / (total * total);
    same = std::abs(values[i] - want) <= 1e-6f;
  }
  GSX_CHECK(same, "load: ", w.file().path().string(), ": ", name,
            " is not the filter of CUT's blurred sampling, which gsx computes without it");
}

class Resnet {
 public:
  explicit Resnet(const Weights& w)
      : w_(w), n_(w, "resnet_generator", w.dim("model.1.weight", 1)) {}

  std::optional<Candidate> run() {
    const int width =
        n_.conv(child(1), 1, Padding::all(w_.dim("model.1.weight", 2) / 2), PadMode::reflect);
    norm_relu(2, width);
    at_ = 4;
    while (n_.ok && down()) ++downs_;
    while (n_.ok && block()) ++blocks_;
    for (int i = 0; i < downs_ && n_.ok; ++i) up();
    const std::string last = child(at_ + 1);
    n_.conv(last, 1, Padding::all(w_.dim(last + ".weight", 2) / 2), PadMode::reflect);
    n_.ok = n_.ok && downs_ > 0;
    if (n_.ok) n_.b.activation(child(at_ + 2), Activation::tanh);
    const std::vector<std::string> down = downs_blurred_, up = ups_blurred_;
    if (!down.empty() || !up.empty()) {
      n_.found.notes.push_back("sampling is blurred, as CUT does it");
      n_.found.check = [down, up](const Weights& w) {
        for (const std::string& name : down) check_blur(w, name, {1, 2, 1}, 1);
        for (const std::string& name : up) check_blur(w, name, {1, 3, 3, 1}, 4);
      };
    }
    return n_.take("model.1.weight has " + std::to_string(width) + " filters; " +
                   "layers that halve the size: " + std::to_string(downs_) +
                   (separable_ ? "; separable" : ";") + " blocks: " + std::to_string(blocks_) +
                   (shifted_ ? ", with dropout in them" : ""));
  }

 private:
  bool begins_any(const std::string& prefix) const {
    const auto& names = w_.names();
    return std::any_of(names.begin(), names.end(),
                       [&](const std::string& name) { return name.starts_with(prefix); });
  }

  void norm_relu(int i, int channels) {
    n_.norm(child(i), channels);
    if (n_.ok) n_.relu(child(i + 1));
  }

  bool down() {
    const std::string name = child(at_);
    if (w_.dim(name + ".weight", 2) != 3 || w_.dim(name + ".weight", 0) <= 0) return false;
    // What doubles the size again lies behind the blocks, or is a transposed convolution.
    if (w_.dim(name + ".weight", 1) != channels_) return false;
    const bool blurred = n_.has(child(at_ + 3) + ".filt");
    const int out = n_.conv(name, blurred ? 1 : 2, Padding::all(1));
    norm_relu(at_ + 1, out);
    at_ += 3;
    channels_ = out;
    if (!blurred || !n_.ok) return true;
    // [1,2,1] twice over and every second pixel: the means of 2 x 2 pixels, twice.
    const std::string blur = child(at_++);
    blurred_name(blur, downs_blurred_);
    n_.b.pad(blur + ".pad", Padding::all(1), PadMode::reflect);
    n_.b.avg_pool(blur + ".first", {2, 1});
    n_.b.avg_pool(blur, {2, 2});
    return true;
  }

  void blurred_name(const std::string& layer, std::vector<std::string>& list) {
    list.push_back(layer + ".filt");
    n_.found.spare.insert(layer + ".filt");
  }

  bool block() {
    const std::string name = child(at_) + ".conv_block.";
    const auto is_conv = [&](int i) {
      const std::string layer = name + std::to_string(i);
      return n_.has(layer + ".weight") ? w_.rank(layer + ".weight") == 4
                                       : n_.has(layer + ".conv.0.weight");
    };
    // Without a padding layer in front the convolutions pad with zeros. A block that lacks one has
    // it where those before it have theirs: what is missing is told then.
    int first = is_conv(1) ? 1 : 0;
    if (!is_conv(first)) {
      if (blocks_ == 0 || !begins_any(name)) return false;
      first = first_;
    }
    int second = first + 3;
    while (second < first + 6 && !is_conv(second)) ++second;
    if (!is_conv(second) && blocks_ > 0) second = first + apart_;
    first_ = first;
    apart_ = second - first;
    shifted_ = shifted_ || second > (first == 1 ? 5 : 3);
    const PadMode mode = first == 1 ? PadMode::reflect : PadMode::zero;
    const int skip = n_.b.last();
    const auto numbered = [&](int i) { return name + std::to_string(i); };
    const int middle = conv(numbered(first), mode);
    n_.norm(numbered(first + 1), middle);
    if (n_.ok) n_.relu(numbered(first + 2));
    const int out = conv(numbered(second), mode);
    n_.norm(numbered(second + 1), out);
    if (n_.ok) n_.b.add(child(at_), skip, n_.b.last());
    ++at_;
    return true;
  }

  // A convolution, or one for each channel, a norm and one between channels.
  int conv(const std::string& name, PadMode mode) {
    if (n_.has(name + ".weight")) return n_.same_conv(name, 1, mode);
    if (blocks_ > 0 && !separable_) {  // it is missing
      ConvSpec spec{.in = channels_, .out = channels_, .bias = n_.has(name + ".bias")};
      spec.options.pad = Padding::all(1);
      spec.options.pad_mode = mode;
      if (n_.ok) n_.b.conv(name, spec);
      return channels_;
    }
    separable_ = true;
    const std::string depth = name + ".conv.0";
    const int channels =
        n_.conv(depth, 1, Padding::all(w_.dim(depth + ".weight", 2) / 2), mode, channels_);
    n_.norm(name + ".conv.1", channels);
    return n_.conv(name + ".conv.2", 1, {});
  }

  void up() {
    if (n_.has(child(at_) + ".filt")) {
      // [1,3,3,1] between zeros: bilinear, the border repeated.
      ResizeOptions twice;
      twice.rule = {ResizeMode::linear, ResizeCoordinates::half_pixel, ResizeRounding::floor};
      twice.scale_h = twice.scale_w = 2;
      blurred_name(child(at_), ups_blurred_);
      n_.resize(child(at_), twice);
      ++at_;
      norm_relu(at_ + 1, n_.conv(child(at_), 1, Padding::all(1)));
    } else {
      norm_relu(at_ + 1, n_.conv_transpose(child(at_), 2, 1, 1));
    }
    at_ += 3;
  }

  const Weights& w_;
  NetBuilder n_;
  int at_ = 0, downs_ = 0, blocks_ = 0;
  int first_ = 1, apart_ = 4;  // where a block's first convolution is, and its second behind it
  int channels_ = w_.dim("model.1.weight", 0);  // between the blocks
  bool shifted_ = false, separable_ = false;
  std::vector<std::string> downs_blurred_, ups_blurred_;
};

}  // namespace

std::optional<Candidate> detect_resnet(const Weights& w) { return Resnet(w).run(); }

}  // namespace gsx
