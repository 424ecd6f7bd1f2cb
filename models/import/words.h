// Words that the readers of others' files share.
#pragma once
#include <string>

namespace gsx {

// A name out of a file as messages show it: not too long, no control characters.
inline std::string shown_name(std::string name) {
  if (name.size() > 100) name = name.substr(0, 97) + "...";
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return name;
}

inline std::string numbered(const std::string& word, int i) { return word + std::to_string(i); }

}  // namespace gsx
