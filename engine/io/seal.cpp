// Sealing files and looking whether seals hold; see seal.h.
#include "engine/io/seal.h"

#include <algorithm>
#include <cstring>
#include <vector>

namespace gsx::seal {

namespace {
constexpr uint64_t kStartAt = 8;  // behind the header's length
constexpr uint64_t kDigitsAt = kStartAt + kStart.size(), kDigitsEnd = kDigitsAt + kBlank.size();
}  // namespace

std::string Checksum::digits() const {
  std::string text(kBlank);
  for (size_t i = 0; i < text.size(); ++i)
    text[i] = "0123456789abcdef"[value_ >> (28 - 4 * i) & 15];
  return text;
}

bool is_sealed(const InputFile& file) {
  if (file.size() < kDigitsEnd) return false;
  const std::vector<uint8_t> start = file.read_at(kStartAt, kStart.size());
  return std::equal(start.begin(), start.end(), kStart.begin());
}

bool holds(const InputFile& file) {
  Checksum sum;
  std::vector<uint8_t> piece(1 << 20);
  std::string stored;
  for (uint64_t at = 0; at < file.size(); at += piece.size()) {
    const uint64_t n = std::min<uint64_t>(piece.size(), file.size() - at);
    file.read_at(at, piece.data(), n);
    if (at == 0) {
      stored.assign(piece.begin() + kDigitsAt, piece.begin() + kDigitsEnd);
      std::copy(kBlank.begin(), kBlank.end(), piece.begin() + kDigitsAt);
    }
    sum.add(piece.data(), n);
  }
  return stored == sum.digits();
}

}  // namespace gsx::seal
