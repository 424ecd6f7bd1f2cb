// Heads of image files, counted; see image_sides.h.
#include "gs/train/image_sides.h"

#include <algorithm>
#include <set>

namespace gsx {

std::string small_images_text(const ImageSource& source, const std::string& place, int side) {
  constexpr size_t kMost = 10'000;
  const size_t count = source.count(), looked = std::min(count, kMost);
  size_t small = 0;
  std::string first;
  for (size_t n = 0; n < looked; ++n) {
    const size_t i = n * count / looked;
    const auto sides = source.sides(i);
    if (!sides || std::min(sides->width, sides->height) >= side) continue;
    if (++small == 1) first = source.key(i);
  }
  if (small == 0) return "";
  return std::to_string(small) + " of " + std::to_string(looked) + " training images in " + place +
         (looked < count ? " that were looked at" : "") + " have a side below " +
         std::to_string(side) + " pixels and are enlarged, the first is " + first;
}

std::string folders_text(const ImageFolder& found) {
  std::set<std::string> folders;
  for (const auto& image : found.images) folders.insert(image.parent_path().string());
  if (folders.size() < 2) return "";
  return found.path.string() + ": " + std::to_string(found.images.size()) + " images in " +
         std::to_string(folders.size()) + " folders";
}

}  // namespace gsx
