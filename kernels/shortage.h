// Memory that is kept for later goes back when somebody finds none left. What is kept is a matter
// of one cache, what is left one of the process: so every cache is asked, whoever is short.
#pragma once
#include <functional>

namespace gsx::kernels {

// Somebody who keeps memory: `give_back` releases what nobody uses and says whether that was
// anything. Any thread may call it, so it waits for no lock: a cache in use is left out.
class Keeper {
 public:
  explicit Keeper(std::function<bool()> give_back);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  std::function<bool()> give_back_;
  friend bool give_back_kept_memory();
};

// Asks every keeper, unless this thread is in a BusyKeeping; whether anything went back. Programs
// call it in their new handler, too (std::set_new_handler).
bool give_back_kept_memory();

// While one lives, the current thread is amid changing what it keeps.
class BusyKeeping {
 public:
  BusyKeeping();
  ~BusyKeeping();
  BusyKeeping(const BusyKeeping&) = delete;
  BusyKeeping& operator=(const BusyKeeping&) = delete;
};

}  // namespace gsx::kernels
