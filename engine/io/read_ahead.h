// Images loaded ahead of whoever takes them, by threads of its own.
#pragma once
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "engine/io/image.h"

namespace gsx {

// One thread wants and takes; which images come knows nothing of when they were loaded.
class ReadAhead {
 public:
  using Load = std::function<Image(size_t)>;  // called by several threads at once
  // Nothing more is begun while images of `most_bytes` are ready and untaken.
  ReadAhead(Load load, uint64_t most_bytes);
  ~ReadAhead();  // waits for the images that are being loaded, not for those wanted
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  // Will be taken soon; images are loaded in the order they are first wanted in. Where there are no
  // threads to be had, take() loads.
  void want(size_t index);
  // The image, loaded here unless that has begun. Throws what loading threw.
  Image take(size_t index);

 private:
  enum class State : uint8_t { wanted, loading, ready };
  struct Slot {
    State state = State::wanted;
    Image image;
    std::exception_ptr error;
  };
  void start_threads();
  void work();
  bool may_begin() const { return !queue_.empty() && (ready_bytes_ < most_bytes_ || ready_ == 0); }

  Load load_;
  uint64_t most_bytes_;
  std::mutex mutex_;
  std::condition_variable begin_, ready_now_;
  std::map<size_t, Slot> slots_;
  std::deque<size_t> queue_;  // of those wanted
  uint64_t ready_bytes_ = 0;
  size_t ready_ = 0;
  bool stop_ = false, started_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace gsx
