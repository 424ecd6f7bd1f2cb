// Folders of pictures and the seeded loader; see dataset.h.
#include "engine/io/dataset.h"

#include <algorithm>
#include <numeric>

#include "engine/error.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

// Names of the picture files of a folder, sorted bytewise; empty when there is no such folder.
std::vector<fs::path> images_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code ignored;
    if (name[0] != '.' && is_image_name(name) && it->is_regular_file(ignored))
      files.push_back(it->path());
  }
  GSX_CHECK(!error || !fs::exists(folder), "data: cannot read the folder ", folder.string(), ": ",
            error.message());
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return a.filename().string() < b.filename().string();
  });
  return files;
}

class FolderSource : public ImageSource {
 public:
  FolderSource(std::vector<fs::path> files, const ReadOptions& options)
      : files_(std::move(files)), options_(options) {}
  size_t count() const override { return files_.size(); }
  std::string key(size_t i) const override { return files_.at(i).filename().string(); }
  Image load(size_t i) const override { return read_image(files_.at(i), options_); }

 private:
  std::vector<fs::path> files_;
  ReadOptions options_;
};

}  // namespace

std::vector<fs::path> list_images(const fs::path& folder) {
  std::error_code ignored;
  GSX_CHECK(fs::is_directory(folder, ignored), "data: there is no folder ", folder.string());
  std::vector<fs::path> files = images_in(folder);
  GSX_CHECK(!files.empty(), "data: no pictures in ", folder.string(),
            "; looked for *.jpg, *.jpeg, *.png and *.ppm");
  return files;
}

DataLayout find_layout(const fs::path& folder) {
  std::error_code ignored;
  GSX_CHECK(fs::is_directory(folder, ignored), "data: there is no folder ", folder.string());
  DataLayout layout;
  const auto part = [&](const char* name) {
    const fs::path path = folder / name;
    return fs::is_directory(path, ignored) ? path : fs::path();
  };
  layout.train_a = part("trainA");
  if (!layout.train_a.empty()) {
    layout.train_b = part("trainB");
    layout.test_a = part("testA");
    layout.test_b = part("testB");
    return layout;
  }
  GSX_CHECK(!images_in(folder).empty(), "data: nothing to train on in ", folder.string(),
            "; looked for subfolders trainA (and trainB, testA, testB) and for *.jpg, *.jpeg, "
            "*.png and *.ppm in it");
  layout.train_a = folder;
  return layout;
}

std::string naming(const std::string& picture, const Error& error) {
  const std::string what = error.what();
  return what.find(picture) == std::string::npos ? picture + ": " + what : what;
}

std::shared_ptr<const ImageSource> folder_source(const fs::path& folder,
                                                 const ReadOptions& options) {
  return std::make_shared<FolderSource>(list_images(folder), options);
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
            "loader: expected a source with pictures, got an empty one");
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

// The picture, scaled, from the cache where it fits. The reference holds until the next call.
const Image& Loader::scaled(size_t index) {
  const auto found = cache_.find(index);
  if (found != cache_.end()) return found->second;
  Image image = source_->load(index);
  const int side = std::min(image.width, image.height);
  const int wanted = options_.load_size ? options_.load_size : std::max(side, options_.size);
  if (side != wanted) image = resize_short_side(image, wanted);
  if (cached_bytes_ + image.rgb.size() > options_.cache_bytes) return uncached_ = std::move(image);
  cached_bytes_ += image.rgb.size();
  return cache_[index] = std::move(image);
}

size_t Loader::draw() {
  for (;;) {
    if (position_ == order_.size()) {
      ++epoch_;
      position_ = 0;
      shuffle();
    }
    const size_t index = order_[position_++];
    if (bad_.count(index)) continue;
    try {
      scaled(index);
      return index;
    } catch (const Error& error) {
      bad_.insert(index);
      const std::string what = naming(source_->key(index), error);
      if (warning_) warning_(what + "; skipped");
      GSX_CHECK(bad_.size() < order_.size(), "data: none of the ", order_.size(),
                " pictures can be read; the last one: ", what);
    }
  }
}

Batch Loader::next(const ContextPtr& context) {
  Batch batch;
  std::vector<Image> images;
  for (int n = 0; n < options_.batch; ++n) {
    const size_t index = draw();
    const Image& image = scaled(index);
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

nlohmann::json Loader::state() const {
  const Rng::State rng = rng_.state();
  return {{"epoch", epoch_},
          {"position", position_},
          {"order", order_},
          {"rng", {rng.seed, rng.stream, rng.counter}},
          {"source", source_mark()}};
}

void Loader::restore(const nlohmann::json& state) {
  try {
    GSX_CHECK(
        state.at("source").get<uint64_t>() == source_mark(),
        "loader: the saved position is of other pictures; resume with the data folder as it was");
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
    epoch_ = state.at("epoch").get<int64_t>();
    order_ = order;
    position_ = position;
    rng_ = Rng(Rng::State{rng[0], rng[1], rng[2]});
  } catch (const nlohmann::json::exception&) {
    fail("loader: the saved position is damaged");
  }
}

Image fit_square(const Image& image, int size) {
  const Image scaled =
      std::min(image.width, image.height) == size ? image : resize_short_side(image, size);
  return crop(scaled, (scaled.width - size) / 2, (scaled.height - size) / 2, size, size);
}

}  // namespace gsx
