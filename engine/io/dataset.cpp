// Folders of images and the seeded loader; see dataset.h.
#include "engine/io/dataset.h"

#include <algorithm>
#include <numeric>
#include <system_error>

#include "engine/error.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

class FolderSource : public ImageSource {
 public:
  FolderSource(std::vector<fs::path> files, bool classes, const ReadOptions& options)
      : files_(std::move(files)), classes_(classes), options_(options) {}
  size_t count() const override { return files_.size(); }
  std::string key(size_t i) const override {
    const fs::path& file = files_.at(i);
    const std::string name = file.filename().string();
    return classes_ ? file.parent_path().filename().string() + "/" + name : name;
  }
  Image load(size_t i) const override { return read_image(files_.at(i), options_); }

 private:
  std::vector<fs::path> files_;
  bool classes_;  // of which equal names may lie in several
  ReadOptions options_;
};

Image load_scaled(const ImageSource& source, const LoaderOptions& options, size_t index) {
  Image image = source.load(index);
  const int side = std::min(image.width, image.height);
  const int wanted = options.load_size ? options.load_size : std::max(side, options.size);
  if (side != wanted) image = resize_short_side(image, wanted);
  return image;
}

}  // namespace

std::shared_ptr<const ImageSource> folder_source(const fs::path& folder,
                                                 const ReadOptions& options) {
  return std::make_shared<FolderSource>(list_images(folder), has_classes(folder), options);
}

std::string Sample::id() const {
  const Augmentation& a = augmentation;
  return key + "@" + std::to_string(a.width) + "x" + std::to_string(a.height) + "+" +
         std::to_string(a.x) + "+" + std::to_string(a.y) + (a.flip ? "m" : "");
}

Loader::Loader(std::shared_ptr<const ImageSource> source, LoaderOptions options, Rng rng,
               Warning warning)
    : source_(std::move(source)),
      options_(options),
      rng_(std::move(rng)),
      warning_(std::move(warning)) {
  GSX_CHECK(source_ && source_->count() > 0,
            "loader: expected a source with images, got an empty one");
  GSX_CHECK(options_.batch > 0 && options_.size >= 0 && options_.load_size >= 0,
            "loader: batch, size and load_size must not be negative, and batch not 0");
  GSX_CHECK(options_.load_size == 0 || options_.load_size >= options_.size, "loader: load_size ",
            options_.load_size, " must not be below size ", options_.size);
  order_.resize(source_->count());
  shuffle();
}

// Fisher-Yates over the identity, so that an epoch's order depends on the generator only.
void Loader::shuffle() {
  std::iota(order_.begin(), order_.end(), size_t{0});
  for (size_t i = order_.size() - 1; i > 0; --i)
    std::swap(order_[i], order_[static_cast<size_t>(rng_.below(static_cast<int64_t>(i) + 1))]);
}

// The image, scaled, from the cache where it fits. The reference holds until the next call.
const Image& Loader::scaled(size_t index) {
  const auto found = cache_.find(index);
  if (found != cache_.end()) return found->second;
  const auto ready = ahead_.extract(index);
  Image image = ready ? ready.mapped().get() : load_scaled(*source_, options_, index);
  if (cached_bytes_ + image.rgb.size() > options_.cache_bytes) return uncached_ = std::move(image);
  cached_bytes_ += image.rgb.size();
  return cache_[index] = std::move(image);
}

Loader::Drawn Loader::draw() {
  for (;;) {
    if (position_ == order_.size()) {
      ++epoch_;
      position_ = 0;
      shuffle();
    }
    const size_t index = order_[position_++];
    if (bad_.count(index)) continue;
    try {
      return {index, scaled(index)};
    } catch (const Error& error) {
      bad_.insert(index);
      const std::string what = naming(source_->key(index), error.what());
      if (warning_) warning_(what + "; skipped");
      GSX_CHECK(bad_.size() < order_.size(), "data: none of the ", order_.size(),
                " images can be read; the last one: ", what);
    }
  }
}

// Begins to load what the next batch takes, as far as this epoch goes: the next one's order is not
// known yet. Where there are no more threads, draw() loads it.
void Loader::load_ahead() {
  const size_t end = std::min(order_.size(), position_ + static_cast<size_t>(options_.batch));
  for (size_t at = position_; at < end; ++at) {
    const size_t index = order_[at];
    if (bad_.count(index) || cache_.count(index) || ahead_.count(index)) continue;
    try {
      ahead_[index] = std::async(std::launch::async, [source = source_, options = options_, index] {
        return load_scaled(*source, options, index);
      });
    } catch (const std::system_error&) {
      ahead_.erase(index);
      return;
    }
  }
}

Batch Loader::next(const ContextPtr& context) {
  Batch batch;
  std::vector<Image> images;
  for (int n = 0; n < options_.batch; ++n) {
    const auto& [index, image] = draw();
    Augmentation a{image.width, image.height};
    const int width = options_.size ? options_.size : image.width;
    const int height = options_.size ? options_.size : image.height;
    a.x = static_cast<int>(rng_.below(image.width - width + 1));
    a.y = static_cast<int>(rng_.below(image.height - height + 1));
    a.flip = options_.flip && rng_.coin();
    Image cut = crop(image, a.x, a.y, width, height);
    images.push_back(a.flip ? mirror(cut) : std::move(cut));
    batch.samples.push_back({index, source_->key(index), a});
  }
  load_ahead();
  batch.images = to_tensor(context, images, options_.format);
  return batch;
}

// A number that changes with the keys or their order.
uint64_t Loader::source_mark() const {
  uint64_t hash = 0xcbf29ce484222325u;  // FNV-1a
  for (size_t i = 0; i < source_->count(); ++i)
    for (const char c : source_->key(i) + '\n')
      hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return hash;
}

Json Loader::state() const {
  const Rng::State rng = rng_.state();
  return {{"epoch", epoch_},
          {"order", order_},
          {"position", position_},
          {"rng", {rng.seed, rng.stream, rng.counter}},
          {"source", source_mark()}};
}

void Loader::restore(const Json& state) {
  try {
    GSX_CHECK(
        state.at("source").get<uint64_t>() == source_mark(),
        "loader: the saved position is of other images; resume with the data folder as it was");
    const auto order = state.at("order").get<std::vector<size_t>>();
    const auto position = state.at("position").get<size_t>();
    const auto rng = state.at("rng").get<std::vector<uint64_t>>();
    std::vector<bool> seen(order_.size(), false);
    bool valid = order.size() == order_.size() && position <= order.size() && rng.size() == 3;
    for (const size_t i : order) {
      valid = valid && i < seen.size() && !seen[i];
      if (valid) seen[i] = true;
    }
    GSX_CHECK(valid, "loader: the saved position is damaged");
    ahead_.clear();
    epoch_ = state.at("epoch").get<int64_t>();
    order_ = order;
    position_ = position;
    rng_ = Rng(Rng::State{rng[0], rng[1], rng[2]});
  } catch (const Json::exception&) {
    fail("loader: the saved position is damaged");
  }
}

Image fit_square(const Image& image, int size) {
  const Image scaled =
      std::min(image.width, image.height) == size ? image : resize_short_side(image, size);
  return crop(scaled, (scaled.width - size) / 2, (scaled.height - size) / 2, size, size);
}

}  // namespace gsx
