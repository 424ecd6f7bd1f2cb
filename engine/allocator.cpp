// Pieces of memory, who has them and where idle ones wait; see allocator.h.
#include "engine/allocator.h"

#include <algorithm>

#include "engine/error.h"

namespace gsx {

namespace {

// From here on blocks are cut and joined. What is left below this is not worth a piece of its own.
constexpr size_t kLarge = size_t{1} << 20;
constexpr size_t kPage = kernels::kSplitStep;

// Small sizes are rounded so that tensors of nearly equal size share idle blocks: at most 1/8 is
// lost, and there are few sizes. Large ones are whole pages and end in a gap that nobody uses.
size_t rounded(size_t bytes, size_t gap) {
  if (bytes <= 512) return 512;
  if (bytes > kLarge - kPage) return (bytes + gap + kPage - 1) / kPage * kPage;
  size_t step = 64;
  while (step * 16 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

size_t megabytes(size_t bytes) { return (bytes + 999'999) / 1'000'000; }

}  // namespace

bool Allocator::BySize::operator()(const Piece* a, const Piece* b) const {
  return a->size != b->size ? a->size < b->size : a->data < b->data;
}
bool Allocator::BySize::operator()(const Piece* a, size_t size) const { return a->size < size; }

Allocator::Allocator(const kernels::MemoryKernels& memory, Keep keep, kernels::Split split)
    : memory_(memory), keep_(keep), split_(split), keeper_([this] {
        std::unique_lock lock(mutex_, std::try_to_lock);
        return lock && release_idle();
      }) {}

Allocator::~Allocator() { release_cache(); }

// What lies between two pieces of a block, so that each can go back by itself.
size_t Allocator::gap() const { return keep_ == Keep::peak && split_ ? kernels::kSplitGap : 0; }

size_t Allocator::block_size(size_t bytes) const {
  return keep_ == Keep::nothing ? std::max<size_t>(bytes, 1) : rounded(bytes, gap());
}

Allocator::Block Allocator::allocate(size_t bytes) {
  try {
    return try_to_allocate(bytes);
  } catch (const kernels::OutOfMemory&) {
    kernels::give_back_kept_memory();
  }
  try {
    return try_to_allocate(bytes);
  } catch (const kernels::OutOfMemory& e) {
    const MemoryStats now = stats();
    throw kernels::OutOfMemory(
        "out of memory: tensors hold " + std::to_string(megabytes(now.current_bytes)) +
        " MB and need another " + std::to_string(megabytes(bytes)) +
        " MB that are not to be had (" + e.what() + "); smaller images or batches need less");
  }
}

Allocator::Block Allocator::try_to_allocate(size_t bytes) {
  const size_t size = block_size(bytes);
  const Lock lock(mutex_);
  Piece* piece = owner_ ? take(owner_->idle_, size) : nullptr;
  if (!piece) piece = take(shared_.idle_, size);
  if (!piece) piece = fresh(size);
  piece->home = owner_ ? owner_ : &shared_;
  stats_.current_bytes += piece->size;
  stats_.peak_bytes = std::max(stats_.peak_bytes, stats_.current_bytes);
  most_used_ = std::max(most_used_, stats_.current_bytes);
  return {piece->data, piece->size >= kLarge ? piece->size - gap() : piece->size};
}

void Allocator::deallocate(void* p) noexcept {
  const Lock lock(mutex_);
  Piece& piece = pieces_.find(p)->second;
  stats_.current_bytes -= piece.size;
  put_idle(piece);
}

void Allocator::release_cache() {
  const Lock lock(mutex_);
  release_idle();
}

void Allocator::own(Private* blocks) {
  const Lock lock(mutex_);
  owner_ = blocks;
}

void Allocator::disown(Private& blocks) {
  const Lock lock(mutex_);
  for (auto& [data, piece] : pieces_) {
    if (piece.home == &blocks && !piece.idle) piece.home = &shared_;
  }
  while (!blocks.idle_.empty()) {
    Piece& piece = **blocks.idle_.begin();
    take_out(piece);
    piece.home = &shared_;
    put_idle(piece);
  }
}

MemoryStats Allocator::stats() const {
  const Lock lock(mutex_);
  return stats_;
}

void Allocator::reset_peak() {
  const Lock lock(mutex_);
  stats_.peak_bytes = stats_.current_bytes;
}

// The idle piece that fits best, no longer idle; or null.
Allocator::Piece* Allocator::take(Pieces& from, size_t size) {
  const auto best = from.lower_bound(size);
  if (best == from.end()) return nullptr;
  Piece& piece = **best;
  const bool cuts = keep_ != Keep::nothing && size >= kLarge;
  if (!cuts && piece.size != size) return nullptr;
  if (piece.size - size >= kLarge) cut(piece, size);
  else take_out(piece);
  return &piece;
}

// A new block of the device's, in use.
Allocator::Piece* Allocator::fresh(size_t size) {
  if (keep_ == Keep::peak) make_room(size);
  auto* data = static_cast<std::byte*>(memory_.allocate(size >= kLarge ? size - gap() : size));
  try {
    return &add(data, size);
  } catch (...) {
    memory_.release(data);
    throw;
  }
}

// A piece in use.
Allocator::Piece& Allocator::add(std::byte* data, size_t size) {
  Piece& piece = pieces_.try_emplace(data, Piece{data, size, &shared_}).first->second;
  try {
    Pieces place = {&piece};
    piece.place = place.extract(place.begin());
  } catch (...) {
    pieces_.erase(data);
    throw;
  }
  return piece;
}

// Takes an idle piece out and shortens it to `size`; the rest becomes an idle neighbour.
void Allocator::cut(Piece& piece, size_t size) {
  Piece& rest = add(piece.data + size, piece.size - size);
  take_out(piece);
  rest.home = piece.home;
  rest.before = &piece;
  rest.after = piece.after;
  if (rest.after) rest.after->before = &rest;
  piece.after = &rest;
  piece.size = size;
  put_idle(rest);
}

// Makes the neighbour, which waits nowhere, a part of the piece, which does not either.
void Allocator::swallow(Piece& piece, Piece& next) noexcept {
  piece.size += next.size;
  piece.after = next.after;
  if (piece.after) piece.after->before = &piece;
  pieces_.erase(next.data);
}

// Joined with its idle neighbours of the same home; back to the device where nothing is kept.
void Allocator::put_idle(Piece& piece) noexcept {
  const auto joins = [&](const Piece* other) {
    return other && other->idle && other->home == piece.home;
  };
  Piece *first = &piece, *after = piece.after, *before = piece.before;
  if (joins(after)) {
    take_out(*after);
    swallow(piece, *after);
  }
  if (joins(before)) {
    take_out(*before);
    swallow(*before, piece);
    first = before;
  }
  first->idle = true;
  first->home->idle_.insert(std::move(first->place));
  stats_.cached_bytes += first->size;
  if (keep_ == Keep::nothing && first->home == &shared_) release(*first);
}

void Allocator::take_out(Piece& piece) noexcept {
  piece.place = piece.home->idle_.extract(&piece);
  piece.idle = false;
  stats_.cached_bytes -= piece.size;
}

// Whether the piece is a block of the device's, if need be from now on.
bool Allocator::stands_alone(Piece& piece) noexcept {
  if (piece.whole()) return true;
  if (gap() == 0) return false;
  const auto part = [&](Piece& first, Piece& second) {
    Piece* begin = &first;
    while (begin->before) begin = begin->before;
    if (!split_(begin->data, static_cast<size_t>(second.data - begin->data))) return false;
    first.after = second.before = nullptr;
    return true;
  };
  return (!piece.before || part(*piece.before, piece)) &&
         (!piece.after || part(piece, *piece.after));
}

// An idle whole piece goes back to the device.
void Allocator::release(Piece& piece) noexcept {
  take_out(piece);
  memory_.release(piece.data);
  pieces_.erase(piece.data);
}

// Gives back the largest idle pieces, which do not fit whoever asks for another `size`, where more
// would be held than tensors ever held: whole blocks first.
void Allocator::make_room(size_t size) {
  const size_t most = std::max(most_used_, stats_.current_bytes + size);
  Pieces& idle = shared_.idle_;
  for (const bool parts : {false, true})
    for (auto it = idle.end();
         it != idle.begin() && stats_.current_bytes + stats_.cached_bytes + size > most;) {
      Piece& piece = **--it;
      if (!piece.whole() && (!parts || !stands_alone(piece))) continue;
      ++it;
      release(piece);
    }
}

bool Allocator::release_idle() {
  const size_t before = stats_.cached_bytes;
  for (auto it = shared_.idle_.begin(); it != shared_.idle_.end();) {
    Piece& piece = **it++;
    if (stands_alone(piece)) release(piece);
  }
  return stats_.cached_bytes < before;
}

}  // namespace gsx
