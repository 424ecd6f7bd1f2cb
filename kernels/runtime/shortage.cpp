// The keepers of a process; see shortage.h.
#include "kernels/shortage.h"

#include <algorithm>
#include <mutex>
#include <vector>

namespace gsx::kernels {

namespace {

struct Keepers {
  std::mutex mutex;
  std::vector<Keeper*> all;
};

// Never destroyed: contexts may live until the very end.
Keepers& keepers() {
  static Keepers& keepers = *new Keepers;
  return keepers;
}

thread_local int busy = 0;

}  // namespace

BusyKeeping::BusyKeeping() { ++busy; }
BusyKeeping::~BusyKeeping() { --busy; }

Keeper::Keeper(std::function<bool()> give_back) : give_back_(std::move(give_back)) {
  const BusyKeeping busy_keeping;
  std::lock_guard lock(keepers().mutex);
  keepers().all.push_back(this);
}

Keeper::~Keeper() {
  std::lock_guard lock(keepers().mutex);
  std::erase(keepers().all, this);
}

bool give_back_kept_memory() {
  if (busy > 0) return false;
  const BusyKeeping busy_keeping;
  std::lock_guard lock(keepers().mutex);
  bool any = false;
  for (const Keeper* keeper : keepers().all) any = keeper->give_back_() || any;
  return any;
}

}  // namespace gsx::kernels
