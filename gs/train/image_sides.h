// What can be told of the sizes of a run's images before it decodes them.
#pragma once
#include "engine/io/dataset.h"

namespace gsx {

// "12 of 400 training images in PLACE have a side below 128 pixels and are enlarged, the first is
// a.jpg"; empty when there are none. Of very many images some are looked at.
std::string small_images_text(const ImageSource&, const std::string& place, int side);

// "photos: 120 images in 7 folders"; empty when they lie in one.
std::string folders_text(const ImageFolder&);

}  // namespace gsx
