// A PTX module ready to run: parsed, its variables in memory, all its entries compiled.
#pragma once
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/ptx/machine/machine.h"
#include "tests/ptx/machine/module.h"
#include "tests/ptx/machine/program.h"

namespace gsx::ptx {

class Library {
 public:
  Library(std::string_view text, const std::string& name);
  static Library load(const std::string& path);
  Library(Library&&) = default;

  const std::string& name() const { return module_->name; }
  const std::map<std::string, Kernel>& kernels() const { return kernels_; }
  const Kernel* find(const std::string& mangled_name) const;

  // Adds the module's variables to what its kernels may touch.
  void add_variables(GlobalMemory& memory) const;

 private:
  void place_variables();

  std::unique_ptr<Module> module_;  // kernels point to it
  std::unique_ptr<std::byte[]> memory_;
  Addresses addresses_;
  std::map<std::string, Kernel> kernels_;
};

}  // namespace gsx::ptx
