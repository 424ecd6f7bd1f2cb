// Where results go: what a command will write is checked before it works, so that nothing of the
// user's is replaced and nothing fails when hours are spent.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <utility>

namespace gsx::tools {

// Files by what they are, not by name: whatever path, link or letter case leads to them.
class FileSet {
 public:
  void add(const std::filesystem::path&);  // what does not exist is no file
  // The name by which the same file was added; empty: it was not.
  std::filesystem::path find(const std::filesystem::path&) const;

 private:
  using Identity = std::pair<uint64_t, uint64_t>;  // device and number on it
  static bool identify(const std::filesystem::path&, Identity&);
  std::map<Identity, std::filesystem::path> names_;
};

// Error, naming `flag`, unless a file can stand at `path` (behind links) as far as what is there
// tells: nothing, or a file that may be written.
void check_replaceable(const std::string& flag, const std::filesystem::path& path);

// Misuse naming `flag` unless the name ends in this suffix, in any case: whoever mistypes a name
// then replaces no file of another kind.
void check_suffix(const std::string& flag, const std::filesystem::path&, const std::string& suffix);

// Tries whether files can be made in a folder; Error naming `flag`.
void check_writable(const std::string& flag, const std::filesystem::path& folder);
// The same for a folder that is made, with its parents, where it is not there.
void make_output_folder(const std::string& flag, const std::filesystem::path& folder);

// Everything that a model's name leads to: its file, those that hold values of it, and the
// discriminator beside it.
void add_model(FileSet&, const std::string& spec);

// Checks one result file of a command that reads `model`; its folder must be there.
void prepare_output_file(const std::string& flag, const std::filesystem::path&,
                         const std::string& model);

}  // namespace gsx::tools
