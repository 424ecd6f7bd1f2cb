// Looks beside a teacher; see way_back.h.
#include "gs/way_back.h"

#include <filesystem>

namespace gsx {

bool has_way_back(const std::string& teacher) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(teacher).parent_path();
  std::error_code ignored;
  return fs::is_regular_file(teacher, ignored) &&
         fs::is_regular_file(folder / way_back::kGenerator, ignored) &&
         fs::is_regular_file(folder / way_back::kDiscriminator, ignored);
}

}  // namespace gsx
