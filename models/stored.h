// How parameters lie in model files: in single precision, or as the quantised values of a weight.
#pragma once
#include "engine/io/safetensors.h"
#include "models/node.h"

namespace gsx {

// Of a weight of 8 bits with a stored scale: I8 in the parameter's file shape (file_shape). Of 4
// bits: U8 [ceil(n/2)], two values a byte (docs/models.md). Of everything else: F32 in its file
// shape.
struct StoredForm {
  FileDType dtype = FileDType::f32;
  std::vector<int64_t> shape;
};
StoredForm stored_form(const Node&, const Parameter&);

// Adds the parameter, or where its values do not matter only a place for it.
void store(SafetensorsWriter&, const Node&, const Parameter&, bool with_values);

// What a file holds of the parameter, in real numbers and the file's order; of quantised weights,
// whose node must have its scale by now, codes times steps. Error that begins with `where`, for
// codes of another type.
std::vector<float> stored_values(const SafetensorsFile&, const Node&, const Parameter&,
                                 const std::string& where);

// Values from -8 to 7, two a byte as two's complement: those of even index in the lower four bits.
// After an odd count the upper four bits of the last byte are zero.
std::vector<uint8_t> packed_nibbles(const std::vector<int8_t>&);
// The first n of them.
std::vector<int8_t> unpacked_nibbles(const std::vector<uint8_t>&, size_t n);

}  // namespace gsx
