// Extraction held against the masked graph; see graphs.h.
#include "gs/passes/extract.h"
#include "tests/catch.h"
#include "tests/gs/graphs.h"

namespace gsx::test {

Graph checked_extraction(const Graph& masked, const Shape& input, uint64_t seed) {
  Graph small = extract(masked);
  const Tensor x = random_images(input, seed), want = masked.run(x);
  CHECK(max_difference(small.run(x), want) <= 2e-3 * std::max(1.0, max_abs(want)));
  CHECK(small.cost(input).macs.true_macs <= masked.cost(input).macs.true_macs);
  return small;
}

}  // namespace gsx::test
