// Checks over the file system's own names for files; see outputs.h.
#include "tools/outputs.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "engine/io/atomic_file.h"
#include "gs/train/run_folder.h"
#include "models/architectures.h"
#include "models/import/import.h"
#include "tools/command_line.h"

namespace gsx::tools {

namespace fs = std::filesystem;

bool FileSet::identify(const fs::path& path, Identity& identity) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return false;
  identity = {info.st_dev, info.st_ino};
  return true;
}

void FileSet::add(const fs::path& path) {
  Identity identity;
  if (identify(path, identity)) names_.try_emplace(identity, path);
}

fs::path FileSet::find(const fs::path& path) const {
  Identity identity;
  if (!identify(path, identity)) return {};
  const auto found = names_.find(identity);
  return found == names_.end() ? fs::path() : found->second;
}

void check_replaceable(const std::string& flag, const fs::path& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) {
    GSX_CHECK(errno == ENOENT || errno == ENOTDIR, flag, ": cannot write ", path.string(), ": ",
              std::strerror(errno));
    return;
  }
  GSX_CHECK(S_ISREG(info.st_mode), flag, ": cannot write ", path.string(),
            S_ISDIR(info.st_mode) ? ": a folder has this name" : ": it is no ordinary file");
  GSX_CHECK(access(path.c_str(), W_OK) == 0, flag, ": ", path.string(),
            " is there already and write-protected");
}

void check_writable(const std::string& flag, const fs::path& folder) {
  // Without a name, so that whoever is killed leaves nothing; some file systems cannot.
  const int nameless = open(folder.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
  if (nameless >= 0) {
    close(nameless);
    return;
  }
  std::string probe = (folder / ".gsx-XXXXXX").string();
  const int file = mkstemp(probe.data());
  GSX_CHECK(file >= 0, flag, ": no file can be made in ", folder.string(), ": ",
            std::strerror(errno));
  close(file);
  unlink(probe.c_str());
}

void check_suffix(const std::string& flag, const fs::path& path, const std::string& suffix) {
  std::string own = path.extension().string();
  std::transform(own.begin(), own.end(), own.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (own != suffix) throw Misuse(flag, "must name a " + suffix + " file, got " + path.string());
}

void make_output_folder(const std::string& flag, const fs::path& folder) {
  std::error_code ignored;
  const std::error_code error = make_folders(folder);
  GSX_CHECK(fs::is_directory(folder, ignored), flag, ": cannot make the folder ", folder.string(),
            ": ", error ? error.message() : "something else has this name");
  check_writable(flag, folder);
}

void add_model(FileSet& files, const std::string& spec) {
  if (spec.empty()) return;
  const fs::path file = model_path(spec);
  files.add(file);
  files.add(folder_of(file) / run_files::kDiscriminator);
  for (const fs::path& beside : files_beside(file)) files.add(beside);
}

void prepare_output_file(const std::string& flag, const fs::path& path, const std::string& model) {
  check_links(flag, path);
  const fs::path target = behind_links(path);
  FileSet inputs;
  add_model(inputs, model);
  GSX_CHECK(inputs.find(target).empty(), flag, ": ", path.string(),
            " is a file of the model and would be replaced; choose another name");
  check_replaceable(flag, target);
  std::error_code ignored;
  GSX_CHECK(fs::is_directory(folder_of(target), ignored), flag, ": ", path.string(),
            " cannot be written: there is no folder ", folder_of(target).string());
  check_writable(flag, folder_of(target));
}

}  // namespace gsx::tools
