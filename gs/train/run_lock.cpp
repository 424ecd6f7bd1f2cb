// The lock of a run folder over POSIX calls; see run_lock.h.
#include "gs/train/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include "engine/error.h"
#include "engine/io/atomic_file.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kMode = 0644;

// The process number that the holder of a lock wrote into it.
std::string holder(int fd) {
  char text[32] = {};
  const ssize_t n = pread(fd, text, sizeof text - 1, 0);
  return n > 0 ? "process " + std::string(text, static_cast<size_t>(n)) : "another process";
}

// Whether an open file still has its name: its last holder takes the name away.
bool is_named(int fd, const fs::path& name) {
  struct stat open_file, named_file;
  return fstat(fd, &open_file) == 0 && stat(name.c_str(), &named_file) == 0 &&
         open_file.st_ino == named_file.st_ino && open_file.st_dev == named_file.st_dev;
}

// Whether the file holds what locks hold: nothing, or a process number, in whose place a power cut
// may leave zeros.
bool is_a_lock(int fd) {
  char text[32];
  const ssize_t n = pread(fd, text, sizeof text, 0);
  return n >= 0 &&
         std::all_of(text, text + n, [](char c) { return c == 0 || (c >= '0' && c <= '9'); });
}

// Opens and locks the file under this name.
int locked(const fs::path& folder, const fs::path& name, const LockWords& words) {
  for (;;) {
    const int fd = open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, kMode);
    GSX_CHECK(fd >= 0, words.command, ": cannot write in the ", words.folder, " ", folder.string(),
              ": ", std::strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
      const bool ours = is_a_lock(fd);
      if (ours && is_named(fd, name)) return fd;
      close(fd);
      GSX_CHECK(ours, words.command, ": the ", words.folder, " ", folder.string(), " holds a file ",
                name.filename().string(), " that is no lock of gsx; choose another folder");
      continue;
    }
    const int error = errno;
    const std::string by = holder(fd);
    close(fd);
    GSX_CHECK(error == EWOULDBLOCK, words.command, ": cannot lock the ", words.folder, " ",
              folder.string(), ": ", std::strerror(error));
    fail(words.command, ": ", by, " is at work in the ", words.folder, " ", folder.string(),
         "; wait for it or stop it, or choose another folder");
  }
}

}  // namespace

RunLock::RunLock(fs::path folder, bool make, const LockWords& words)
    : folder_(std::move(folder)), file_(folder_ / ".lock") {
  check_links(words.command, folder_);
  std::error_code error;
  if (make) {
    for (fs::path at = folder_; !at.empty() && !fs::exists(at, error); at = at.parent_path())
      made_.insert(made_.begin(), at);
    error = make_folders(folder_);
  }
  GSX_CHECK(!error, words.command, ": cannot make the ", words.folder, " ", folder_.string(), ": ",
            error.message());
  GSX_CHECK(fs::is_directory(folder_, error), words.command, ": there is no ", words.folder, " ",
            folder_.string());
  fd_ = locked(folder_, file_, words);
  const std::string number = std::to_string(getpid());
  // A holder whose number is not known is still a holder.
  if (ftruncate(fd_, 0) == 0) [[maybe_unused]]
    const ssize_t written = pwrite(fd_, number.data(), number.size(), 0);
}

RunLock::~RunLock() {
  unlink(file_.c_str());
  close(fd_);
  std::error_code ignored;
  for (auto folder = made_.rbegin(); folder != made_.rend(); ++folder) fs::remove(*folder, ignored);
}

}  // namespace gsx
