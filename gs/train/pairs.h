// Images of two domains that belong together: which do, and how they are cut alike.
#pragma once
#include <optional>

#include "engine/io/dataset.h"

namespace gsx {

// Folders of images that hold both halves of a pair side by side, A on the left: `train` and, where
// there are such, `test` or `val` (else empty), as pix2pix has its data.
struct SideBySide {
  std::filesystem::path train, test;
};
// Nullopt where the folder has no `train`, or has a trainA or testA besides.
std::optional<SideBySide> find_side_by_side(const std::filesystem::path& folder);

enum class Half : uint8_t { left, right };
// One half of each image. Loading an image that is not twice as wide as high is an Error.
std::shared_ptr<const ImageSource> half_source(const std::filesystem::path& folder, Half,
                                               const ReadOptions&);

// Numbers of images in `b` for those in `a` whose names are equal but for the ending, whatever
// their order; an equal ending is preferred, then an equal folder.
std::vector<std::optional<size_t>> partners_by_name(const ImageSource& a, const ImageSource& b);

// An image cut as another was: scaled to the same size first, whatever its own is.
Image scaled_alike(Image, const Augmentation&);
Image cut_alike(const Image&, const Augmentation&, int size);

// The partners of a source's images, by those images' numbers: decoded once and kept, scaled, as
// long as there is room, and loaded ahead.
class Partners {
 public:
  Partners(const ImageSource& images, std::shared_ptr<const ImageSource> partners);
  size_t count() const { return partner_.size(); }  // images, with a partner or without
  bool has(size_t image) const { return partner_.at(image).has_value(); }
  void want(size_t image);  // its turn comes soon
  // An image's partner, cut as the image was. Error when there is none that can be read.
  Image cut(const Sample& image, int size);

 private:
  std::shared_ptr<const ImageSource> source_;
  std::vector<std::optional<size_t>> partner_;
  std::map<size_t, Image> cache_;
  uint64_t cached_bytes_ = 0;
  ReadAhead ahead_;
};

}  // namespace gsx
