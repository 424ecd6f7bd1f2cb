// Escaping and embedding; see html.h.
#include "tools/report/html.h"

#include <cmath>
#include <cstdio>

#include "tools/text.h"

namespace gsx::tools {

namespace {

std::string base64(std::span<const uint8_t> bytes) {
  constexpr const char* kDigits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = bytes.size() - i;
    const uint32_t three = uint32_t{bytes[i]} << 16 | (left > 1 ? uint32_t{bytes[i + 1]} << 8 : 0) |
                           (left > 2 ? uint32_t{bytes[i + 2]} : 0);
    out += kDigits[three >> 18];
    out += kDigits[three >> 12 & 63];
    out += left > 1 ? kDigits[three >> 6 & 63] : '=';
    out += left > 2 ? kDigits[three & 63] : '=';
  }
  return out;
}

}  // namespace

std::string html(const std::string& text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      case '\'': out += "&#39;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string html_lines(const std::string& text) {
  std::string out;
  for (size_t at = 0;;) {
    const size_t end = text.find('\n', at);
    out += html(text.substr(at, end - at));
    if (end == std::string::npos) return out;
    out += "&#10;";
    at = end + 1;
  }
}

std::string data_uri(const Image& image, const Image& alpha) {
  return "data:image/png;base64," + base64(encode_png(image, alpha));
}

std::string short_number(double value) {
  char text[32];
  const double size = std::fabs(value);
  if (size >= 1000 && size < 1e6) {
    std::snprintf(text, sizeof text, "%.0f", value);
  } else {
    std::snprintf(text, sizeof text, "%.4g", value);
  }
  return text;
}

}  // namespace gsx::tools
