// Atomic writes over POSIX calls; see atomic_file.h.
#include "engine/io/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "engine/error.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

// Two writers of one path would share the temporary file. The lock keeps the second out; comparing
// the open file with the name catches a first writer that renamed it between our open and our lock.
bool lock_and_own(int fd, const fs::path& name) {
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) return false;
  struct stat open_file, named_file;
  return fstat(fd, &open_file) == 0 && stat(name.c_str(), &named_file) == 0 &&
         open_file.st_ino == named_file.st_ino && open_file.st_dev == named_file.st_dev;
}

// Makes the rename itself durable. Some file systems refuse to sync a folder; the content is safe
// then too.
void sync_folder(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

}  // namespace

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)) {
  GSX_CHECK(path_.has_filename(), "write ", path_.string(), ": expected the name of a file");
  std::error_code ignored;
  GSX_CHECK(!fs::is_directory(path_, ignored), "write ", path_.string(),
            ": a folder has this name");
  temporary_ = folder_of(path_) / ("." + path_.filename().string() + ".tmp");
  fd_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  GSX_CHECK(fd_ >= 0, "write ", path_.string(),
            ": cannot create a file there: ", std::strerror(errno));
  if (!lock_and_own(fd_, temporary_)) {
    close(fd_);
    fd_ = -1;
    fail("write ", path_.string(), ": another process is writing this file");
  }
  if (ftruncate(fd_, 0) != 0) fail("write ", path_.string(), ": ", std::strerror(errno));
}

AtomicFile::~AtomicFile() {
  if (fd_ < 0) return;
  unlink(temporary_.c_str());
  close(fd_);
}

void AtomicFile::write(const void* data, size_t bytes) {
  GSX_CHECK(fd_ >= 0, "write ", path_.string(), ": the file has been committed already");
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = ::write(fd_, at, std::min<size_t>(bytes, 1 << 30));
    if (n < 0 && errno == EINTR) continue;
    GSX_CHECK(n > 0, "write ", path_.string(), ": ", std::strerror(errno));
    at += n;
    bytes -= static_cast<size_t>(n);
  }
}

void AtomicFile::commit() {
  GSX_CHECK(fd_ >= 0, "write ", path_.string(), ": the file has been committed already");
  GSX_CHECK(fsync(fd_) == 0, "write ", path_.string(), ": ", std::strerror(errno));
  GSX_CHECK(std::rename(temporary_.c_str(), path_.c_str()) == 0, "write ", path_.string(), ": ",
            std::strerror(errno));
  close(fd_);
  fd_ = -1;
  sync_folder(folder_of(path_));
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content.data(), content.size());
  file.commit();
}

}  // namespace gsx
