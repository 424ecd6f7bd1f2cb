// Names, snapshots and comparisons.
#include "tests/ptx/ptx_kernels/checker.h"

#include <cxxabi.h>
#include <dlfcn.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <utility>

namespace gsx::ptx {
namespace {

// A mangled name as C++ writes it. The emulator's vector types (float4 and the like) live in its
// namespace, CUDA's in none.
std::string readable(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), std::free);
  if (status != 0) return mangled;
  std::string name = text.get();
  for (const char* type : {"float", "int", "uint"}) {
    for (const char* count : {"2", "4"}) {
      const std::string plain = std::string(type) + count;
      const std::string qualified = "gsx::kernels::emulated::" + plain;
      for (size_t at; (at = name.find(qualified)) != name.npos;) {
        name.replace(at, qualified.size(), plain);
      }
    }
  }
  return name;
}

std::string kernel_name(const void* function) {
  Dl_info info = {};
  if (dladdr(function, &info) == 0 || !info.dli_sname || info.dli_saddr != function) {
    throw Error("a launched kernel has no symbol; it must have external linkage");
  }
  return readable(info.dli_sname);
}

std::vector<std::byte> contents(const kernels::emulated::gpu::Allocation& allocation) {
  const auto* data = static_cast<const std::byte*>(allocation.data);
  return {data, data + allocation.bytes};
}

Dim dim(const kernels::Extent& e) {
  return {static_cast<uint32_t>(e.x), static_cast<uint32_t>(e.y), static_cast<uint32_t>(e.z)};
}

std::string word(const std::vector<std::byte>& bytes, size_t at) {
  uint32_t bits = 0;
  std::memcpy(&bits, &bytes[at], std::min<size_t>(4, bytes.size() - at));
  float value;
  std::memcpy(&value, &bits, sizeof value);
  char text[64];
  std::snprintf(text, sizeof text, "0x%08x (%.9g)", bits, static_cast<double>(value));
  return text;
}

}  // namespace

void Checker::add_build(const std::string& architecture, std::vector<Library> modules) {
  Build& build = builds_.emplace_back();
  build.architecture = architecture;
  build.modules = std::move(modules);
  for (const Library& module : build.modules) {
    for (const auto& [name, kernel] : module.kernels()) {
      const auto [at, isnew] = build.kernels.try_emplace(readable(name));
      if (!isnew) throw Error("two kernels are called " + at->first);
      at->second = {&module, &kernel, std::vector<uint8_t>(kernel.code.size()), 0};
    }
  }
}

std::string Checker::name_of(size_t allocation) const {
  const auto found = names_.find(allocations_[allocation].data);
  if (found != names_.end()) return found->second;
  return "allocation " + std::to_string(allocation) + " (" +
         std::to_string(allocations_[allocation].bytes) + " bytes)";
}

void Checker::before(const Launch& launch) {
  allocations_ = kernels::emulated::gpu::live_allocations();
  saved_.clear();
  for (const auto& allocation : allocations_) saved_.push_back(contents(allocation));
  const std::string name = kernel_name(launch.function);
  for (Build& build : builds_) {
    build.results.clear();
    try {
      replay(build, launch, name);
      for (const auto& allocation : allocations_) build.results.push_back(contents(allocation));
    } catch (const Error& error) {
      failures_ += build.architecture + ": " + error.what() + "\n";
    }
    for (size_t i = 0; i < allocations_.size(); ++i) {
      std::copy(saved_[i].begin(), saved_[i].end(), static_cast<std::byte*>(allocations_[i].data));
    }
  }
}

void Checker::replay(Build& build, const Launch& launch, const std::string& name) {
  const auto found = build.kernels.find(name);
  if (found == build.kernels.end()) throw Error("no PTX of the launched kernel " + name);
  Kernel& kernel = found->second;
  GlobalMemory memory;
  for (size_t i = 0; i < allocations_.size(); ++i) {
    memory.add(allocations_[i].data, allocations_[i].bytes, name_of(i));
  }
  kernel.module->add_variables(memory);
  LaunchConfig config;
  config.grid = dim(launch.grid);
  config.block = dim(launch.block);
  config.dynamic_shared = static_cast<uint32_t>(launch.shared_bytes);
  config.params = launch.parameters;
  const LaunchStatistics statistics = ptx::launch(*kernel.kernel, config, memory);
  ++kernel.launches;
  build.lane_instructions += statistics.lane_instructions;
  for (size_t i = 0; i < kernel.executed.size(); ++i) {
    kernel.executed[i] |= statistics.executed[i];
  }
}

void Checker::after(const Launch& launch) {
  for (const Build& build : builds_) {
    if (!build.results.empty()) compare(build, launch);
  }
}

void Checker::compare(const Build& build, const Launch& launch) {
  for (size_t i = 0; i < allocations_.size(); ++i) {
    const std::vector<std::byte>& interpreted = build.results[i];
    if (std::memcmp(allocations_[i].data, interpreted.data(), interpreted.size()) == 0) continue;
    const std::vector<std::byte> emulated = contents(allocations_[i]);
    const auto differs = std::mismatch(emulated.begin(), emulated.end(), interpreted.begin());
    const auto at = static_cast<size_t>(differs.first - emulated.begin()) / 4 * 4;
    size_t words = 0;
    for (size_t k = at; k < emulated.size(); k += 4) {
      const size_t n = std::min<size_t>(4, emulated.size() - k);
      words += std::memcmp(&emulated[k], &interpreted[k], n) != 0;
    }
    failures_ += build.architecture + ": kernel " + kernel_name(launch.function) + " (" +
                 launch.name + "): " + name_of(i) + " differs in " + std::to_string(words) +
                 " words, first at byte " + std::to_string(at) + ": emulator " +
                 word(emulated, at) + ", PTX " + word(interpreted, at) + ", before " +
                 word(saved_[i], at) + "\n";
  }
}

std::string Checker::take_failures() { return std::exchange(failures_, {}); }

std::string Checker::never_run() const {
  std::string names;
  for (const Build& build : builds_) {
    for (const auto& [name, kernel] : build.kernels) {
      if (kernel.launches == 0) names += build.architecture + ": " + name + "\n";
    }
  }
  return names;
}

std::string Checker::summary() const {
  std::string lines;
  for (const Build& build : builds_) {
    size_t all = 0, ran = 0;
    for (const auto& [name, kernel] : build.kernels) {
      all += kernel.executed.size();
      ran += static_cast<size_t>(std::count(kernel.executed.begin(), kernel.executed.end(), 1));
    }
    char text[160];
    std::snprintf(text, sizeof text,
                  "%s: %.1f %% of %zu instructions in %zu kernels, %.2f G lane instructions\n",
                  build.architecture.c_str(),
                  100.0 * static_cast<double>(ran) / static_cast<double>(std::max<size_t>(all, 1)),
                  all, build.kernels.size(), static_cast<double>(build.lane_instructions) * 1e-9);
    lines += text;
  }
  return lines;
}

}  // namespace gsx::ptx
