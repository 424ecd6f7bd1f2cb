// The record of a folder's exported files, a digest of each; see exported.h.
#include "tools/exported.h"

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/json.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

// Digests by the files' names, several of a file while it is being replaced; none where there is no
// record that can be read.
Json record_in(const fs::path& folder) {
  const Json record = Json::parse_or_null(text_in(folder / kExportRecord));
  return record.is_object() ? record : Json::object();
}

void save_record(const fs::path& folder, const Json& record) {
  write_file_atomically(folder / kExportRecord, record.dump(2) + "\n");
}

Json digests_of(const Json& record, const std::string& name) {
  Json all = Json::array();
  if (!record.contains(name)) return all;
  if (record.at(name).is_array()) return record.at(name);
  all.push_back(record.at(name));
  return all;
}

}  // namespace

void check_exported(const std::string& flag, const fs::path& folder, const FileNames& files) {
  const Json record = record_in(folder);
  for (const std::string& name : files) {
    const fs::path file = folder / name;
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(file, ignored))) continue;
    const Json now(digest(text_in(file)));
    bool ours = false;
    for (const Json& known : digests_of(record, name)) ours = ours || known == now;
    GSX_CHECK(ours, flag, ": ", file.string(),
              " is there, not as gsx export writes it, and would be replaced; choose another "
              "folder");
  }
}

void write_exported(const fs::path& folder, const FileContents& files) {
  Json record = record_in(folder), both = record;
  for (const auto& [name, content] : files) {
    both[name] = digests_of(record, name);
    both[name].push_back(digest(content));
    record[name] = digest(content);
  }
  save_record(folder, both);
  for (const auto& [name, content] : files) write_file_atomically(folder / name, content);
  save_record(folder, record);
}

}  // namespace gsx::tools
