// Runs the clean kernels of any backend and compares with references written as plain loops.
#pragma once
#include <string>
#include <vector>

#include "kernels/memory.h"
#include "tests/emulator/kernels.h"

struct CleanResults {
  std::vector<std::vector<float>> values;  // of each case
  std::vector<std::string> wrong;          // cases that missed their references
};
// Products by mma are compared within rounding, all else bit for bit.
CleanResults run_clean_kernels(const gsx::kernels::MemoryKernels& memory,
                               const gsx::kernels::CleanKernels& kernels);

// Device memory that holds copies of values.
template <class T>
class OnDevice {
 public:
  OnDevice(const gsx::kernels::MemoryKernels& memory, const std::vector<T>& values)
      : memory_(memory), size_(values.size()) {
    data_ = static_cast<T*>(memory.allocate(size_ * sizeof(T)));
    memory.copy(data_, values.data(), size_ * sizeof(T), nullptr);
  }
  OnDevice(const gsx::kernels::MemoryKernels& memory, size_t size)
      : memory_(memory), data_(static_cast<T*>(memory.allocate(size * sizeof(T)))), size_(size) {}
  ~OnDevice() { memory_.release(data_); }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;

  T* data() const { return data_; }
  std::vector<T> values() const {
    std::vector<T> values(size_);
    memory_.copy(values.data(), data_, size_ * sizeof(T), nullptr);
    memory_.synchronize(nullptr);
    return values;
  }

 private:
  const gsx::kernels::MemoryKernels& memory_;
  T* data_;
  size_t size_;
};
