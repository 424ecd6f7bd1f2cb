// Pairs of images; see pairs.h.
#include "gs/train/pairs.h"

#include "engine/error.h"
#include "engine/io/image_folder.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

class HalfSource : public ImageSource {
 public:
  HalfSource(std::shared_ptr<const ImageSource> whole, Half half)
      : whole_(std::move(whole)), half_(half) {}
  size_t count() const override { return whole_->count(); }
  std::string key(size_t i) const override { return whole_->key(i); }
  Image load(size_t i) const override {
    const Image both = whole_->load(i);
    GSX_CHECK(both.width == 2 * both.height, "pairs: ", whole_->key(i),
              " must hold two squares side by side, got ", both.width, " x ", both.height,
              "; give other pairs in folders trainA and trainB, by equal names");
    const int side = both.height;
    return crop(both, half_ == Half::left ? 0 : side, 0, side, side);
  }
  std::optional<ImageSides> sides(size_t i) const override {
    const auto both = whole_->sides(i);
    return both ? std::optional(ImageSides{both->height, both->height}) : std::nullopt;
  }

 private:
  std::shared_ptr<const ImageSource> whole_;
  Half half_;
};

std::string without_ending(const std::string& key) {
  return fs::path(key).replace_extension().string();
}

std::string stem_of(const std::string& key) { return fs::path(key).stem().string(); }

}  // namespace

std::optional<SideBySide> find_side_by_side(const fs::path& folder) {
  const auto part = [&](const char* name) {
    std::error_code ignored;
    const fs::path path = folder / name;
    return fs::is_directory(path, ignored) ? path : fs::path();
  };
  if (part("train").empty() || !part("trainA").empty() || !part("testA").empty()) return {};
  if (has_classes(part("train"))) return {};  // images of a kind each, not pairs
  return SideBySide{part("train"), part("test").empty() ? part("val") : part("test")};
}

std::shared_ptr<const ImageSource> half_source(const fs::path& folder, Half half,
                                               const ReadOptions& options) {
  return std::make_shared<HalfSource>(folder_source(folder, options), half);
}

std::vector<std::optional<size_t>> partners_by_name(const ImageSource& a, const ImageSource& b) {
  std::map<std::string, size_t> by_key, by_place, by_stem;
  for (size_t i = b.count(); i-- > 0;) {
    by_key[b.key(i)] = i;
    by_place[without_ending(b.key(i))] = i;
    by_stem[stem_of(b.key(i))] = i;
  }
  std::vector<std::optional<size_t>> partners(a.count());
  for (size_t i = 0; i < a.count(); ++i) {
    const std::string key = a.key(i);
    const std::pair<const std::map<std::string, size_t>&, std::string> ways[] = {
        {by_key, key}, {by_place, without_ending(key)}, {by_stem, stem_of(key)}};
    for (const auto& [names, name] : ways) {
      if (partners[i]) break;
      if (const auto found = names.find(name); found != names.end()) partners[i] = found->second;
    }
  }
  return partners;
}

Image scaled_alike(Image image, const Augmentation& a) {
  const bool fits = image.width == a.width && image.height == a.height;
  return fits ? std::move(image) : resize(image, a.width, a.height);
}

Image cut_alike(const Image& image, const Augmentation& a, int size) {
  const bool fits = image.width == a.width && image.height == a.height;
  const Image cut = crop(fits ? image : resize(image, a.width, a.height), a.x, a.y, size, size);
  return a.flip ? mirror(cut) : cut;
}

Partners::Partners(const ImageSource& images, std::shared_ptr<const ImageSource> partners)
    : source_(std::move(partners)),
      partner_(partners_by_name(images, *source_)),
      ahead_([this](size_t image) { return source_->load(*partner_.at(image)); },
             LoaderOptions().ahead_bytes) {}

void Partners::want(size_t image) {
  if (has(image) && !cache_.count(image)) ahead_.want(image);
}

Image Partners::cut(const Sample& image, int size) {
  GSX_CHECK(has(image.index), "pairs: ", image.key, " has no partner");
  if (const auto kept = cache_.find(image.index); kept != cache_.end())
    return cut_alike(kept->second, image.augmentation, size);
  Image scaled = scaled_alike(ahead_.take(image.index), image.augmentation);
  Image cut = cut_alike(scaled, image.augmentation, size);
  if (cached_bytes_ + scaled.rgb.size() <= LoaderOptions().cache_bytes) {
    cached_bytes_ += scaled.rgb.size();
    cache_[image.index] = std::move(scaled);
  }
  return cut;
}

}  // namespace gsx
