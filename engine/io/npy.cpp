// Reads and writes .npy; see npy.h. The header is a Python dictionary literal of three known keys.
#include "engine/io/npy.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/file_dtype.h"
#include "engine/io/input_file.h"
#include "engine/io/problem.h"

namespace gsx {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

// Reads {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } with the keys in any order.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  std::string descr;
  bool fortran = false;
  std::vector<int64_t> shape;

  void run() {
    expect('{');
    int seen = 0;
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        descr = string();
        seen |= 1;
      } else if (key == "fortran_order") {
        fortran = boolean();
        seen |= 2;
      } else if (key == "shape") {
        shape = tuple();
        seen |= 4;
      } else {
        require(false, "has a header with an unknown key");
      }
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    require(seen == 7, "has a header without type, order or shape");
    space();
    require(at_ == text_.size(), "has text after its header");
  }

 private:
  void space() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_]))) ++at_;
  }
  bool accept(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    require(accept(c), "has a header that lacks a '", c, "' or an array of records");
  }
  std::string string() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const size_t end = text_.find(quote, at_);
    require(end != text_.npos, "has a header with an open string");
    const std::string result(text_.substr(at_, end - at_));
    at_ = end + 1;
    return result;
  }
  bool boolean() {
    space();
    for (const std::string_view word : {"True", "False"})
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    require(false, "has a header with a bad fortran_order");
    return false;
  }
  std::vector<int64_t> tuple() {
    std::vector<int64_t> dims;
    expect('(');
    while (!accept(')')) {
      space();
      int64_t n = 0;
      const size_t start = at_;
      for (; at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])); ++at_) {
        n = 10 * n + (text_[at_] - '0');
        require(n < int64_t{1} << 56, "has an absurd dimension");
      }
      require(at_ > start && dims.size() < 64, "has a header with a bad shape");
      dims.push_back(n);
      accept('L');  // Python 2 wrote long integers so
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return dims;
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::optional<FileDType> dtype_of(const std::string& kind) {
  constexpr std::pair<const char*, FileDType> kKinds[] = {
      {"f8", FileDType::f64}, {"f4", FileDType::f32}, {"f2", FileDType::f16},
      {"i8", FileDType::i64}, {"i4", FileDType::i32}, {"i2", FileDType::i16},
      {"i1", FileDType::i8},  {"u8", FileDType::u64}, {"u4", FileDType::u32},
      {"u2", FileDType::u16}, {"u1", FileDType::u8},  {"b1", FileDType::boolean}};
  for (const auto& [name, type] : kKinds)
    if (kind == name) return type;
  return std::nullopt;
}

// Column-major values to row-major.
std::vector<float> from_fortran(const std::vector<int64_t>& shape,
                                const std::vector<float>& values) {
  std::vector<float> result(values.size());
  std::vector<int64_t> index(shape.size(), 0);
  std::vector<size_t> stride(shape.size(), 1);
  for (size_t d = 1; d < shape.size(); ++d)
    stride[d] = stride[d - 1] * static_cast<size_t>(shape[d - 1]);
  for (float& out : result) {
    size_t at = 0;
    for (size_t d = 0; d < shape.size(); ++d) at += stride[d] * static_cast<size_t>(index[d]);
    out = values[at];
    for (size_t d = shape.size(); d-- > 0;) {
      if (++index[d] < shape[d]) break;
      index[d] = 0;
    }
  }
  return result;
}

struct Header {
  std::vector<int64_t> shape;
  FileDType dtype = FileDType::f32;
  bool fortran = false, swapped = false;
  uint64_t data_at = 0, data_bytes = 0;
};

Header parse_header(const InputFile& file) {
  require(file.size() >= 12, "is too short for a .npy file");
  const auto start = file.read_at(0, 12);
  require(std::equal(kMagic.begin(), kMagic.end(), start.begin(),
                     [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; }),
          "is not a .npy file");
  const int version = start[6];
  require(version >= 1 && version <= 3, "has the unknown .npy version ", version);
  const uint64_t preamble = version == 1 ? 10 : 12;
  uint64_t header_bytes = start[8] | start[9] << 8;
  if (version > 1)
    header_bytes |= static_cast<uint64_t>(start[10]) << 16 | static_cast<uint64_t>(start[11]) << 24;
  require(header_bytes <= file.size() - preamble && header_bytes <= 1 << 20,
          "announces a header of ", header_bytes, " bytes and has ", file.size(), " bytes in all");
  const auto header = file.read_at(preamble, header_bytes);
  HeaderParser parser({reinterpret_cast<const char*>(header.data()), header.size()});
  parser.run();

  const char order = parser.descr.empty() ? '?' : parser.descr[0];
  const auto dtype = dtype_of(parser.descr.substr(parser.descr.empty() ? 0 : 1));
  require(dtype && std::string_view("<>|=").find(order) != std::string_view::npos,
          "has an element type that is not supported");
  const size_t width = size_of(*dtype);
  const auto count = element_count(parser.shape, width);
  const uint64_t data_bytes = file.size() - preamble - header_bytes;
  require(count && *count * width <= data_bytes, "has ", data_bytes,
          " bytes of data, fewer than its shape needs");
  return {parser.shape,
          *dtype,
          parser.fortran && parser.shape.size() > 1,
          order == '>' && width > 1,
          preamble + header_bytes,
          *count * width};
}

NpyArray parse(const InputFile& file) {
  const Header header = parse_header(file);
  const size_t width = size_of(header.dtype);
  std::vector<uint8_t> data = file.read_at(header.data_at, header.data_bytes);
  if (header.swapped)
    for (size_t i = 0; i < data.size(); i += width) std::reverse(&data[i], &data[i] + width);
  NpyArray array{header.shape, to_floats(header.dtype, data)};
  if (header.fortran) array.values = from_fortran(array.shape, array.values);
  return array;
}

template <class Read>
auto naming_file(const std::filesystem::path& path, Read&& read) {
  const InputFile file(path);
  try {
    return read(file);
  } catch (const Problem& problem) {
    fail("npy: ", path.string(), " ", problem.what);
  }
}

}  // namespace

NpyArray read_npy(const std::filesystem::path& path) { return naming_file(path, parse); }

NpyHead read_npy_head(const std::filesystem::path& path) {
  const Header header = naming_file(path, parse_header);
  const auto values = static_cast<double>(header.data_bytes / size_of(header.dtype));
  return {header.shape, static_cast<double>(header.data_bytes) +
                            values * sizeof(float) * (header.fortran ? 2 : 1)};
}

Tensor read_npy(const ContextPtr& context, const std::filesystem::path& path) {
  const NpyArray array = read_npy(path);
  GSX_CHECK(array.shape.size() <= 4, "npy: ", path.string(), " has ", array.shape.size(),
            " dimensions, at most 4 are supported");
  constexpr int64_t kMostOfADimension = 1 << 30;  // kernels count in 32 bits
  GSX_CHECK(!array.values.empty(), "npy: ", path.string(), " has no elements");
  for (const int64_t d : array.shape)
    GSX_CHECK(d <= kMostOfADimension, "npy: ", path.string(), " has a dimension of ", d,
              ", at most ", kMostOfADimension, " are supported");
  return Tensor::from(context, array.values, Shape(array.shape.begin(), array.shape.end()));
}

void write_npy(const std::filesystem::path& path, std::span<const int64_t> shape,
               std::span<const float> values) {
  const auto count = element_count(shape, sizeof(float));
  GSX_CHECK(count && *count == values.size(), "npy: ", path.string(), ": ", values.size(),
            " values do not match the shape");
  std::string dims;
  for (const int64_t d : shape) dims += std::to_string(d) + ", ";
  if (shape.size() > 1) dims.resize(dims.size() - 2);
  if (shape.size() == 1) dims.resize(dims.size() - 1);  // (5,)
  std::string header = "{'descr': '<f4', 'fortran_order': False, 'shape': (" + dims + "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';  // as NumPy aligns its data
  header += '\n';
  const char length[2] = {static_cast<char>(header.size() & 255),
                          static_cast<char>(header.size() >> 8)};
  AtomicFile file(path);
  file.write(kMagic.data(), kMagic.size());
  file.write("\x01\x00", 2);
  file.write(length, 2);
  file.write(header.data(), header.size());
  file.write(values.data(), values.size_bytes());
  file.commit();
}

void write_npy(const std::filesystem::path& path, const Tensor& f32) {
  GSX_CHECK(f32.defined() && f32.dtype() == DType::f32, "npy: ", path.string(),
            ": expected a float tensor");
  write_npy(path, std::vector<int64_t>(f32.shape().begin(), f32.shape().end()), f32.to_vector());
}

}  // namespace gsx
