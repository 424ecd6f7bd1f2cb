// Which files of a folder gsx export wrote: it replaces those alone, and only as long as nobody has
// changed them.
#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace gsx::tools {

// Names of files in a folder.
using FileNames = std::vector<std::string>;
// Their contents, by name.
using FileContents = std::vector<std::pair<std::string, std::string>>;

// The file in such a folder that says which they are.
inline constexpr const char* kExportRecord = ".gsx-export";

// Error naming `flag` where one of these files is there and is not as the folder's record says.
void check_exported(const std::string& flag, const std::filesystem::path& folder, const FileNames&);

// Writes files into a folder and takes them into its record: before the first is written as well,
// so that those of an export that was cut off are known, and may be replaced.
void write_exported(const std::filesystem::path& folder, const FileContents&);

}  // namespace gsx::tools
