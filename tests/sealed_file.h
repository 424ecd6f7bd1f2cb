// Files as gsx wrote them before there were checksums, made of today's.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>

namespace gsx {

// The same safetensors file without its checksum; the rest of the header as it is, padded anew.
inline std::string unsealed(const std::string& file) {
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  std::string header = file.substr(8, length);
  header.erase(header.find_last_not_of(' ') + 1);
  const size_t at = header.find("\"gsx_checksum\"");
  size_t end = header.find_first_of(",}", at);
  if (header[end] == ',') ++end;
  header.erase(at, end - at);
  const std::string nothing = "\"__metadata__\":{}";
  if (header.compare(1, nothing.size(), nothing) == 0)
    header.erase(1, nothing.size() + (header[1 + nothing.size()] == ','));
  while (header.size() % 8 != 0) header += ' ';
  const uint64_t now = header.size();
  std::string start(8, '\0');
  std::memcpy(start.data(), &now, 8);
  return start + header + file.substr(8 + length);
}

}  // namespace gsx
