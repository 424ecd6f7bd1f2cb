// Loading, and the initial values of variables.
#include "tests/ptx/machine/library.h"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>

namespace gsx::ptx {
namespace {

constexpr uint64_t kAlign = 256;

uint64_t align_up(uint64_t at) { return (at + kAlign - 1) / kAlign * kAlign; }

}  // namespace

Library::Library(std::string_view text, const std::string& name)
    : module_(std::make_unique<Module>(parse(text, name))) {
  place_variables();
  for (const Function& function : module_->functions) {
    if (!function.entry || !function.defined) continue;
    kernels_.emplace(function.name, compile(*module_, function, addresses_));
  }
}

Library Library::load(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error("cannot read " + path);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  return Library(text, path.substr(path.rfind('/') + 1));
}

void Library::place_variables() {
  uint64_t total = kAlign;
  for (const Variable& variable : module_->variables) total += align_up(variable.bytes);
  memory_ = std::make_unique<std::byte[]>(total);
  uint64_t at = align_up(reinterpret_cast<uint64_t>(memory_.get()));
  for (const Variable& variable : module_->variables) {
    addresses_.push_back(at);
    if (variable.space != Space::shared) at += align_up(variable.bytes);
  }
  for (size_t i = 0; i < addresses_.size(); ++i) {
    const Variable& variable = module_->variables[i];
    if (variable.space == Space::shared || variable.bytes == 0) continue;
    auto* const to = reinterpret_cast<std::byte*>(addresses_[i]);
    std::copy(variable.initial.begin(), variable.initial.end(), to);
    for (const Variable::Address& address : variable.addresses) {
      const auto named =
          std::find_if(module_->variables.begin(), module_->variables.end(),
                       [&](const Variable& v) { return v.name == address.variable; });
      if (named == module_->variables.end()) {
        throw Error(name() + ": " + variable.name + " holds the address of " + address.variable);
      }
      const uint64_t value = addresses_[static_cast<size_t>(named - module_->variables.begin())] +
                             static_cast<uint64_t>(address.addend);
      std::memcpy(to + address.offset, &value, sizeof value);
    }
  }
}

const Kernel* Library::find(const std::string& mangled_name) const {
  const auto found = kernels_.find(mangled_name);
  return found == kernels_.end() ? nullptr : &found->second;
}

void Library::add_variables(GlobalMemory& memory) const {
  for (size_t i = 0; i < addresses_.size(); ++i) {
    const Variable& variable = module_->variables[i];
    if (variable.space == Space::shared || variable.bytes == 0) continue;
    memory.add(reinterpret_cast<void*>(addresses_[i]), variable.bytes, variable.name);
  }
}

}  // namespace gsx::ptx
