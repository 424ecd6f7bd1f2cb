// Zip archives, through libzip: .npz and PyTorch's files are such. Internal to readers: what is
// wrong with a member is thrown as a Problem, for whoever knows what the archive should be.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gsx {

class ZipArchive {
 public:
  // Error, in the words "`what`: FILE is not `kind`", where the file is no zip archive.
  ZipArchive(const std::filesystem::path& path, std::string_view what, std::string_view kind);
  ~ZipArchive();
  ZipArchive(ZipArchive&&) noexcept;
  ZipArchive& operator=(ZipArchive&&) = delete;

  std::vector<std::string> names() const;  // as they lie
  bool contains(const std::string& name) const;
  // What the archive says of a member; nothing where there is none of this name.
  std::optional<uint64_t> size(const std::string& name) const;
  bool compressed(const std::string& name) const;
  // A member, unpacked: its first `bytes` or, where that is nothing, all of it, which is then held
  // against its checksum. A sum of 0 is none: PyTorch can leave sums out. Memory grows with what is
  // there, not with what the archive says there is.
  std::vector<uint8_t> read(const std::string& name, uint64_t most,
                            std::optional<uint64_t> bytes = std::nullopt) const;

 private:
  void* archive_ = nullptr;
};

}  // namespace gsx
