// Finds the test data; see data.h.
#include "tests/data.h"

#include <cstdlib>
#include <stdexcept>

namespace fs = std::filesystem;

std::optional<fs::path> data_dir() {
  const char* named = std::getenv("GSX_DATA");
  const fs::path dir =
      named && *named ? fs::path(named) : fs::path(GSX_SOURCE_DIR) / "../shared/data";
  std::error_code ignored;
  if (!fs::is_directory(dir, ignored)) return std::nullopt;
  return dir;
}

fs::path require_data() {
  const auto dir = data_dir();
  if (!dir)
    throw std::runtime_error("test data: no folder ../shared/data, and GSX_DATA does not name one");
  return *dir;
}
