// What a file is by its bytes, whatever it is called: for telling users what they gave where
// something else was expected.
#pragma once
#include <optional>
#include <string_view>

#include "engine/io/input_file.h"

namespace gsx {

struct FileKind {
  std::string_view what;    // "a PNG image"
  std::string_view remedy;  // what to do to have a model, as an imperative
};

// The kind of a file that is not a safetensors file; nothing for bytes nobody knows.
std::optional<FileKind> foreign_kind(const InputFile&);

}  // namespace gsx
