// What training needs of the teacher for its photos, computed when needed and remembered by photo
// and augmentation.
#pragma once
#include <unordered_map>

#include "gs/losses/distance.h"
#include "models/graph.h"

namespace gsx {

struct TeacherTarget {
  Tensor images;               // the teacher's, [N,3,H,W] in its output format
  std::vector<Tensor> layers;  // theirs (Distance::layers), where asked for
};

// Photos go through the networks one by one, so that what comes back for a photo never depends on
// its batch or on what is remembered. Photos come in an order that is shuffled anew each round:
// what is remembered first stays, since that hits more often than keeping what came last.
class TeacherTargets {
 public:
  // The graph must outlive this. Remembers where photos come again as they were.
  TeacherTargets(const Graph& teacher, bool repeats, size_t max_bytes = size_t{256} << 20)
      : teacher_(teacher), max_bytes_(repeats ? max_bytes : 0) {}

  // `distance`: whose layers to give with the images; null: none. One and the same always.
  TeacherTarget of(const ImageBatch&, const Distance* distance = nullptr);

  size_t bytes() const { return bytes_; }  // remembered

 private:
  TeacherTarget of_source(const Tensor& source, const Tensor& second,
                          const Distance* distance) const;

  const Graph& teacher_;
  size_t max_bytes_, bytes_ = 0;
  std::unordered_map<std::string, TeacherTarget> known_;
};

}  // namespace gsx
