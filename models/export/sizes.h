// Which sizes of images an exported network gives back.
#pragma once
#include "models/graph.h"

namespace gsx {

// Of a network of one image [1,C,H,W] in and one out.
struct KeptSizes {
  int64_t multiple = 0;  // images whose sides are multiples of this come back `scale` times as
  int64_t scale = 1;     // large, others do not; 1: all come back; 0: sizes follow no such rule
};
KeptSizes kept_sizes(const Graph&);

}  // namespace gsx
