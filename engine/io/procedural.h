// The built-in unpaired data: brown animals (domain A) and striped ones (domain B) on meadows. Made
// up from a seed, so there is always something to train on, and the place of each animal is known.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/io/dataset.h"

namespace gsx {

// A, B; and the plain images once more with striped animals, as partners of theirs.
enum class ProceduralDomain : uint8_t { plain, striped, twin };

struct ProceduralImage {
  Image image;
  std::vector<uint8_t> mask;  // height x width: 255 on the animal, 0 elsewhere
};

// Image `index` of a domain, size x size (at least 16), equal for equal arguments. Pose, size,
// place, colours, light and background vary with the index.
ProceduralImage procedural_image(ProceduralDomain, uint64_t index, int size, uint64_t seed);

// Images first .. first + count - 1, with keys such as A_0012, which twins share. Images beyond
// those trained on are new ones, for testing.
std::shared_ptr<const ImageSource> procedural_source(ProceduralDomain, size_t count, int size,
                                                     uint64_t seed, size_t first = 0);

// How strongly the inside of the masked animal is striped: mean square of the luminance in the band
// of stripe widths, outline left out, in units that give striped images about 1 and plain ones
// about 0. The mask has one byte per pixel; an animal too thin to have an inside gives 0.
double stripe_energy(const Image&, std::span<const uint8_t> mask);

}  // namespace gsx
