// Settings in TOML files, under the names of the flags: read before a run, written beside it.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "tools/command_line.h"

namespace gsx::tools {

// Gives the command the settings of a file `flag-name = value`. Flags on the command line win. An
// unknown name or a bad value is a Misuse that names the file. Answers whether gsx 0.1.0 wrote it,
// whose files also held settings that had no effect.
bool read_config_file(const Command& command, const std::string& path);

// The settings that were given, as such a file of a run in `folder`, an absolute path: names of
// files in it are written from there, and so read back. Flags named in `without` are left out, and
// those in `instead` have its values.
std::string config_text(const Command& command, const std::filesystem::path& folder,
                        const std::vector<std::string>& without,
                        const std::map<std::string, std::string>& instead = {});

// The flags given on the command line or by a file that are not in `allowed`, as "--name".
std::vector<std::string> given_beside(const Command& command,
                                      const std::vector<std::string>& allowed);

}  // namespace gsx::tools
