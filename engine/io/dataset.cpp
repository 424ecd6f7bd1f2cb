// Folders of images and the seeded loader; see dataset.h.
#include "engine/io/dataset.h"

#include <sys/stat.h>

#include <algorithm>
#include <numeric>
#include <unordered_map>

#include "engine/error.h"
#include "engine/io/image_head.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

// Images of a folder or list. One that is another file than when it was first read is refused: what
// a run makes of its images must not depend on when it reads them.
class FileSource : public ImageSource {
 public:
  FileSource(ImageFolder found, const ReadOptions& options)
      : found_(std::move(found)), options_(options) {}
  size_t count() const override { return found_.images.size(); }
  std::string key(size_t i) const override { return found_.keys.at(i); }
  Image load(size_t i) const override {
    check_unchanged(i);
    return read_image(found_.images.at(i), options_);
  }
  std::optional<ImageSides> sides(size_t i) const override {
    const auto head = image_head(found_.images.at(i));
    if (!head) return {};
    return ImageSides{head->width, head->height};
  }

 private:
  struct Stamp {
    off_t bytes;
    int64_t seconds, nanoseconds;
    bool operator==(const Stamp&) const = default;
  };
  void check_unchanged(size_t i) const {
    struct stat info;
    if (stat(found_.images.at(i).c_str(), &info) != 0) return;  // told by whoever opens it
    const Stamp now{info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec};
    const std::lock_guard lock(mutex_);
    GSX_CHECK(stamps_.emplace(i, now).first->second == now, "image: ", found_.images.at(i).string(),
              " has changed since it was first read");
  }

  ImageFolder found_;
  ReadOptions options_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<size_t, Stamp> stamps_;  // of those read
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
  ImageFolder found = open_images(folder);
  if (found.images.empty()) list_images(folder);  // says what was looked for
  return std::make_shared<FileSource>(std::move(found), options);
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
  GSX_CHECK(
      options_.batch > 0 && options_.size >= 0 && options_.load_size >= 0 && options_.ahead >= 0,
      "loader: batch, size, load_size and ahead must not be negative, and batch not 0");
  GSX_CHECK(options_.load_size == 0 || options_.load_size >= options_.size, "loader: load_size ",
            options_.load_size, " must not be below size ", options_.size);
  order_.resize(source_->count());
  read_anew();
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
  Image image = ahead_->take(index);
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

// Wants what comes next, as far as this epoch goes: the next one's order is not known yet.
void Loader::load_ahead() {
  for (const size_t index : upcoming())
    if (!cache_.count(index)) ahead_->want(index);
}

std::vector<size_t> Loader::upcoming() const {
  const size_t end = std::min(order_.size(), position_ + static_cast<size_t>(options_.ahead));
  std::vector<size_t> indices;
  for (size_t i = position_; i < end; ++i)
    if (!bad_.count(order_[i])) indices.push_back(order_[i]);
  return indices;
}

void Loader::read_anew() {
  ahead_ = std::make_unique<ReadAhead>(
      [source = source_, options = options_](size_t i) { return load_scaled(*source, options, i); },
      options_.ahead_bytes);
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
    read_anew();
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
