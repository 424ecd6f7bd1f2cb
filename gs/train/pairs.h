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
// their order; an equal ending is preferred.
std::vector<std::optional<size_t>> partners_by_name(const ImageSource& a, const ImageSource& b);

// An image cut as another was: scaled to the same size first, whatever its own is.
Image cut_alike(const Image&, const Augmentation&, int size);

}  // namespace gsx
