// Tensors of an ONNX file; see onnx_tensor.h.
#include "models/import/onnx_tensor.h"

#include <bit>
#include <charconv>

#include "engine/error.h"
#include "engine/io/file_dtype.h"

namespace gsx::onnx_import {

namespace {

using ::onnx::TensorProto;

// ONNX's numbers for types; the schema that is compiled in may be older than the file.
enum OnnxType : int {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
  kUint4 = 21,
  kInt4 = 22,
};

struct Layout {
  FileDType dtype;
  Type type;
};

Layout layout_of(int type, const std::string& where) {
  switch (type) {
    case kFloat: return {FileDType::f32, Type::real};
    case kFloat16: return {FileDType::f16, Type::real};
    case kBfloat16: return {FileDType::bf16, Type::real};
    case kDouble: return {FileDType::f64, Type::real};
    case kUint8: return {FileDType::u8, Type::integer};
    case kInt8: return {FileDType::i8, Type::integer};
    case kUint16: return {FileDType::u16, Type::integer};
    case kInt16: return {FileDType::i16, Type::integer};
    case kUint32: return {FileDType::u32, Type::integer};
    case kInt32: return {FileDType::i32, Type::integer};
    case kUint64: return {FileDType::u64, Type::integer};
    case kInt64: return {FileDType::i64, Type::integer};
    case kBool: return {FileDType::boolean, Type::truth};
    default: break;
  }
  fail(where, " has elements of ONNX's type ", type, ", which gsx does not read; export the model ",
       "with float32 weights");
}

template <class T>
void integers_of(std::span<const uint8_t> bytes, std::vector<int64_t>& to) {
  to.resize(bytes.size() / sizeof(T));
  for (size_t i = 0; i < to.size(); ++i) {
    T value;
    std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
    to[i] = static_cast<int64_t>(value);
  }
}

void decode(FileDType dtype, std::span<const uint8_t> bytes, Array& to) {
  if (to.type == Type::real) {
    to.reals = gsx::to_floats(dtype, bytes);
    return;
  }
  switch (dtype) {
    case FileDType::u8: return integers_of<uint8_t>(bytes, to.integers);
    case FileDType::i8: return integers_of<int8_t>(bytes, to.integers);
    case FileDType::u16: return integers_of<uint16_t>(bytes, to.integers);
    case FileDType::i16: return integers_of<int16_t>(bytes, to.integers);
    case FileDType::u32: return integers_of<uint32_t>(bytes, to.integers);
    case FileDType::i32: return integers_of<int32_t>(bytes, to.integers);
    case FileDType::u64: return integers_of<uint64_t>(bytes, to.integers);
    case FileDType::i64: return integers_of<int64_t>(bytes, to.integers);
    default: break;
  }
  integers_of<uint8_t>(bytes, to.integers);
  for (int64_t& v : to.integers) v = v != 0;
}

// Values in the typed fields of the message, as older files hold them.
void decode_fields(const TensorProto& t, Array& to, int64_t count, const std::string& where) {
  const auto need = [&](int64_t have) {
    GSX_CHECK(have == count, where, " has shape ", text_of(to.dims), " and ", have,
              " values; the file is damaged");
  };
  const int type = t.data_type();
  if (type == kFloat) {
    need(t.float_data_size());
    to.reals = std::vector<float>(t.float_data().begin(), t.float_data().end());
  } else if (type == kDouble) {
    need(t.double_data_size());
    for (const double v : t.double_data()) to.reals.push_back(static_cast<float>(v));
  } else if (type == kFloat16 || type == kBfloat16) {
    need(t.int32_data_size());
    std::vector<uint8_t> bytes;
    for (const int32_t v : t.int32_data())
      for (const int shift : {0, 8}) bytes.push_back(static_cast<uint8_t>(v >> shift));
    to.reals = gsx::to_floats(type == kFloat16 ? FileDType::f16 : FileDType::bf16, bytes);
  } else if (type == kInt64) {
    need(t.int64_data_size());
    to.integers.assign(t.int64_data().begin(), t.int64_data().end());
  } else if (type == kUint32 || type == kUint64) {
    need(t.uint64_data_size());
    for (const uint64_t v : t.uint64_data()) to.integers.push_back(static_cast<int64_t>(v));
  } else {
    need(t.int32_data_size());
    to.integers.assign(t.int32_data().begin(), t.int32_data().end());
  }
}

// Two values to a byte, the lower half first.
void decode_halves(std::span<const uint8_t> bytes, bool with_sign, int64_t count, Array& to) {
  for (int64_t i = 0; i < count; ++i) {
    const int half = (bytes[i / 2] >> (i % 2 * 4)) & 15;
    to.integers.push_back(with_sign && half > 7 ? half - 16 : half);
  }
}

uint64_t number_of(const std::string& text, const std::string& where) {
  uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  GSX_CHECK(error == std::errc() && stop == end, where, " lies outside the file at '", text,
            "', which is no position");
  return value;
}

// A stretch of a file.
struct Stretch {
  std::shared_ptr<const InputFile> file;
  uint64_t begin = 0, bytes = 0;
};

// Where a tensor's values lie beside the model, checked against that file's size.
Stretch beside_model(const TensorProto& t, TensorFiles& files, uint64_t bytes,
                     const std::string& where) {
  const std::string location = location_of(t);
  uint64_t offset = 0;
  for (const auto& entry : t.external_data()) {
    if (entry.key() == "offset") offset = number_of(entry.value(), where);
    if (entry.key() == "length")
      GSX_CHECK(number_of(entry.value(), where) == bytes, where, " needs ", bytes,
                " bytes of external data and names ", entry.value(), "; the file is damaged");
  }
  const std::filesystem::path named(location);
  bool inside =
      !location.empty() && named.is_relative() && location.find('\\') == std::string::npos;
  for (const auto& part : named) inside = inside && part != "..";
  GSX_CHECK(inside, where, " lies outside the model's folder, in '", location,
            "', which gsx does not open; put the data beside the model and export it anew");
  std::shared_ptr<const InputFile>& file = files.beside[location];
  try {
    if (!file) file = std::make_shared<const InputFile>(files.folder / named);
  } catch (const Error& e) {
    fail(where, " lies in a file of its own that must be beside the model: ", e.what());
  }
  GSX_CHECK(offset <= file->size() && bytes <= file->size() - offset, where, " lies in ",
            file->path().string(), " at ", offset, " with ", bytes, " bytes, and that file has ",
            file->size(), "; it is cut off, or another model's");
  return {file, offset, bytes};
}

// Reads integers and narrow floats at once, 32-bit floats when they are asked for.
void take(const Stretch& from, FileDType dtype, Array& to) {
  if (dtype != FileDType::f32) return decode(dtype, from.file->read_at(from.begin, from.bytes), to);
  to.reals = Reals(from.bytes / sizeof(float), [from](std::vector<float>& values) {
    values.resize(from.bytes / sizeof(float));
    from.file->read_at(from.begin, values.data(), from.bytes);
  });
}

// In the model's file, where without_weights says, which took it out of the message.
Stretch segment_of(const TensorProto& t, const TensorFiles& files, uint64_t bytes,
                   const std::string& dims, const std::string& where) {
  const auto begin = static_cast<uint64_t>(t.segment().begin());
  GSX_CHECK(static_cast<uint64_t>(t.segment().end()) - begin == bytes && !t.has_raw_data(), where,
            " of shape ", dims, " needs ", bytes, " bytes and has ",
            t.segment().end() - t.segment().begin(), "; the file is damaged");
  return {files.file, begin, bytes};
}

}  // namespace

std::string location_of(const TensorProto& t) {
  if (t.data_location() != TensorProto::EXTERNAL) return {};
  for (const auto& entry : t.external_data())
    if (entry.key() == "location") return entry.value();
  return {};
}

ArrayPtr array_of(const TensorProto& t, TensorFiles& files, const std::string& where) {
  GSX_CHECK(t.dims_size() <= 8, where, " has ", t.dims_size(), " dimensions, at most 8 are read");
  GSX_CHECK(t.data_type() != kString, where, " holds texts, of which no image is computed");
  GSX_CHECK(!t.has_segment() || files.file, where, " lies in segments, which gsx does not read");
  Array array;
  array.dims.assign(t.dims().begin(), t.dims().end());
  array.held = array.dims;
  const int type = t.data_type();
  const bool halves = type == kUint4 || type == kInt4;
  const Layout layout = halves ? Layout{FileDType::u8, Type::integer} : layout_of(type, where);
  array.type = layout.type;
  const int64_t count = product(array.dims);
  const auto size = static_cast<int64_t>(size_of(layout.dtype));
  const int64_t bytes = halves ? (count + 1) / 2 : count * size;
  if (t.data_location() == TensorProto::EXTERNAL) {
    const Stretch at = beside_model(t, files, bytes, where);
    if (halves) decode_halves(at.file->read_at(at.begin, bytes), type == kInt4, count, array);
    else take(at, layout.dtype, array);
  } else if (t.has_segment() && !halves) {
    take(segment_of(t, files, bytes, text_of(array.dims), where), layout.dtype, array);
  } else if (t.has_raw_data() && (!t.raw_data().empty() || count == 0)) {
    const std::string& raw = t.raw_data();
    GSX_CHECK(static_cast<int64_t>(raw.size()) == bytes, where, " of shape ", text_of(array.dims),
              " needs ", bytes, " bytes and has ", raw.size(), "; the file is damaged");
    const std::span data(reinterpret_cast<const uint8_t*>(raw.data()), raw.size());
    if (halves) decode_halves(data, type == kInt4, count, array);
    else decode(layout.dtype, data, array);
  } else {
    GSX_CHECK(!halves, where, " holds 4-bit values one by one, which gsx does not read");
    decode_fields(t, array, count, where);
  }
  return std::make_shared<Array>(std::move(array));
}

}  // namespace gsx::onnx_import
