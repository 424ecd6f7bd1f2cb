// What a model card says of images and of running the files, for each form.
#pragma once
#include <string>

#include "tools/model_card.h"

namespace gsx::tools {

// Whether one image goes in, and one comes out.
bool takes_one_image(const CardFacts&);
std::string library_of(const std::string& format);  // the Hub's library_name
std::string images_text(const CardFacts&);
std::string usage_text(const CardFacts&);

}  // namespace gsx::tools
