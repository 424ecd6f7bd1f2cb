// Atomic writes over POSIX calls; see atomic_file.h.
#include "engine/io/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "engine/error.h"
#include "engine/io/seal.h"

namespace gsx {

namespace fs = std::filesystem;

namespace {

// Two writers of one path would share the temporary file. The lock keeps the second out; comparing
// the open file with the name catches a first writer that renamed it between our open and our lock.
bool lock_and_own(int fd, const fs::path& name) {
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) return false;
  struct stat open_file, named_file;
  return fstat(fd, &open_file) == 0 && lstat(name.c_str(), &named_file) == 0 &&
         open_file.st_ino == named_file.st_ino && open_file.st_dev == named_file.st_dev;
}

// A call that gives -1, made again when a signal interrupted it.
template <class Call>
int uninterrupted(const Call& call) {
  int result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

int open_file(const fs::path& path, int flags) {
  return uninterrupted([&] { return open(path.c_str(), flags | O_CLOEXEC, 0666); });
}

// Makes names in a folder durable: 0 or an errno. Some file systems refuse to sync a folder, and
// some folders may be written and not read; what is in the files is safe then too.
int sync_folder(const fs::path& folder) {
  const int fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  if (fd < 0) return errno == EACCES ? 0 : errno;
  const int error = uninterrupted([&] { return fsync(fd); }) == 0 ? 0 : errno;
  close(fd);
  return error == EINVAL || error == EBADF || error == ENOTSUP ? 0 : error;
}

// The longest names leave no room for more letters.
std::string temporary_name(const std::string& name) {
  constexpr size_t kLong = 100;
  if (name.size() <= kLong) return "." + name + ".tmp";
  seal::Checksum sum;
  sum.add(name.data(), name.size());
  return "." + sum.digits() + ".tmp";
}

constexpr int kBusy = -2;

// Makes the file `name` and locks it. What bears the name already is never opened for writing,
// since it may be a link that somebody put there: it is removed, unless another writer holds it
// (kBusy). Below 0, with errno, where no file can be made.
int create_locked(const fs::path& name) {
  for (int tries = 0; tries < 3; ++tries) {
    const int made = open_file(name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW);
    if (made >= 0) {
      if (lock_and_own(made, name)) return made;
      close(made);
      return kBusy;
    }
    if (errno != EEXIST) return -1;
    const int left = open_file(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const bool busy = left >= 0 && !lock_and_own(left, name);
    const bool removed = !busy && unlink(name.c_str()) == 0;
    const int why = errno;
    if (left >= 0) close(left);
    if (busy) return kBusy;
    errno = why;
    if (!removed && why != ENOENT) return -1;
  }
  return kBusy;
}

}  // namespace

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

fs::path behind_links(const fs::path& path) {
  constexpr int kMostLinks = 40;  // the kernel's own limit
  fs::path at = path;
  for (int i = 0; i <= kMostLinks; ++i) {
    std::error_code error;
    const fs::path to = fs::read_symlink(at, error);
    if (error) return at;
    at = at.parent_path() / to;  // an absolute `to` stands alone
  }
  fail("write ", path.string(), ": the link leads in circles");
}

namespace {

std::string lower_extension(const fs::path& path) {
  std::string text = path.extension().string();
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

void check_links(const std::string& what, const fs::path& path) {
  fs::path at;
  for (const fs::path& part : path) {
    at /= part;
    std::error_code ignored;
    if (!fs::is_symlink(fs::symlink_status(at, ignored))) continue;
    GSX_CHECK(fs::status(at, ignored).type() != fs::file_type::not_found, what, ": ", at.string(),
              " is a link to ", fs::read_symlink(at, ignored).string(),
              ", where nothing is; remove the link or choose another name");
  }
  // What is behind a link of another format would still have the old one's name.
  std::error_code ignored;
  const fs::path target = behind_links(path);
  GSX_CHECK(!fs::is_regular_file(target, ignored) || !target.has_extension() ||
                !path.has_extension() || lower_extension(target) == lower_extension(path),
            what, ": ", path.string(), " is a link to ", target.string(),
            ", whose name is that of another format; remove the link or choose another name");
}

AtomicFile::AtomicFile(fs::path path) : path_(std::move(path)), target_(behind_links(path_)) {
  GSX_CHECK(path_.has_filename(), "write ", path_.string(), ": expected the name of a file");
  std::error_code ignored;
  const fs::file_status status = fs::status(target_, ignored);
  GSX_CHECK(!fs::is_directory(status), "write ", path_.string(), ": a folder has this name");
  GSX_CHECK(!fs::exists(status) || fs::is_regular_file(status), "write ", path_.string(),
            ": what has this name is not a file");
  temporary_ = folder_of(target_) / temporary_name(target_.filename().string());
  fd_ = create_locked(temporary_);
  GSX_CHECK(fd_ != kBusy, "write ", path_.string(), ": another process is writing this file");
  GSX_CHECK(fd_ >= 0, "write ", path_.string(),
            ": cannot create a file there: ", std::strerror(errno));
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
  struct stat old;
  if (stat(target_.c_str(), &old) == 0) fchmod(fd_, old.st_mode & 0777);
  GSX_CHECK(uninterrupted([&] { return fsync(fd_); }) == 0, "write ", path_.string(), ": ",
            std::strerror(errno));
  GSX_CHECK(std::rename(temporary_.c_str(), target_.c_str()) == 0, "write ", path_.string(), ": ",
            std::strerror(errno));
  close(fd_);
  fd_ = -1;
  const int error = sync_folder(folder_of(target_));
  GSX_CHECK(error == 0, "write ", path_.string(),
            ": it is written, but a power cut may take it away: ", std::strerror(error));
}

std::error_code make_folders(const fs::path& folder) {
  std::error_code error, ignored;
  std::vector<fs::path> named = {folder};
  for (fs::path at = folder_of(folder); !fs::exists(at, ignored); at = folder_of(at))
    named.insert(named.begin(), at);
  fs::create_directories(folder, error);
  for (auto name = named.begin(); !error && name != named.end(); ++name)
    error.assign(sync_folder(folder_of(*name)), std::generic_category());
  return error;
}

void sync_file(const fs::path& path) {
  const int fd = open_file(path, O_RDONLY);
  const bool done = fd >= 0 && uninterrupted([&] { return fsync(fd); }) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  GSX_CHECK(done, "write ", path.string(), ": ", std::strerror(error));
}

void write_file_atomically(const fs::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content.data(), content.size());
  file.commit();
}

}  // namespace gsx
