// Writes PNG files by hand, right or wrong in any part.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

inline std::string be32(uint32_t v) {
  return {static_cast<char>(v >> 24), static_cast<char>(v >> 16), static_cast<char>(v >> 8),
          static_cast<char>(v)};
}

inline std::string chunk(const std::string& type, const std::string& data) {
  uint32_t c = ~0u;
  for (const char ch : type + data) {
    c ^= static_cast<uint8_t>(ch);
    for (int k = 0; k < 8; ++k) c = (c & 1) ? 0xedb88320u ^ (c >> 1) : c >> 1;
  }
  return be32(static_cast<uint32_t>(data.size())) + type + data + be32(~c);
}

// A PNG with this header and deflated pixel data; `extra` goes between them.
inline std::vector<uint8_t> png(uint32_t w, uint32_t h, int depth, int colour,
                                const std::string& idat, const std::string& extra = "") {
  const std::string head = be32(w) + be32(h) + static_cast<char>(depth) +
                           static_cast<char>(colour) + std::string(3, '\0');
  const std::string file =
      "\x89PNG\r\n\x1a\n" + chunk("IHDR", head) + extra + chunk("IDAT", idat) + chunk("IEND", "");
  return {file.begin(), file.end()};
}

// A zlib stream of stored blocks.
inline std::string stored(const std::string& raw) {
  uint32_t a = 1, b = 0;
  for (const char c : raw) {
    a = (a + static_cast<uint8_t>(c)) % 65521;
    b = (b + a) % 65521;
  }
  std::string s = "\x78\x01";
  for (size_t at = 0; at == 0 || at < raw.size(); at += 65'535) {
    const std::string block = raw.substr(at, 65'535);
    const auto n = static_cast<uint16_t>(block.size());
    s += at + 65'535 >= raw.size() ? '\1' : '\0';
    for (const int v : {n & 255, n >> 8, ~n & 255, (~n >> 8) & 255}) s += static_cast<char>(v);
    s += block;
  }
  return s + be32(b << 16 | a);
}
