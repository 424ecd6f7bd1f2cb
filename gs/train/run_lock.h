// A folder of a run, or of an ablation, belongs to one process at a time.
#pragma once
#include <filesystem>
#include <vector>

namespace gsx {

// How errors speak of a folder: which command holds it, and what it is called.
struct LockWords {
  const char* command = "train";
  const char* folder = "run folder";
};

// Holds a run folder for as long as this lives or, if the process dies, until then: the system
// forgets the lock with the process, whatever file it leaves. A folder that another process (or
// another run of this one) holds is an Error that tells its number.
class RunLock {
 public:
  // With `make`, the folder is made where there is none; else it must be there.
  RunLock(std::filesystem::path folder, bool make, const LockWords& = {});
  // Leaves no file of its own behind, and none of the folders it made that nobody has filled.
  ~RunLock();
  RunLock(const RunLock&) = delete;
  RunLock& operator=(const RunLock&) = delete;

 private:
  std::filesystem::path folder_, file_;
  std::vector<std::filesystem::path> made_;  // folders, the outermost first
  int fd_ = -1;
};

}  // namespace gsx
