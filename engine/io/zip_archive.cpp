// Members of archives by libzip; see zip_archive.h.
#include "engine/io/zip_archive.h"

#include <zip.h>
#include <zlib.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/error.h"
#include "engine/io/input_file.h"
#include "engine/io/problem.h"

namespace gsx {

namespace {

zip_t* opened(void* archive) { return static_cast<zip_t*>(archive); }

std::optional<zip_stat_t> about(void* archive, const std::string& name) {
  zip_stat_t stat;
  zip_stat_init(&stat);
  constexpr zip_uint64_t kNeeded =
      ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC;
  if (zip_stat(opened(archive), name.c_str(), 0, &stat) != 0 || (stat.valid & kNeeded) != kNeeded)
    return std::nullopt;
  return stat;
}

}  // namespace

ZipArchive::ZipArchive(const std::filesystem::path& path, std::string_view what,
                       std::string_view kind) {
  const InputFile readable(path);  // says what is wrong with the file's name
  archive_ = zip_open(path.c_str(), ZIP_RDONLY, nullptr);
  GSX_CHECK(archive_, what, ": ", path.string(), " is not ", kind);
}

ZipArchive::~ZipArchive() {
  if (archive_) zip_discard(opened(archive_));
}

ZipArchive::ZipArchive(ZipArchive&& other) noexcept
    : archive_(std::exchange(other.archive_, nullptr)) {}

std::vector<std::string> ZipArchive::names() const {
  std::vector<std::string> names;
  const zip_int64_t count = zip_get_num_entries(opened(archive_), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(opened(archive_), static_cast<zip_uint64_t>(i), 0);
    if (name) names.emplace_back(name);
  }
  return names;
}

bool ZipArchive::contains(const std::string& name) const {
  return zip_name_locate(opened(archive_), name.c_str(), 0) >= 0;
}

std::optional<uint64_t> ZipArchive::size(const std::string& name) const {
  const auto stat = about(archive_, name);
  return stat ? std::optional<uint64_t>(stat->size) : std::nullopt;
}

bool ZipArchive::compressed(const std::string& name) const {
  const auto stat = about(archive_, name);
  return stat && stat->comp_method != ZIP_CM_STORE;
}

std::vector<uint8_t> ZipArchive::read(const std::string& name, uint64_t most,
                                      std::optional<uint64_t> bytes) const {
  const auto stat = about(archive_, name);
  require(stat.has_value(), "is not in the archive");
  const uint64_t wanted = std::min(bytes.value_or(stat->size), stat->size);
  require(wanted <= most, "has ", wanted, " bytes, at most ", most, " are supported");
  const bool stored = stat->comp_method == ZIP_CM_STORE;
  require(!stored || stat->comp_size == stat->size, "is damaged: its two sizes differ");
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(
      zip_fopen(opened(archive_), name.c_str(), stored ? ZIP_FL_COMPRESSED : 0), zip_fclose);
  require(file != nullptr, "cannot be unpacked: ", zip_strerror(opened(archive_)));
  // Grown as it is filled: the size is what the archive says of itself.
  constexpr size_t kStep = size_t{1} << 22;
  std::vector<uint8_t> result;
  while (result.size() < wanted) {
    const size_t at = result.size();
    if (result.capacity() < wanted && at + kStep > result.capacity())
      result.reserve(std::min<uint64_t>(wanted, std::max(at + kStep, at + at / 2)));
    result.resize(std::min<uint64_t>(wanted, at + kStep));
    const zip_int64_t got = zip_fread(file.get(), &result[at], result.size() - at);
    require(got > 0, "is damaged or cut off");
    result.resize(at + static_cast<size_t>(got));
  }
  if (bytes) return result;
  if (stored) {
    const auto sum = crc32_z(0, result.data(), result.size());
    require(stat->crc == 0 || result.empty() || sum == stat->crc,
            "is damaged: its bytes do not fit their checksum");
  } else {
    // The end checks the sum over all bytes.
    uint8_t beyond = 0;
    require(zip_fread(file.get(), &beyond, 1) == 0, "is damaged or cut off");
  }
  return result;
}

}  // namespace gsx
