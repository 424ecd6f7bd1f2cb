// Constants of an ONNX file: weights, and the small tensors of integers that exported graphs
// compute shapes with. Folding them is arithmetic on these, one array at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace gsx::onnx_import {

using Dims = std::vector<int64_t>;

// Every floating-point type of a file is widened (or narrowed) to float, every integer to int64.
enum class Type : uint8_t { real, integer, truth };

// An array [dims...], row-major. Where dims repeat one value along a dimension, as Expand makes it,
// `held` has a 1 there and the values are held once.
struct Array {
  Type type = Type::real;
  Dims dims, held;
  std::vector<float> reals;       // of reals
  std::vector<int64_t> integers;  // of integers and truths (0 or 1)
  // Of reals that a file holds as integers from -127 to 127 times steps: one step for all, or one
  // for each place of dimension step_axis.
  std::vector<float> steps = {};
  int64_t step_axis = 0;

  int64_t size() const;       // elements, repeated ones too
  int64_t held_size() const;  // values there are
  float real(int64_t held_index) const {
    return type == Type::real ? reals[held_index] : static_cast<float>(integers[held_index]);
  }
  int64_t integer(int64_t held_index) const {
    return type == Type::real ? static_cast<int64_t>(reals[held_index]) : integers[held_index];
  }
};
using ArrayPtr = std::shared_ptr<const Array>;

// The most elements that folding makes of one array: what computes shapes is tiny, and of weights
// this is 64 MB.
inline constexpr int64_t kMostFolded = int64_t{1} << 24;

int64_t product(const Dims&);  // Error where it has more than 62 bits
std::string text_of(const Dims&);
Array make_array(Type, const Dims&);  // zeros; Error where it is larger than kMostFolded
ArrayPtr integers(const Dims&);       // a vector [n] of these
// Error unless there is a scale, and one zero point (null: none) or as many as scales; neither
// repeats elements.
void check_scales(const Array& scale, const Array* zero);
// The same elements, none of them repeated.
ArrayPtr dense(const ArrayPtr&);
// Its integers, in order; Error where it is not of integers.
Dims to_dims(const Array&);
// Its floats, in order, repeated ones too.
std::vector<float> to_floats(const Array&);
bool equal(const Array&, const Array&);  // in type, shape and every bit
// The result's dimensions where sides of 1 repeat; Error where they do not fit.
Dims broadcast(const Dims&, const Dims&);

}  // namespace gsx::onnx_import
