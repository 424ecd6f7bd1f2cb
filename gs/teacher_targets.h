// The teacher's pictures of training photos, computed when needed and remembered by photo and
// augmentation.
#pragma once
#include <list>
#include <unordered_map>

#include "gs/train_data.h"
#include "models/graph.h"

namespace gsx {

// Photos go through the teacher one by one, in full precision, so that what comes back for a photo
// never depends on its batch or on what is remembered. The least recently used are forgotten.
class TeacherTargets {
 public:
  // The graph must outlive this.
  explicit TeacherTargets(const Graph& teacher, size_t max_bytes = size_t{256} << 20)
      : teacher_(teacher), max_bytes_(max_bytes) {}

  // Pictures in picture format -> the teacher's, [N,3,H,W] in its output format.
  Tensor of(const PictureBatch&);

 private:
  struct Entry {
    std::string key;
    Tensor picture;
  };
  const Graph& teacher_;
  size_t max_bytes_, bytes_ = 0;
  std::list<Entry> recent_;  // most recent first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_key_;
};

}  // namespace gsx
