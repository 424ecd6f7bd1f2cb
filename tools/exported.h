// Which files of a folder gsx export wrote: it replaces those alone, and only as long as nobody has
// changed them.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace gsx::tools {

// Names of files in a folder.
using FileNames = std::vector<std::string>;

// Error naming `flag` where one of these files is there and is not as the folder's record says.
void check_exported(const std::string& flag, const std::filesystem::path& folder, const FileNames&);

// Takes these files, as they are now, into the folder's record, the file .gsx-export.
void record_exported(const std::filesystem::path& folder, const FileNames&);

}  // namespace gsx::tools
