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

 private:
  std::shared_ptr<const ImageSource> whole_;
  Half half_;
};

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
  std::map<std::string, size_t> by_key, by_stem;
  for (size_t i = b.count(); i-- > 0;) {
    by_key[b.key(i)] = i;
    by_stem[stem_of(b.key(i))] = i;
  }
  std::vector<std::optional<size_t>> partners(a.count());
  for (size_t i = 0; i < a.count(); ++i) {
    if (const auto same = by_key.find(a.key(i)); same != by_key.end()) partners[i] = same->second;
    else if (const auto like = by_stem.find(stem_of(a.key(i))); like != by_stem.end())
      partners[i] = like->second;
  }
  return partners;
}

Image cut_alike(const Image& image, const Augmentation& a, int size) {
  const bool fits = image.width == a.width && image.height == a.height;
  const Image cut = crop(fits ? image : resize(image, a.width, a.height), a.x, a.y, size, size);
  return a.flip ? mirror(cut) : cut;
}

}  // namespace gsx
