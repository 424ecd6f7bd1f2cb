// Parameters as model files hold them; see stored.h.
#include "models/stored.h"

#include <algorithm>

#include "kernels/scalar.h"
#include "models/values.h"

namespace gsx {

namespace {

constexpr int kNibble = 4;  // bits

bool stored_quantized(const Node& node, const Parameter& p) {
  return p.role == Role::weight && node.weight_quant() && node.parameter(Role::weight_scale);
}

bool stored_packed(const Node& node, const Parameter& p) {
  return stored_quantized(node, p) && node.weight_quant()->bits == kNibble;
}

// Output channel of the element at index i in file order.
int64_t output_channel(const Parameter& p, int64_t i) {
  const Shape s = file_shape(p);
  int64_t inner = 1;
  for (int d = 1; d < s.rank(); ++d) inner *= s[d];
  if (!p.file_transposed) return i / inner;
  const int64_t group = i / inner / p.shape[1];
  return group * s[1] + i / (inner / s[1]) % s[1];
}

// The step of each element, in file order.
std::vector<float> steps_of(const Node& node, const Parameter& p) {
  const std::vector<float> scale = node.parameter(Role::weight_scale)->value.to_vector();
  std::vector<float> steps(static_cast<size_t>(p.shape.numel()), scale[0]);
  if (scale.size() > 1)
    for (size_t i = 0; i < steps.size(); ++i)
      steps[i] = scale[static_cast<size_t>(output_channel(p, static_cast<int64_t>(i)))];
  return steps;
}

std::vector<int8_t> codes_of(const Node& node, const Parameter& p) {
  const std::vector<float> values = file_values(p), steps = steps_of(node, p);
  const float lo = stored_packed(node, p) ? -8.0f : -127.0f;
  const float hi = stored_packed(node, p) ? 7.0f : 127.0f;
  std::vector<int8_t> codes(values.size());
  for (size_t i = 0; i < values.size(); ++i)
    codes[i] = static_cast<int8_t>(
        std::clamp(kernels::scalar::quantized_weight(values[i], steps[i]), lo, hi));
  return codes;
}

}  // namespace

StoredForm stored_form(const Node& node, const Parameter& p) {
  const Shape s = file_shape(p);
  if (stored_packed(node, p)) return {FileDType::u8, {(s.numel() + 1) / 2}};
  return {stored_quantized(node, p) ? FileDType::i8 : FileDType::f32, {s.begin(), s.end()}};
}

void store(SafetensorsWriter& writer, const Node& node, const Parameter& p, bool with_values) {
  const StoredForm form = stored_form(node, p);
  if (!with_values) return writer.reserve(p.name, form.dtype, form.shape);
  if (form.dtype == FileDType::f32) return writer.add(p.name, form.shape, file_values(p));
  const std::vector<int8_t> codes = codes_of(node, p);
  writer.add(p.name, form.dtype, form.shape,
             stored_packed(node, p) ? packed_nibbles(codes)
                                    : std::vector<uint8_t>(codes.begin(), codes.end()));
}

std::vector<float> stored_values(const SafetensorsFile& file, const Node& node, const Parameter& p,
                                 const std::string& where) {
  if (!stored_quantized(node, p)) return file.floats(p.name);
  const bool packed = stored_packed(node, p);
  GSX_CHECK(file.entry(p.name).dtype == stored_form(node, p).dtype, where, ": ", p.name,
            " must hold ", packed ? "4-bit codes, two a byte" : "8-bit codes");
  std::vector<float> values = steps_of(node, p);
  const std::vector<uint8_t> bytes = file.bytes(p.name);
  const std::vector<int8_t> codes = packed ? unpacked_nibbles(bytes, values.size())
                                           : std::vector<int8_t>(bytes.begin(), bytes.end());
  for (size_t i = 0; i < values.size(); ++i) values[i] *= static_cast<float>(codes[i]);
  return values;
}

std::vector<uint8_t> packed_nibbles(const std::vector<int8_t>& codes) {
  std::vector<uint8_t> bytes((codes.size() + 1) / 2, 0);
  for (size_t i = 0; i < codes.size(); ++i)
    bytes[i / 2] = static_cast<uint8_t>(bytes[i / 2] | (codes[i] & 15) << (i % 2 * kNibble));
  return bytes;
}

std::vector<int8_t> unpacked_nibbles(const std::vector<uint8_t>& bytes, size_t n) {
  std::vector<int8_t> codes(n);
  for (size_t i = 0; i < n; ++i) {
    const int nibble = bytes[i / 2] >> (i % 2 * kNibble) & 15;
    codes[i] = static_cast<int8_t>(nibble < 8 ? nibble : nibble - 16);
  }
  return codes;
}

}  // namespace gsx
