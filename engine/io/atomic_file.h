// Files that are either wholly there or not there at all: whatever happens while writing (an error,
// a signal, a power cut), the name holds the old content or the new, never a part.
#pragma once
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>

namespace gsx {

// Collects the new content of `path` in the hidden file .NAME.tmp beside it; commit() makes it
// durable and gives it its name (fsync, rename, fsync of the folder) and the permissions of the
// file it replaces. A path that is a link is followed. Without commit nothing is left behind. A
// second writer of the same path is refused. The folder must exist. Calls that a signal interrupts
// are made again.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  void commit();

 private:
  std::filesystem::path path_, target_, temporary_;  // as given, where its links end
  int fd_ = -1;
};

// The folder that holds `path`.
std::filesystem::path folder_of(const std::filesystem::path& path);
// The file that writing to `path` makes or replaces: links are followed, to where nothing is too.
std::filesystem::path behind_links(const std::filesystem::path& path);

// Error, with `what` in front, when the path is, or leads through, a link to nothing.
void check_links(const std::string& what, const std::filesystem::path& path);

// Makes a folder and those above it that are missing. A power cut takes away none of them, nor a
// folder that was there.
std::error_code make_folders(const std::filesystem::path& folder);

// Makes durable what was written to a file so far; Error where that fails.
void sync_file(const std::filesystem::path& path);

void write_file_atomically(const std::filesystem::path& path, std::string_view content);

}  // namespace gsx
