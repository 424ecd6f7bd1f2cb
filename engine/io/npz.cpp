// Archives of arrays, through libzip; see npz.h.
#include "engine/io/npz.h"

#include <zip.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/input_file.h"
#include "engine/io/npy_header.h"
#include "engine/io/problem.h"

namespace gsx {

namespace {

constexpr std::string_view kEnding = ".npy";

zip_t* archive(void* opened) { return static_cast<zip_t*>(opened); }

std::vector<uint8_t> member(zip_t* zip, const std::string& name) {
  zip_stat_t about;
  zip_stat_init(&about);
  require(zip_stat(zip, name.c_str(), 0, &about) == 0 && (about.valid & ZIP_STAT_SIZE) != 0,
          "is not in the archive");
  require(about.size <= kMostNpzBytes, "has ", about.size, " bytes, at most ", kMostNpzBytes,
          " are supported");
  const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> file(zip_fopen(zip, name.c_str(), 0),
                                                               zip_fclose);
  require(file != nullptr, "cannot be unpacked: ", zip_strerror(zip));
  // Grown as it is filled: the size is what the archive says of itself.
  constexpr size_t kStep = size_t{1} << 24;
  std::vector<uint8_t> bytes;
  while (bytes.size() < about.size) {
    const size_t at = bytes.size();
    bytes.resize(std::min<uint64_t>(about.size, at + kStep));
    const zip_int64_t got = zip_fread(file.get(), &bytes[at], bytes.size() - at);
    require(got > 0, "is damaged or cut off");
    bytes.resize(at + static_cast<size_t>(got));
  }
  // The end checks the sum over all bytes.
  uint8_t beyond = 0;
  require(zip_fread(file.get(), &beyond, 1) == 0, "is damaged or cut off");
  return bytes;
}

NpzArray parse(const std::vector<uint8_t>& bytes) {
  const NpyHeader header = parse_npy_header(
      [&](uint64_t offset, uint64_t count) {
        const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(offset);
        return std::vector<uint8_t>(at, at + static_cast<std::ptrdiff_t>(count));
      },
      bytes.size());
  const auto at = bytes.begin() + static_cast<std::ptrdiff_t>(header.data_at);
  std::vector<uint8_t> data(at, at + static_cast<std::ptrdiff_t>(header.data_bytes));
  swap_to_native(header, data);
  NpzArray array{header.shape, to_doubles(header.dtype, data)};
  if (header.fortran) array.values = from_fortran(array.shape, array.values);
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

NpzFile::NpzFile(const std::filesystem::path& path) : path_(path) {
  const InputFile readable(path);  // says what is wrong with the file's name
  archive_ = zip_open(path.c_str(), ZIP_RDONLY, nullptr);
  GSX_CHECK(archive_, "npz: ", path.string(), " is not an .npz archive of NumPy arrays");
}

NpzFile::~NpzFile() {
  if (archive_) zip_discard(archive(archive_));
}

NpzFile::NpzFile(NpzFile&& other) noexcept
    : path_(std::move(other.path_)), archive_(std::exchange(other.archive_, nullptr)) {}

std::vector<std::string> NpzFile::names() const {
  std::vector<std::string> names;
  const zip_int64_t count = zip_get_num_entries(archive(archive_), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* name = zip_get_name(archive(archive_), static_cast<zip_uint64_t>(i), 0);
    const std::string_view entry = name ? name : "";
    if (entry.ends_with(kEnding))
      names.emplace_back(entry.substr(0, entry.size() - kEnding.size()));
  }
  return names;
}

bool NpzFile::contains(const std::string& name) const {
  return zip_name_locate(archive(archive_), (name + std::string(kEnding)).c_str(), 0) >= 0;
}

NpzArray NpzFile::read(const std::string& name) const {
  try {
    return parse(member(archive(archive_), name + std::string(kEnding)));
  } catch (const Problem& problem) {
    fail("npz: ", path_.string(), ": the array ", name, " ", problem.what);
  }
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
