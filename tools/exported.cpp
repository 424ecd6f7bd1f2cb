// The record of a folder's exported files, a digest of each; see exported.h.
#include "tools/exported.h"

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/json.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

constexpr const char* kRecord = ".gsx-export";

// Digests by the files' names; none where there is no record that can be read.
Json record_in(const fs::path& folder) {
  const Json record = Json::parse_or_null(text_in(folder / kRecord));
  return record.is_object() ? record : Json::object();
}

}  // namespace

void check_exported(const std::string& flag, const fs::path& folder, const FileNames& files) {
  const Json record = record_in(folder);
  for (const std::string& name : files) {
    const fs::path file = folder / name;
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(file, ignored))) continue;
    const bool ours = record.contains(name) && record.at(name).is_string() &&
                      record.at(name).get<std::string>() == digest(text_in(file));
    GSX_CHECK(ours, flag, ": ", file.string(),
              " is there, not as gsx export writes it, and would be replaced; choose another "
              "folder");
  }
}

void record_exported(const fs::path& folder, const FileNames& files) {
  Json record = record_in(folder);
  for (const std::string& name : files) record[name] = digest(text_in(folder / name));
  write_file_atomically(folder / kRecord, record.dump(2) + "\n");
}

}  // namespace gsx::tools
