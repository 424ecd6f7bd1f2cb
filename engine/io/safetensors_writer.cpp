// Writes safetensors files; see safetensors.h.
#include <algorithm>
#include <cstring>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/safetensors.h"
#include "engine/io/safetensors_text.h"
#include "engine/io/seal.h"
#include "engine/json.h"

namespace gsx {

using namespace safetensors;

void SafetensorsWriter::add(std::string name, FileDType dtype, std::vector<int64_t> shape,
                            std::vector<uint8_t> bytes) {
  const size_t given = bytes.size();
  reserve(name, dtype, std::move(shape));
  GSX_CHECK(arrays_.back().size == given, "safetensors: tensor ", shown(name), " has ", given,
            " bytes, which does not match its shape and type");
  arrays_.back().bytes = std::move(bytes);
}

void SafetensorsWriter::reserve(std::string name, FileDType dtype, std::vector<int64_t> shape) {
  GSX_CHECK(name != kMetadataKey, "safetensors: a tensor must not be called ", name);
  const auto count = element_count(shape, size_of(dtype));
  GSX_CHECK(count, "safetensors: tensor ", shown(name), " has a shape that no bytes can match");
  GSX_CHECK(taken_.insert(name).second, "safetensors: tensor ", shown(name), " was added twice");
  arrays_.push_back({std::move(name), dtype, std::move(shape), *count * size_of(dtype), {}});
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
  GSX_CHECK(!metadata.count(std::string(seal::kKey)), "safetensors: the metadata entry ",
            seal::kKey, " is the writer's own");
  std::string text(seal::kStart);
  text.append(seal::kBlank) += '"';
  try {
    if (!metadata.empty()) text += "," + Json(metadata).dump().substr(1);  // ends its brace
    else text += "}";
    uint64_t at = 0;
    for (const Array* a : in_file_order()) {
      text += "," + Json(a->name).dump() + ":{\"dtype\":\"" + name_of(a->dtype) +
              "\",\"shape\":" + Json(a->shape).dump() + ",\"data_offsets\":[" + std::to_string(at) +
              "," + std::to_string(at + a->size) + "]}";
      at += a->size;
    }
  } catch (const Json::exception&) {
    fail("safetensors: names and metadata must be UTF-8 text");
  }
  text += "}";
  while (text.size() % 8 != 0) text += ' ';  // so that the data starts at a multiple of 8
  GSX_CHECK(text.size() <= kMaxHeader, "safetensors: names and metadata take ", text.size(),
            " bytes, at most ", kMaxHeader, " can be read back");
  return text;
}

uint64_t SafetensorsWriter::file_bytes() const {
  uint64_t n = 8 + header().size();
  for (const Array& a : arrays_) n += a.size;
  return n;
}

void SafetensorsWriter::give(const Taker& take) const {
  std::string text = header();
  const uint64_t length = text.size();
  const std::vector<const Array*> order = in_file_order();
  seal::Checksum sum;
  sum.add(&length, 8);
  sum.add(text.data(), text.size());
  for (const Array* a : order) {
    GSX_CHECK(a->bytes.size() == a->size, "safetensors: tensor ", shown(a->name), " has no values");
    sum.add(a->bytes.data(), a->bytes.size());
  }
  text.replace(seal::kStart.size(), seal::kBlank.size(), sum.digits());
  take(&length, 8);
  take(text.data(), text.size());
  for (const Array* a : order) take(a->bytes.data(), a->bytes.size());
}

void SafetensorsWriter::write(const std::filesystem::path& path) const {
  AtomicFile file(path);
  give([&](const void* data, size_t bytes) { file.write(data, bytes); });
  file.commit();
}

std::string SafetensorsWriter::content() const {
  std::string all;
  all.reserve(file_bytes());
  give([&](const void* data, size_t bytes) { all.append(static_cast<const char*>(data), bytes); });
  return all;
}

}  // namespace gsx
