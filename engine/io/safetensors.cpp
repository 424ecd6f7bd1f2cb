// Reads and writes safetensors files; see safetensors.h.
#include "engine/io/safetensors.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/problem.h"

namespace gsx {

using json = nlohmann::json;

namespace {

constexpr uint64_t kMaxHeader = 100'000'000;  // the reference implementation's own limit
constexpr const char* kMetadataKey = "__metadata__";

constexpr std::array kAllDTypes = {
    FileDType::f64, FileDType::f32, FileDType::f16,    FileDType::bf16, FileDType::i64,
    FileDType::i32, FileDType::i16, FileDType::i8,     FileDType::u64,  FileDType::u32,
    FileDType::u16, FileDType::u8,  FileDType::boolean};

std::string name_of(FileDType t) {
  std::ostringstream out;
  out << t;
  return out.str();
}

// Names in messages come from the file: cut long ones, and keep control characters off terminals.
std::string shown(std::string name) {
  if (name.size() > 80) name = name.substr(0, 77) + "...";
  for (char& c : name)
    if (static_cast<unsigned char>(c) < 32 || c == 127) c = '?';
  return "'" + name + "'";
}

// Parses the header text, refusing duplicate keys (JSON parsers silently keep one) and deep
// nesting.
json parse_header(const std::vector<uint8_t>& text) {
  std::vector<std::set<std::string>> keys;
  const auto watch = [&](int depth, json::parse_event_t event, json& value) {
    require(depth < 8, "the header nests too deeply");
    if (event == json::parse_event_t::object_start) keys.emplace_back();
    if (event == json::parse_event_t::object_end) keys.pop_back();
    if (event == json::parse_event_t::key) {
      const auto& key = value.get_ref<const std::string&>();
      require(keys.back().insert(key).second, "the name ", shown(key),
              " appears twice in the header");
    }
    return true;
  };
  try {
    json header = json::parse(text.begin(), text.end(), watch);
    require(header.is_object(), "the header is not a JSON object");
    return header;
  } catch (const json::exception&) {
    throw Problem{"the header is not valid JSON"};
  }
}

uint64_t unsigned_number(const json& value, const std::string& name, const char* what) {
  require(value.is_number_unsigned(), "tensor ", name, ": ", what,
          " must be made of whole numbers");
  return value.get<uint64_t>();
}

// One entry with offsets still relative to the data section of data_bytes bytes.
SafetensorsFile::Entry parse_entry(const std::string& name, const json& value,
                                   uint64_t data_bytes) {
  require(value.is_object() && value.contains("dtype") && value.contains("shape") &&
              value.contains("data_offsets"),
          "tensor ", name, " must have dtype, shape and data_offsets");
  SafetensorsFile::Entry entry;
  const json& dtype = value["dtype"];
  require(dtype.is_string(), "tensor ", name, ": dtype must be a string");
  const auto known = std::find_if(kAllDTypes.begin(), kAllDTypes.end(), [&](FileDType t) {
    return dtype.get_ref<const std::string&>() == name_of(t);
  });
  require(known != kAllDTypes.end(), "tensor ", name, " has the unknown type ",
          shown(dtype.get<std::string>()));
  entry.dtype = *known;

  require(value["shape"].is_array(), "tensor ", name, ": shape must be a list");
  for (const json& d : value["shape"]) {
    const uint64_t n = unsigned_number(d, name, "shape");
    require(n <= uint64_t{1} << 62, "tensor ", name, " has the absurd dimension ", n);
    entry.shape.push_back(static_cast<int64_t>(n));
  }

  const json& offsets = value["data_offsets"];
  require(offsets.is_array() && offsets.size() == 2, "tensor ", name,
          ": data_offsets must be two numbers");
  const uint64_t begin = unsigned_number(offsets[0], name, "data_offsets");
  const uint64_t end = unsigned_number(offsets[1], name, "data_offsets");
  require(begin <= end && end <= data_bytes, "tensor ", name, " lies at bytes ", begin, " to ", end,
          " of a data section of ", data_bytes, " bytes");
  entry.offset = begin;
  entry.bytes = end - begin;
  const auto count = element_count(entry.shape, size_of(entry.dtype));
  require(count && *count * size_of(entry.dtype) == entry.bytes, "tensor ", name, " has ",
          entry.bytes, " bytes, which does not match its shape and type");
  return entry;
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
  require(at == data_bytes, "the tensors end at byte ", at, " of a data section of ", data_bytes,
          " bytes");
  return order;
}

}  // namespace

SafetensorsFile SafetensorsFile::open(const std::filesystem::path& path) {
  SafetensorsFile result{InputFile(path)};
  const InputFile& file = result.file_;
  try {
    require(file.size() >= 8, "a safetensors file has at least 8 bytes, this one has ",
            file.size());
    uint64_t header_bytes = 0;
    file.read_at(0, &header_bytes, 8);
    require(header_bytes <= kMaxHeader && header_bytes <= file.size() - 8,
            "not a safetensors file: it announces a header of ", header_bytes, " bytes and has ",
            file.size(), " bytes in all");
    const json header = parse_header(file.read_at(8, header_bytes));
    const uint64_t data_start = 8 + header_bytes, data_bytes = file.size() - data_start;
    for (const auto& [name, value] : header.items()) {
      if (name == kMetadataKey) {
        require(value.is_object(), "the metadata must be an object of strings");
        for (const auto& [key, text] : value.items()) {
          require(text.is_string(), "the metadata entry ", shown(key), " must be a string");
          result.metadata_[key] = text.get<std::string>();
        }
      } else {
        result.entries_[name] = parse_entry(shown(name), value, data_bytes);
      }
    }
    result.names_ = check_cover(result.entries_, data_bytes);
    for (auto& [name, entry] : result.entries_) entry.offset += data_start;
  } catch (const Problem& e) {
    fail("safetensors: ", path.string(), ": ", e.what);
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

void SafetensorsWriter::add(std::string name, FileDType dtype, std::vector<int64_t> shape,
                            std::vector<uint8_t> bytes) {
  GSX_CHECK(name != kMetadataKey, "safetensors: a tensor must not be called ", name);
  const auto count = element_count(shape, size_of(dtype));
  GSX_CHECK(count && *count * size_of(dtype) == bytes.size(), "safetensors: tensor ", shown(name),
            " has ", bytes.size(), " bytes, which does not match its shape and type");
  GSX_CHECK(taken_.emplace(name, true).second, "safetensors: tensor ", shown(name),
            " was added twice");
  arrays_.push_back({std::move(name), dtype, std::move(shape), std::move(bytes)});
}

void SafetensorsWriter::add(std::string name, std::vector<int64_t> shape,
                            std::span<const float> values) {
  std::vector<uint8_t> bytes(values.size_bytes());
  if (!bytes.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  add(std::move(name), FileDType::f32, std::move(shape), std::move(bytes));
}

void SafetensorsWriter::add(std::string name, const Tensor& f32) {
  GSX_CHECK(f32.defined() && f32.dtype() == DType::f32, "safetensors: tensor ", shown(name),
            " must be a float tensor; give other types as bytes");
  add(std::move(name), {f32.shape().begin(), f32.shape().end()}, f32.to_vector());
}

std::vector<const SafetensorsWriter::Array*> SafetensorsWriter::in_file_order() const {
  std::vector<const Array*> order;
  for (const Array& a : arrays_) order.push_back(&a);
  std::stable_sort(order.begin(), order.end(), [](const Array* a, const Array* b) {
    return size_of(a->dtype) > size_of(b->dtype);
  });
  return order;
}

std::string SafetensorsWriter::header() const {
  std::string text = "{";
  try {
    if (!metadata.empty()) text += json(kMetadataKey).dump() + ":" + json(metadata).dump() + ",";
    uint64_t at = 0;
    for (const Array* a : in_file_order()) {
      text += json(a->name).dump() + ":{\"dtype\":\"" + name_of(a->dtype) +
              "\",\"shape\":" + json(a->shape).dump() + ",\"data_offsets\":[" + std::to_string(at) +
              "," + std::to_string(at + a->bytes.size()) + "]},";
      at += a->bytes.size();
    }
  } catch (const json::exception&) {
    fail("safetensors: names and metadata must be UTF-8 text");
  }
  if (text.back() == ',') text.pop_back();
  text += "}";
  while (text.size() % 8 != 0) text += ' ';  // so that the data starts at a multiple of 8
  GSX_CHECK(text.size() <= kMaxHeader, "safetensors: names and metadata take ", text.size(),
            " bytes, at most ", kMaxHeader, " can be read back");
  return text;
}

uint64_t SafetensorsWriter::file_bytes() const {
  uint64_t n = 8 + header().size();
  for (const Array& a : arrays_) n += a.bytes.size();
  return n;
}

void SafetensorsWriter::write(const std::filesystem::path& path) const {
  const std::string text = header();
  const uint64_t length = text.size();
  AtomicFile file(path);
  file.write(&length, 8);
  file.write(text.data(), text.size());
  for (const Array* a : in_file_order()) file.write(a->bytes.data(), a->bytes.size());
  file.commit();
}

}  // namespace gsx
