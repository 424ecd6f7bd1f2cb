// Archives of arrays, through libzip; see npz.h.
#include "engine/io/npz.h"

#include <zip.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/npy_header.h"
#include "engine/io/problem.h"

namespace gsx {

namespace {

constexpr std::string_view kEnding = ".npy";

// Where the values of an array in an archive begin is known after this many bytes of it.
constexpr uint64_t kMostHeader = (1 << 20) + 12;

template <size_t kWidth>
std::vector<uint8_t> from_fortran_bytes(const TypedArray& array) {
  std::vector<std::array<uint8_t, kWidth>> values(array.bytes.size() / kWidth);
  std::copy(array.bytes.begin(), array.bytes.end(), reinterpret_cast<uint8_t*>(values.data()));
  values = from_fortran(array.shape, values);
  const auto* start = reinterpret_cast<const uint8_t*>(values.data());
  return {start, start + array.bytes.size()};
}

// The bytes of a column-major array in row-major order.
std::vector<uint8_t> row_major(const TypedArray& array) {
  switch (size_of(array.dtype)) {
    case 1: return from_fortran_bytes<1>(array);
    case 2: return from_fortran_bytes<2>(array);
    case 4: return from_fortran_bytes<4>(array);
    default: return from_fortran_bytes<8>(array);
  }
}

TypedArray parse(const std::vector<uint8_t>& bytes, uint64_t size) {
  const NpyHeader header = parse_npy_header(
      [&](uint64_t offset, uint64_t count) {
        const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
        return std::vector<uint8_t>(at, at + static_cast<std::ptrdiff_t>(count));
      },
      size);
  TypedArray array{header.dtype, header.shape, {}};
  if (bytes.size() < size) return array;  // of the head alone
  const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(header.data_at);
  array.bytes.assign(at, at + static_cast<std::ptrdiff_t>(header.data_bytes));
  swap_to_native(header, array.bytes);
  if (header.fortran) array.bytes = row_major(array);
  return array;
}
// What libzip makes of an archive, in memory.
class Packed {
 public:
  Packed() : source_(zip_source_buffer_create(nullptr, 0, 1, nullptr)) {
    if (source_) zip_ = zip_open_from_source(source_, ZIP_TRUNCATE, nullptr);
    GSX_CHECK(zip_, "npz: an archive cannot be made");
    zip_source_keep(source_);
  }
  ~Packed() {
    if (zip_) zip_discard(zip_);
    zip_source_free(source_);
  }
  Packed(const Packed&) = delete;
  Packed& operator=(const Packed&) = delete;

  // `bytes` must live until bytes() is called.
  void add(const std::string& name, const std::string& bytes) {
    zip_source_t* source = zip_source_buffer(zip_, bytes.data(), bytes.size(), 0);
    const zip_int64_t index =
        source ? zip_file_add(zip_, name.c_str(), source, ZIP_FL_ENC_UTF_8) : -1;
    if (index < 0) zip_source_free(source);
    // Zip's oldest date, so that equal arrays give equal bytes.
    GSX_CHECK(
        index >= 0 && zip_file_set_dostime(zip_, static_cast<zip_uint64_t>(index), 0, 33, 0) == 0 &&
            zip_set_file_compression(zip_, static_cast<zip_uint64_t>(index), ZIP_CM_STORE, 0) == 0,
        "npz: ", name, " cannot be packed: ", zip_strerror(zip_));
  }
  std::string bytes() {
    GSX_CHECK(zip_close(zip_) == 0, "npz: an archive cannot be made: ", zip_strerror(zip_));
    zip_ = nullptr;
    zip_stat_t about;
    zip_stat_init(&about);
    std::string all;
    if (zip_source_stat(source_, &about) == 0) all.resize(about.size);
    const bool read =
        zip_source_open(source_) == 0 &&
        zip_source_read(source_, all.data(), all.size()) == static_cast<zip_int64_t>(all.size());
    zip_source_close(source_);
    GSX_CHECK(read, "npz: an archive cannot be read back");
    return all;
  }

 private:
  zip_source_t* source_;
  zip_t* zip_ = nullptr;
};

}  // namespace

NpzFile::NpzFile(const std::filesystem::path& path)
    : path_(path), archive_(path, "npz", "an .npz archive of NumPy arrays") {}

std::vector<std::string> NpzFile::names() const {
  std::vector<std::string> names;
  for (const std::string& entry : archive_.names())
    if (entry.ends_with(kEnding)) names.push_back(entry.substr(0, entry.size() - kEnding.size()));
  return names;
}

bool NpzFile::contains(const std::string& name) const {
  return archive_.contains(name + std::string(kEnding));
}

TypedArray NpzFile::typed(const std::string& name) const {
  try {
    const std::vector<uint8_t> bytes = archive_.read(name + std::string(kEnding), kMostNpzBytes);
    return parse(bytes, bytes.size());
  } catch (const Problem& problem) {
    fail("npz: ", path_.string(), ": the array ", name, " ", problem.what);
  }
}

TypedArray NpzFile::head(const std::string& name) const {
  const std::string member = name + std::string(kEnding);
  try {
    const uint64_t size = archive_.size(member).value_or(0);
    // Most heads are short; what lies behind them need not be unpacked.
    const uint64_t start = std::min<uint64_t>(size, 512);
    std::vector<uint8_t> bytes = archive_.read(member, kMostNpzBytes, start);
    const uint64_t needed = bytes.size() < 12 ? 0 : npy_data_at(bytes);
    if (needed > start)
      bytes = archive_.read(member, kMostNpzBytes, std::min({size, needed, kMostHeader}));
    TypedArray array = parse(bytes, size);
    array.bytes.clear();
    return array;
  } catch (const Problem& problem) {
    fail("npz: ", path_.string(), ": the array ", name, " ", problem.what);
  }
}

NpzArray NpzFile::read(const std::string& name) const {
  const TypedArray array = typed(name);
  return {array.shape, to_doubles(array.dtype, array.bytes)};
}

bool npy_writable(FileDType dtype) { return !npy_descr(dtype).empty(); }

void write_npz(const std::filesystem::path& path,
               std::span<const std::pair<std::string, TypedArray>> arrays) {
  std::vector<std::string> contents;
  contents.reserve(arrays.size());
  Packed packed;
  for (const auto& [name, array] : arrays) {
    const auto count = element_count(array.shape, size_of(array.dtype));
    GSX_CHECK(count && *count * size_of(array.dtype) == array.bytes.size(), "npz: ", path.string(),
              ": the ", array.bytes.size(), " bytes of ", name, " do not match its shape");
    GSX_CHECK(npy_writable(array.dtype), "npz: ", path.string(), ": NumPy has no type ",
              array.dtype, ", which ", name, " is of");
    contents.push_back(npy_preamble(npy_descr(array.dtype), array.shape));
    contents.back().append(reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size());
    packed.add(name + std::string(kEnding), contents.back());
  }
  write_file_atomically(path, packed.bytes());
}

void write_npz(const std::filesystem::path& path, const std::map<std::string, NpzArray>& arrays) {
  std::vector<std::string> contents;
  contents.reserve(arrays.size());
  Packed packed;
  for (const auto& [name, array] : arrays) {
    const auto count = element_count(array.shape, sizeof(double));
    GSX_CHECK(count && *count == array.values.size(), "npz: ", path.string(), ": the ",
              array.values.size(), " values of ", name, " do not match its shape");
    contents.push_back(npy_preamble("<f8", array.shape));
    contents.back().append(reinterpret_cast<const char*>(array.values.data()),
                           array.values.size() * sizeof(double));
    packed.add(name + std::string(kEnding), contents.back());
  }
  write_file_atomically(path, packed.bytes());
}

}  // namespace gsx
