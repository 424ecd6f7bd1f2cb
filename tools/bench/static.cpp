// gsx bench --static: what the compiler made of the CUDA kernels, read from their machine code.
#include <algorithm>
#include <filesystem>
#include <iomanip>
#include <iostream>

#include "engine/io/input_file.h"
#include "tools/bench/bench.h"
#include "tools/bench/cubin.h"
#include "tools/bench/occupancy.h"
#include "tools/bench/sass.h"

namespace gsx::tools {
namespace {

constexpr const char* kThisProgram = "/proc/self/exe";

struct Profile {
  MachineKernel kernel;
  InstructionMix mix;
  bool has_occupancy = false;  // the architecture and the threads are known
  Occupancy occupancy;
};

std::vector<Profile> profiles_of(const std::vector<MachineKernel>& kernels, const BenchOptions& o) {
  std::vector<Profile> profiles;
  for (const MachineKernel& k : kernels) {
    if (k.name().find(o.only) == std::string::npos) continue;
    Profile p{k, count_instructions(k.code, k.architecture), false, {}};
    const Multiprocessor* m = find_multiprocessor(k.architecture);
    if (m && k.threads > 0) {
      p.has_occupancy = true;
      p.occupancy = occupancy(*m, {k.threads, k.registers, k.shared_bytes + o.shared_bytes});
    }
    profiles.push_back(std::move(p));
  }
  std::stable_sort(profiles.begin(), profiles.end(), [](const Profile& a, const Profile& b) {
    return std::pair(a.kernel.architecture, a.kernel.name()) <
           std::pair(b.kernel.architecture, b.kernel.name());
  });
  return profiles;
}

Json widths_json(const AccessWidths& w) {
  return {{"narrow", w.narrow}, {"32", w.w32}, {"64", w.w64}, {"128", w.w128}};
}

Json to_json(const Profile& p) {
  const MachineKernel& k = p.kernel;
  const InstructionMix& m = p.mix;
  Json json = {{"kernel", k.name()},
               {"symbol", k.symbol},
               {"architecture", k.architecture},
               {"registers", k.registers},
               {"stack_bytes", k.stack_bytes},
               {"spill_loads", m.load_local},
               {"spill_stores", m.store_local},
               {"static_shared_bytes", k.shared_bytes},
               {"threads", k.threads > 0 ? Json(k.threads) : Json(nullptr)},
               {"occupancy", nullptr}};
  if (p.has_occupancy) {
    const Occupancy& c = p.occupancy;
    json["occupancy"] = {{"blocks", c.blocks},
                         {"share", c.share},
                         {"limit", c.limit},
                         {"shared_room_bytes", c.shared_room}};
  }
  json["instructions"] = {{"total", m.total},
                          {"load_global", widths_json(m.load_global)},
                          {"store_global", widths_json(m.store_global)},
                          {"load_shared", widths_json(m.load_shared)},
                          {"store_shared", widths_json(m.store_shared)},
                          {"copy_async", widths_json(m.copy_async)},
                          {"load_generic", widths_json(m.load_generic)},
                          {"store_generic", widths_json(m.store_generic)},
                          {"load_matrix", m.load_matrix},
                          {"tensor", m.tensor},
                          {"fma", m.fma},
                          {"fma64", m.fma64},
                          {"integer_fma", m.integer_fma},
                          {"dot", m.dot},
                          {"shuffle", m.shuffle},
                          {"barrier", m.barrier}};
  return json;
}

// "2/0/0/14": 8 and 16 bits, 32, 64, 128; "-" for none at all.
std::string text(const AccessWidths& w) {
  if (w.total() == 0) return "-";
  return std::to_string(w.narrow) + '/' + std::to_string(w.w32) + '/' + std::to_string(w.w64) +
         '/' + std::to_string(w.w128);
}

std::string occupancy_text(const Profile& p) {
  if (!p.has_occupancy) return "?";
  const Occupancy& c = p.occupancy;
  return std::to_string(static_cast<int>(100 * c.share + 0.5)) + "% " + c.limit;
}

void print_row(const std::vector<std::string>& cells) {
  static const std::vector<int> kWidths = {4,  5,  6, 7, 6, 18, 7, 14, 14, 14,
                                           14, 14, 5, 5, 5, 5,  5, 4,  5,  4};
  for (size_t i = 0; i < kWidths.size(); ++i) std::cout << std::setw(kWidths[i]) << cells[i] << ' ';
  std::cout << cells.back() << '\n';
}

void print(const Profile& p) {
  const MachineKernel& k = p.kernel;
  const InstructionMix& m = p.mix;
  const auto n = [](int64_t value) { return value == 0 ? "-" : std::to_string(value); };
  print_row({n(k.registers),
             k.threads > 0 ? n(k.threads) : "?",
             n(k.stack_bytes),
             m.load_local + m.store_local == 0 ? "-" : n(m.load_local) + '+' + n(m.store_local),
             n(k.shared_bytes),
             occupancy_text(p),
             p.has_occupancy ? n(p.occupancy.shared_room) : "?",
             text(m.load_global),
             text(m.store_global),
             text(m.load_shared),
             text(m.store_shared),
             text(m.copy_async),
             text(m.load_generic),
             text(m.store_generic),
             n(m.load_matrix),
             n(m.tensor),
             n(m.fma),
             n(m.fma64),
             n(m.integer_fma),
             n(m.dot),
             n(m.shuffle),
             n(m.barrier),
             k.name()});
}

void print(const std::vector<Profile>& profiles, const BenchOptions& o) {
  std::cout << "Accesses by width: 8 and 16 bits/32/64/128. Spills: loads+stores of local memory. "
               "Occupancy with "
            << o.shared_bytes
            << " bytes of dynamic shared memory;\nroom: how many more cost nothing. IMAD counts "
               "moves and shifts, too.\n";
  int architecture = 0;
  for (const Profile& p : profiles) {
    if (p.kernel.architecture != architecture) {
      architecture = p.kernel.architecture;
      const auto same = [&](const Profile& q) { return q.kernel.architecture == architecture; };
      std::cout << "\nsm_" << architecture << ": "
                << std::count_if(profiles.begin(), profiles.end(), same) << " kernels\n";
      print_row({"regs", "block", "stack", "spills", "shared", "occupancy", "room",  "LDG",
                 "STG",  "LDS",   "STS",   "LDGSTS", "LD",     "ST",        "LDSM",  "xMMA",
                 "FFMA", "DFMA",  "IMAD",  "IDP",    "SHFL",   "BAR",       "kernel"});
    }
    print(p);
  }
}

}  // namespace

void run_static_profile(const BenchOptions& o) {
  const bool own = o.files.empty();
  std::vector<std::vector<uint8_t>> contents;
  std::vector<MachineKernel> kernels;
  for (const std::string& file : own ? std::vector<std::string>{kThisProgram} : o.files) {
    contents.push_back(read_file(file));
    std::vector<MachineKernel> found;
    try {
      found = find_machine_kernels(contents.back());
    } catch (const Error& error) {
      fail(file, ": ", error.what());
    }
    GSX_CHECK(own || !found.empty(), file,
              ": no CUDA machine code found; give a cubin, or a fat binary or program that was "
              "linked without compressing it (nvcc --no-compress)");
    kernels.insert(kernels.end(), found.begin(), found.end());
  }
  GSX_CHECK(!kernels.empty(),
            "this gsx was built without CUDA, so it holds no machine code to profile; build with "
            "GSX_CUDA=ON or name a file");
  const std::vector<Profile> profiles = profiles_of(kernels, o);
  GSX_CHECK(!profiles.empty(), "--only: no kernel's name contains '", o.only, "'");
  if (!o.json) {
    print(profiles, o);
    return;
  }
  Json json = {{"dynamic_shared_bytes", o.shared_bytes}, {"kernels", Json::array()}};
  for (const Profile& p : profiles) json["kernels"].push_back(to_json(p));
  print_json(json);
}

}  // namespace gsx::tools
