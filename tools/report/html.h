// Pieces of HTML: whatever text goes into it, and files that go along with it.
#pragma once
#include <cstdint>
#include <span>
#include <string>

#include "engine/io/image.h"

namespace gsx::tools {

// Text as HTML shows it, in elements and in quoted attributes; bytes that are no UTF-8 and control
// characters become '?'.
std::string html(const std::string& text);
// The same for several lines, whose ends stay.
std::string html_lines(const std::string& text);

// "data:image/png;base64,..." of an image, `alpha` as encode_png takes it.
std::string data_uri(const Image&, const Image& alpha = {});

// Four significant digits, without an exponent where that is readable: "0.1234", "12.3", "51230".
std::string short_number(double);

}  // namespace gsx::tools
