// Shapes: up to four dimensions, spoken as N C H W (filters: K C R S).
#pragma once
#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>

#include "engine/error.h"

namespace gsx {

class Shape {
 public:
  Shape() = default;  // rank 0: a scalar
  Shape(std::initializer_list<int64_t> dims) : Shape(dims.begin(), dims.end()) {}
  template <class It>
  Shape(It first, It last) {
    for (; first != last; ++first) {
      GSX_CHECK(rank_ < 4, "shape: expected at most 4 dimensions, got more");
      GSX_CHECK(*first >= 0, "shape: dimension ", rank_, " must not be negative, got ", *first);
      dims_[rank_++] = *first;
    }
  }

  int rank() const { return rank_; }
  int64_t operator[](int i) const { return dims_[i]; }
  int64_t numel() const {
    int64_t n = 1;
    for (int i = 0; i < rank_; ++i) n *= dims_[i];
    return n;
  }
  const int64_t* begin() const { return dims_.data(); }
  const int64_t* end() const { return dims_.data() + rank_; }
  friend bool operator==(const Shape&, const Shape&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Shape& s) {
    out << '[';
    for (int i = 0; i < s.rank(); ++i) out << (i ? ", " : "") << s[i];
    return out << ']';
  }

 private:
  std::array<int64_t, 4> dims_{};
  int rank_ = 0;
};

}  // namespace gsx
