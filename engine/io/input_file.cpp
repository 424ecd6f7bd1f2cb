// Checked reads over POSIX calls; see input_file.h.
#include "engine/io/input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "engine/error.h"

namespace gsx {

InputFile::InputFile(const std::filesystem::path& path) : path_(path) {
  do {
    fd_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // never wait for a pipe's writer
  } while (fd_ < 0 && errno == EINTR);
  GSX_CHECK(fd_ >= 0, "read ", path.string(), ": ", std::strerror(errno));
  struct stat info;
  const bool regular = fstat(fd_, &info) == 0 && S_ISREG(info.st_mode);
  if (!regular) {
    close(fd_);
    fail("read ", path.string(), ": expected a file, found ",
         S_ISDIR(info.st_mode) ? "a folder" : "something else");
  }
  size_ = static_cast<uint64_t>(info.st_size);
}

InputFile::InputFile(std::span<const uint8_t> content, const std::filesystem::path& name)
    : path_(name), content_(content.data()), size_(content.size()) {}

InputFile::~InputFile() {
  if (fd_ >= 0) close(fd_);
}

InputFile::InputFile(InputFile&& other) noexcept
    : path_(std::move(other.path_)),
      fd_(std::exchange(other.fd_, -1)),
      content_(other.content_),
      size_(other.size_) {}

void InputFile::read_at(uint64_t offset, void* to, uint64_t bytes) const {
  GSX_CHECK(offset <= size_ && bytes <= size_ - offset, "read ", path_.string(), ": wanted ", bytes,
            " bytes at offset ", offset, " of a file of ", size_, " bytes");
  if (content_ != nullptr && bytes > 0) {
    std::memcpy(to, content_ + offset, bytes);
    return;
  }
  char* at = static_cast<char*>(to);
  while (bytes > 0) {
    const ssize_t n =
        pread(fd_, at, std::min<uint64_t>(bytes, 1 << 30), static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    GSX_CHECK(n >= 0, "read ", path_.string(), ": ", std::strerror(errno));
    GSX_CHECK(n > 0, "read ", path_.string(), ": the file became shorter while it was read");
    at += n;
    offset += static_cast<uint64_t>(n);
    bytes -= static_cast<uint64_t>(n);
  }
}

std::vector<uint8_t> InputFile::read_at(uint64_t offset, uint64_t bytes) const {
  GSX_CHECK(offset <= size_ && bytes <= size_ - offset, "read ", path_.string(), ": wanted ", bytes,
            " bytes at offset ", offset, " of a file of ", size_, " bytes");
  std::vector<uint8_t> result(bytes);
  read_at(offset, result.data(), bytes);
  return result;
}

std::string reading_error(const std::filesystem::path& path, const std::string& message) {
  const std::string front = "read " + path.string() + ": ";
  return message.substr(message.rfind(front, 0) == 0 ? front.size() : 0);
}

std::vector<uint8_t> read_file(const std::filesystem::path& path, uint64_t max_bytes) {
  const InputFile file(path);
  GSX_CHECK(file.size() <= max_bytes, "read ", path.string(), ": expected at most ", max_bytes,
            " bytes, the file has ", file.size());
  return file.read_at(0, file.size());
}

}  // namespace gsx
