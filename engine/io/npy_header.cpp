// Parses and writes what stands in front of an array; see npy_header.h.
#include "engine/io/npy_header.h"

#include <algorithm>
#include <cctype>
#include <optional>

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

constexpr std::pair<const char*, FileDType> kKinds[] = {
    {"f8", FileDType::f64}, {"f4", FileDType::f32}, {"f2", FileDType::f16},
    {"i8", FileDType::i64}, {"i4", FileDType::i32}, {"i2", FileDType::i16},
    {"i1", FileDType::i8},  {"u8", FileDType::u64}, {"u4", FileDType::u32},
    {"u2", FileDType::u16}, {"u1", FileDType::u8},  {"b1", FileDType::boolean},
    {"c8", FileDType::c64}};

std::optional<FileDType> dtype_of(const std::string& kind) {
  for (const auto& [name, type] : kKinds)
    if (kind == name) return type;
  return std::nullopt;
}

}  // namespace

NpyHeader parse_npy_header(const ReadRange& read, uint64_t size) {
  require(size >= 12, "is too short for a .npy file");
  const auto start = read(0, 12);
  require(std::equal(kMagic.begin(), kMagic.end(), start.begin(),
                     [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; }),
          "is not a .npy file");
  const int version = start[6];
  require(version >= 1 && version <= 3, "has the unknown .npy version ", version);
  const uint64_t preamble = version == 1 ? 10 : 12;
  uint64_t header_bytes = start[8] | start[9] << 8;
  if (version > 1)
    header_bytes |= static_cast<uint64_t>(start[10]) << 16 | static_cast<uint64_t>(start[11]) << 24;
  require(header_bytes <= size - preamble && header_bytes <= 1 << 20, "announces a header of ",
          header_bytes, " bytes and has ", size, " bytes in all");
  const auto header = read(preamble, header_bytes);
  HeaderParser parser({reinterpret_cast<const char*>(header.data()), header.size()});
  parser.run();

  const char order = parser.descr.empty() ? '?' : parser.descr[0];
  const auto dtype = dtype_of(parser.descr.substr(parser.descr.empty() ? 0 : 1));
  require(dtype && std::string_view("<>|=").find(order) != std::string_view::npos,
          "has an element type that is not supported");
  const size_t width = size_of(*dtype);
  const auto count = element_count(parser.shape, width);
  const uint64_t data_bytes = size - preamble - header_bytes;
  require(count && *count * width <= data_bytes, "has ", data_bytes,
          " bytes of data, fewer than its shape needs");
  return {parser.shape,
          *dtype,
          parser.fortran && parser.shape.size() > 1,
          order == '>' && width > 1,
          preamble + header_bytes,
          *count * width};
}

std::string npy_descr(FileDType dtype) {
  for (const auto& [name, type] : kKinds)
    if (type == dtype) return (size_of(dtype) > 1 ? "<" : "|") + std::string(name);
  return {};
}

uint64_t npy_data_at(std::span<const uint8_t> start) {
  uint64_t bytes = start[8] | start[9] << 8;
  if (start[6] == 1) return 10 + bytes;
  return 12 +
         (bytes | static_cast<uint64_t>(start[10]) << 16 | static_cast<uint64_t>(start[11]) << 24);
}

void swap_to_native(const NpyHeader& header, std::vector<uint8_t>& data) {
  if (!header.swapped) return;
  const size_t width = header.dtype == FileDType::c64 ? 4 : size_of(header.dtype);
  for (size_t i = 0; i < data.size(); i += width) std::reverse(&data[i], &data[i] + width);
}

std::string npy_preamble(const std::string& descr, std::span<const int64_t> shape) {
  std::string dims;
  for (const int64_t d : shape) dims += std::to_string(d) + ", ";
  if (shape.size() > 1) dims.resize(dims.size() - 2);
  if (shape.size() == 1) dims.resize(dims.size() - 1);  // (5,)
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" + dims + "), }";
  while ((10 + header.size() + 1) % 64 != 0) header += ' ';  // as NumPy aligns its data
  header += '\n';
  std::string preamble(kMagic);
  preamble += {'\x01', '\x00', static_cast<char>(header.size() & 255),
               static_cast<char>(header.size() >> 8)};
  return preamble + header;
}

}  // namespace gsx
