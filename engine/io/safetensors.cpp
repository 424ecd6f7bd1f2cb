// Reads safetensors files; see safetensors.h.
#include "engine/io/safetensors.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/error.h"
#include "engine/io/file_kind.h"
#include "engine/io/problem.h"
#include "engine/io/safetensors_text.h"
#include "engine/io/seal.h"

namespace gsx {

namespace {

using namespace safetensors;

constexpr std::array kAllDTypes = {
    FileDType::f64,     FileDType::f32,     FileDType::f16,     FileDType::bf16,
    FileDType::i64,     FileDType::i32,     FileDType::i16,     FileDType::i8,
    FileDType::u64,     FileDType::u32,     FileDType::u16,     FileDType::u8,
    FileDType::boolean, FileDType::f8_e4m3, FileDType::f8_e5m2, FileDType::c64};

// What a header is made of. Letting go of one takes no memory, as letting go of the library's
// values does: whoever ran out of it while reading lets go of what was read.
struct TensorHeaderValue {
  enum class Kind { other, natural, text, list, object };
  Kind kind = Kind::other;
  uint64_t natural = 0;
  std::string text;
  std::vector<TensorHeaderValue> items;  // of a list or an object
  std::vector<std::string> names;        // of an object's items

  bool is(Kind k) const { return kind == k; }
  const TensorHeaderValue* find(std::string_view name) const {
    const auto found = std::find(names.begin(), names.end(), name);
    return found == names.end() ? nullptr : &items[static_cast<size_t>(found - names.begin())];
  }
};
using TensorHeaderKind = TensorHeaderValue::Kind;

// Parses the header text, refusing duplicate keys (JSON parsers silently keep one) and deep
// nesting.
class TensorHeaderParser : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool null() override { return put(TensorHeaderKind::other); }
  bool boolean(bool) override { return put(TensorHeaderKind::other); }
  bool number_integer(int64_t) override { return put(TensorHeaderKind::other); }
  bool number_unsigned(uint64_t v) override { return put(TensorHeaderKind::natural, v); }
  bool number_float(double, const std::string&) override { return put(TensorHeaderKind::other); }
  bool string(std::string& v) override { return put(TensorHeaderKind::text, 0, v); }
  bool binary(nlohmann::json::binary_t&) override { return false; }
  bool start_object(size_t) override {
    start(TensorHeaderKind::object);
    keys_.emplace_back();
    return true;
  }
  bool end_object() override {
    keys_.pop_back();
    open_.pop_back();
    return true;
  }
  bool start_array(size_t) override {
    start(TensorHeaderKind::list);
    return true;
  }
  bool end_array() override {
    open_.pop_back();
    return true;
  }
  bool key(std::string& k) override {
    require(keys_.back().insert(k).second, "the name ", shown(k), " appears twice in the header");
    open_.back()->names.push_back(k);
    return true;
  }
  bool parse_error(size_t, const std::string&, const nlohmann::json::exception&) override {
    return false;
  }

  TensorHeaderValue root;

 private:
  TensorHeaderValue& place() { return open_.empty() ? root : open_.back()->items.emplace_back(); }
  bool put(TensorHeaderKind kind, uint64_t natural = 0, const std::string& text = {}) {
    TensorHeaderValue& value = place();
    value.kind = kind;
    value.natural = natural;
    value.text = text;
    return true;
  }
  void start(TensorHeaderKind kind) {
    require(open_.size() < 8, "the header nests too deeply");
    TensorHeaderValue& value = place();
    value.kind = kind;
    open_.push_back(&value);  // stays where it is: nothing joins its neighbours while it is open
  }

  std::vector<TensorHeaderValue*> open_;
  std::vector<std::set<std::string>> keys_;  // of the objects among them
};

TensorHeaderValue parse_header(const std::vector<uint8_t>& text) {
  TensorHeaderParser parser;
  require(nlohmann::json::sax_parse(text.begin(), text.end(), &parser),
          "the header is not valid JSON");
  require(parser.root.is(TensorHeaderKind::object), "the header is not a JSON object");
  return std::move(parser.root);
}

uint64_t unsigned_number(const TensorHeaderValue& value, const std::string& name,
                         const char* what) {
  require(value.is(TensorHeaderKind::natural), "tensor ", name, ": ", what,
          " must be made of whole numbers");
  return value.natural;
}

// One entry with offsets still relative to the data section.
SafetensorsFile::Entry parse_entry(const std::string& name, const TensorHeaderValue& value) {
  const TensorHeaderValue *dtype = value.find("dtype"), *shape = value.find("shape"),
                          *offsets = value.find("data_offsets");
  require(dtype && shape && offsets, "tensor ", name, " must have dtype, shape and data_offsets");
  SafetensorsFile::Entry entry;
  require(dtype->is(TensorHeaderKind::text), "tensor ", name, ": dtype must be a string");
  const auto known = std::find_if(kAllDTypes.begin(), kAllDTypes.end(),
                                  [&](FileDType t) { return dtype->text == name_of(t); });
  require(known != kAllDTypes.end(), "tensor ", name, " has the unknown type ", shown(dtype->text));
  entry.dtype = *known;

  require(shape->is(TensorHeaderKind::list), "tensor ", name, ": shape must be a list");
  for (const TensorHeaderValue& d : shape->items) {
    const uint64_t n = unsigned_number(d, name, "shape");
    require(n <= uint64_t{1} << 62, "tensor ", name, " has the absurd dimension ", n);
    entry.shape.push_back(static_cast<int64_t>(n));
  }

  require(offsets->is(TensorHeaderKind::list) && offsets->items.size() == 2, "tensor ", name,
          ": data_offsets must be two numbers");
  const uint64_t begin = unsigned_number(offsets->items[0], name, "data_offsets");
  const uint64_t end = unsigned_number(offsets->items[1], name, "data_offsets");
  require(begin <= end, "tensor ", name, " lies at bytes ", begin, " to ", end);
  entry.offset = begin;
  entry.bytes = end - begin;
  const auto count = element_count(entry.shape, size_of(entry.dtype));
  require(count && *count * size_of(entry.dtype) == entry.bytes, "tensor ", name, " has ",
          entry.bytes, " bytes, which does not match its shape and type");
  return entry;
}

struct CutShort : Problem {};

CutShort cut_short(uint64_t missing) {
  return {{"is cut short: its last " +
           (missing == 1 ? "byte is" : std::to_string(missing) + " bytes are") +
           " missing; download or copy it again"}};
}

// The arrays must cover the data section without gaps or overlaps. Returns names in data order.
std::vector<std::string> check_cover(const std::map<std::string, SafetensorsFile::Entry>& entries,
                                     uint64_t data_bytes) {
  std::vector<std::string> order;
  for (const auto& [name, entry] : entries) order.push_back(name);
  const auto key = [&](const std::string& name) {
    const auto& e = entries.at(name);
    return std::pair(e.offset,
                     e.bytes);  // empty arrays before the one that starts where they stand
  };
  std::stable_sort(order.begin(), order.end(),
                   [&](const auto& a, const auto& b) { return key(a) < key(b); });
  uint64_t at = 0;
  for (const std::string& name : order) {
    const auto& e = entries.at(name);
    require(e.offset == at, "tensor ", shown(name),
            e.offset < at ? " overlaps another" : " leaves a gap before it");
    at += e.bytes;
  }
  if (at > data_bytes) throw cut_short(at - data_bytes);
  require(at == data_bytes, "the tensors end at byte ", at, " of a data section of ", data_bytes,
          " bytes");
  return order;
}

// The length of the header of what looks like a safetensors file; names what looks otherwise.
uint64_t header_bytes(const InputFile& file) {
  uint64_t length = 0;
  char brace = 0;
  if (file.size() > 8) {
    file.read_at(0, &length, 8);
    file.read_at(8, &brace, 1);
  }
  if (brace == '{' && length <= kMaxHeader) {
    if (length > file.size() - 8) throw cut_short(length - (file.size() - 8));
    return length;
  }
  const std::optional<FileKind> kind = foreign_kind(file);
  require(kind.has_value(), "this is not a safetensors file, nor of another kind that gsx knows");
  throw Problem{"this is " + std::string(kind->what) + ", not a safetensors file; " +
                std::string(kind->remedy)};
}

constexpr const char* kDamaged =
    "is damaged, or was changed by another program: its checksum does not match";

// The words a file holds besides its tensors, but for the checksum.
std::map<std::string, std::string> read_metadata(const TensorHeaderValue& value, bool sealed) {
  std::map<std::string, std::string> metadata;
  require(value.is(TensorHeaderKind::object), "the metadata must be an object of strings");
  for (size_t i = 0; i < value.items.size(); ++i) {
    const std::string &key = value.names[i], &text = value.items[i].text;
    require(value.items[i].is(TensorHeaderKind::text), "the metadata entry ", shown(key),
            " must be a string");
    if (sealed && key == seal::kKey) continue;
    // A checksum elsewhere than where we write it, or one whose key was hit.
    require(key != seal::kKey && !text.starts_with(seal::kKind), kDamaged);
    metadata[key] = text;
  }
  return metadata;
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  return open(InputFile(path));
}

SafetensorsFile SafetensorsFile::open(InputFile opened) {
  SafetensorsFile result{std::move(opened)};
  const InputFile& file = result.file_;
  const std::filesystem::path& path = file.path();
  const bool sealed = seal::is_sealed(file);
  try {
    const uint64_t data_start = 8 + header_bytes(file), data_bytes = file.size() - data_start;
    const TensorHeaderValue header = parse_header(file.read_at(8, data_start - 8));
    for (size_t i = 0; i < header.items.size(); ++i) {
      const std::string& name = header.names[i];
      const TensorHeaderValue& value = header.items[i];
      if (name == kMetadataKey) result.metadata_ = read_metadata(value, sealed);
      else result.entries_[name] = parse_entry(shown(name), value);
    }
    result.names_ = check_cover(result.entries_, data_bytes);
    for (auto& [name, entry] : result.entries_) entry.offset += data_start;
    require(!sealed || seal::holds(file), kDamaged);
  } catch (const CutShort& e) {
    fail("safetensors: ", path.string(), ": ", e.what);
  } catch (const Problem& e) {  // what a damaged header says is noise
    fail("safetensors: ", path.string(), ": ", sealed && !seal::holds(file) ? kDamaged : e.what);
  }
  return result;
}

const SafetensorsFile::Entry& SafetensorsFile::entry(const std::string& name) const {
  const auto found = entries_.find(name);
  GSX_CHECK(found != entries_.end(), "safetensors: ", path().string(), ": there is no tensor ",
            shown(name));
  return found->second;
}

std::vector<uint8_t> SafetensorsFile::bytes(const std::string& name) const {
  const Entry& e = entry(name);
  return file_.read_at(e.offset, e.bytes);
}

std::vector<float> SafetensorsFile::floats(const std::string& name) const {
  return to_floats(entry(name).dtype, bytes(name));
}

}  // namespace gsx
