// Names of files may hold any bytes, TOML and JSON only UTF-8: how the ones go through the others.
#pragma once
#include <cstddef>
#include <string>

namespace gsx {

// Bytes of the well-formed character in UTF-8 that starts at text[at]; 0: none does.
size_t character_at(const std::string& text, size_t at);

// Each byte 0x80 + n that is not part of a character becomes the character U+F780 + n of the
// private use area; those characters themselves go byte by byte. Text in UTF-8 stays as it is.
std::string to_utf8(const std::string& bytes);
// The bytes that to_utf8 made this of.
std::string from_utf8(const std::string& text);

}  // namespace gsx
