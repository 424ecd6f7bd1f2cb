// What max_pool and avg_pool share: their windows.
#pragma once
#include "models/nodes/common.h"

namespace gsx::nodes {

class Pool : public Node {
 public:
  Json attributes() const override {
    return {{"size", options_.size},
            {"stride", options_.stride},
            {"pad", options_.pad},
            {"ceil_mode", options_.ceil_mode},
            {"count_include_pad", options_.count_include_pad}};
  }
  Shape infer_shape(std::span<const Shape> in) const override {
    const Shape& x = only_input(*this, in, 4);
    return {x[0], x[1], outputs(x[2], x), outputs(x[3], x)};
  }

 protected:
  Pool(std::string n, std::vector<int> input_nodes, const PoolOptions& options)
      : options_(options) {
    name = std::move(n);
    inputs = std::move(input_nodes);
  }
  static PoolOptions read(const Attributes& a) {
    const int size = a.integer("size", 1, 1024);
    return {size, a.integer("stride", 1, 1024), a.integer("pad", 0, size / 2),
            a.boolean("ceil_mode"), a.boolean("count_include_pad")};
  }
  PoolOptions options_;

 private:
  // As PyTorch: in ceil mode the last window must start inside the image or its left padding.
  int64_t outputs(int64_t n, const Shape& x) const {
    const int64_t room = n + 2 * options_.pad - options_.size;
    const int64_t up = options_.ceil_mode ? options_.stride - 1 : 0;
    GSX_CHECK(room >= 0 || room + up >= 0, kind(), ": node ", name,
              " cannot take images as small as ", x, "; give larger ones");
    int64_t out = (room + up) / options_.stride + 1;
    if (options_.ceil_mode && (out - 1) * options_.stride >= n + options_.pad) --out;
    return out;
  }
};

}  // namespace gsx::nodes
