// A context's caching allocator: what tensors give back is kept and handed out again. Small blocks
// are kept by size. Large ones go to whoever fits best, cut where much would be left, and what was
// cut grows together again; so what is held stays near the most that tensors ever held at once.
#pragma once
#include <map>
#include <mutex>
#include <set>
#include <unordered_map>

#include "engine/context.h"
#include "kernels/memory.h"
#include "kernels/shortage.h"
#include "kernels/split.h"

namespace gsx {

class Allocator {
  struct Piece;
  struct BySize {
    using is_transparent = void;
    bool operator()(const Piece* a, const Piece* b) const;
    bool operator()(const Piece* a, size_t size) const;
  };
  using Pieces = std::set<Piece*, BySize>;

 public:
  // Blocks handed out while work is captured: the captured graph uses them whenever it is replayed,
  // so nobody else may, whether a tensor still holds them or not.
  class Private {
    friend class Allocator;
    Pieces idle_;
  };

  enum class Keep {
    nothing,  // and blocks have the size asked for
    peak,     // no more in all than tensors ever held at once: parts of blocks go back, too
    all       // as long as the device has more
  };
  // split: of the memory's blocks, where parts of them can go back.
  Allocator(const kernels::MemoryKernels& memory, Keep keep, kernels::Split split = nullptr);
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;
  ~Allocator();  // the device must be selected

  struct Block {
    void* data;
    size_t size;  // at least what was asked for
  };
  // Where the device has no more, everything that anybody keeps goes back first; then an Error.
  Block allocate(size_t bytes);
  void deallocate(void* p) noexcept;
  void release_cache();

  // What is allocated from now on belongs to these blocks, which must live until disown(); null:
  // to nobody.
  void own(Private* blocks);
  // Their memory is like all other from now on.
  void disown(Private& blocks);

  MemoryStats stats() const;
  void reset_peak();

 private:
  // A stretch of memory that is in use or idle. Neighbours were cut from the same block of the
  // device's.
  struct Piece {
    std::byte* data;
    size_t size;
    Private* home;  // where it waits when it is idle
    bool idle = false;
    Piece *before = nullptr, *after = nullptr;
    Pieces::node_type place = {};  // in a home, while it is in use: going there needs no memory
    bool whole() const { return !before && !after; }  // a block of the device's
  };

  // Allocating under the lock may run into a shortage itself.
  struct Lock {
    explicit Lock(std::mutex& mutex) : lock(mutex) {}
    kernels::BusyKeeping busy;
    std::lock_guard<std::mutex> lock;
  };

  Block try_to_allocate(size_t bytes);
  size_t gap() const;
  size_t block_size(size_t bytes) const;
  Piece* take(Pieces& from, size_t size);
  Piece* fresh(size_t size);
  Piece& add(std::byte* data, size_t size);
  void cut(Piece& piece, size_t size);
  void swallow(Piece& piece, Piece& next) noexcept;
  void put_idle(Piece& piece) noexcept;
  void take_out(Piece& piece) noexcept;
  bool stands_alone(Piece& piece) noexcept;
  void release(Piece& piece) noexcept;
  void make_room(size_t size);
  bool release_idle();

  const kernels::MemoryKernels& memory_;
  const Keep keep_;
  const kernels::Split split_;
  mutable std::mutex mutex_;
  std::unordered_map<void*, Piece> pieces_;  // by address
  Private shared_;
  Private* owner_ = nullptr;  // of what is allocated now
  MemoryStats stats_;
  size_t most_used_ = 0;  // since the beginning
  kernels::Keeper keeper_;
};

}  // namespace gsx
