// Reading files whose content nobody vouches for: every range is checked against the real size.
#pragma once
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace gsx {

// A regular file opened for reading at any offset. Throws Error naming the file when it is missing,
// unreadable, a folder, or shorter than a range asked for.
class InputFile {
 public:
  explicit InputFile(const std::filesystem::path& path);
  // A file's content that is in memory, which must stay there; `name` is for messages.
  InputFile(std::span<const uint8_t> content, const std::filesystem::path& name);
  ~InputFile();
  InputFile(InputFile&&) noexcept;
  InputFile& operator=(InputFile&&) = delete;

  const std::filesystem::path& path() const { return path_; }
  uint64_t size() const { return size_; }
  void read_at(uint64_t offset, void* to, uint64_t bytes) const;
  std::vector<uint8_t> read_at(uint64_t offset, uint64_t bytes) const;

 private:
  std::filesystem::path path_;
  int fd_ = -1;                       // -1: in memory
  const uint8_t* content_ = nullptr;  // ... here
  uint64_t size_ = 0;
};

// What an Error of reading this file says behind "read PATH: ", for messages that name it already.
std::string reading_error(const std::filesystem::path& path, const std::string& message);

// The whole file; Error when it has more than max_bytes.
std::vector<uint8_t> read_file(const std::filesystem::path& path,
                               uint64_t max_bytes = uint64_t{1} << 34);

}  // namespace gsx
