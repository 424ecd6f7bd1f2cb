// Words that the reader and the writer of safetensors files share. Internal to engine/io.
#pragma once
#include <sstream>
#include <string>

#include "engine/io/file_dtype.h"

namespace gsx::safetensors {

inline constexpr uint64_t kMaxHeader = 100'000'000;  // the reference implementation's own limit
inline constexpr const char* kMetadataKey = "__metadata__";

inline std::string name_of(FileDType t) {
  std::ostringstream out;
  out << t;
  return out.str();
}

// Names in messages come from the file: cut long ones, and keep control characters off terminals.
inline std::string shown(std::string name) {
  if (name.size() > 80) name = name.substr(0, 77) + "...";
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return "'" + name + "'";
}

}  // namespace gsx::safetensors
