// Constants of an ONNX file: weights, and the small tensors of integers that exported graphs
// compute shapes with. Folding them is arithmetic on these, one array at a time.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace gsx::onnx_import {

using Dims = std::vector<int64_t>;

// Every floating-point type of a file is widened (or narrowed) to float, every integer to int64.
enum class Type : uint8_t { real, integer, truth };

// Numbers that stay in their file until they are asked for. Copies ask again.
class Reals {
 public:
  using Source = std::function<void(std::vector<float>& to)>;

  Reals() = default;
  Reals(std::vector<float> values) : values_(std::move(values)) {}
  Reals(std::initializer_list<float> values) : values_(values) {}
  Reals(size_t count, Source source) : count_(count), source_(std::move(source)) {}

  size_t size() const { return source_ ? count_ : values_.size(); }
  bool empty() const { return size() == 0; }
  const std::vector<float>& values() const {
    if (source_) {
      source_(values_);
      source_ = nullptr;
    }
    return values_;
  }
  std::vector<float>& values() {
    std::as_const(*this).values();
    return values_;
  }
  // The same without keeping them: in `place`, unless they are there already.
  const std::vector<float>& values_in(std::vector<float>& place) const {
    if (!source_) return values_;
    source_(place);
    return place;
  }
  operator const std::vector<float>&() const { return values(); }

  const float& operator[](size_t i) const { return values()[i]; }
  float& operator[](size_t i) { return values()[i]; }
  const float* data() const { return values().data(); }
  auto begin() { return values().begin(); }
  auto end() { return values().end(); }
  void push_back(float v) { values().push_back(v); }
  void resize(size_t n) { values().resize(n); }
  void clear() { *this = {}; }

 private:
  size_t count_ = 0;
  mutable std::vector<float> values_;
  mutable Source source_;  // of values_; empty: they are there
};

// An array [dims...], row-major. Where dims repeat one value along a dimension, as Expand makes it,
// `held` has a 1 there and the values are held once.
struct Array {
  Type type = Type::real;
  Dims dims, held;
  Reals reals;                    // of reals
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
