// Scheduling of lanes, warps and blocks, and where an error happened.
#include "tests/ptx/machine/machine.h"

#include <cxxabi.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {
namespace {

// More than any kernel of a test runs; a loop that never ends gets here in about a minute.
constexpr uint64_t kMostSteps = 1'000'000'000;

std::string demangled(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), std::free);
  return status == 0 ? text.get() : name;
}

std::string text_of(const Dim& d) {
  return std::string("(") + std::to_string(d.x) + ", " + std::to_string(d.y) + ", " +
         std::to_string(d.z) + ")";
}

class Runner {
 public:
  Runner(const Kernel& kernel, const LaunchConfig& config, GlobalMemory& memory)
      : kernel_(kernel), config_(config), memory_(memory) {
    threads_ = config.block.x * config.block.y * config.block.z;
    check();
    statistics_.executed.resize(kernel.code.size());
    make_warps();
  }

  LaunchStatistics run() {
    memory_.begin_launch();
    block_.launch = &config_;
    block_.memory = &memory_;
    const Dim& grid = config_.grid;
    for (uint32_t z = 0; z < grid.z; ++z) {
      for (uint32_t y = 0; y < grid.y; ++y) {
        for (uint32_t x = 0; x < grid.x; ++x) {
          block_.at = {x, y, z};
          run_block();
          ++block_.number;
        }
      }
    }
    return std::move(statistics_);
  }

 private:
  void check() const {
    const auto require = [&](bool holds, const std::string& what) {
      if (!holds) throw Error("kernel " + demangled(kernel_.name) + ": launched with " + what);
    };
    require(threads_ >= 1 && threads_ <= 1024,
            "a block of " + std::to_string(threads_) + " threads");
    require(kernel_.most_threads == 0 || threads_ <= static_cast<uint32_t>(kernel_.most_threads),
            std::to_string(threads_) + " threads a block, its launch bound is " +
                std::to_string(kernel_.most_threads));
    require(config_.params.size() == kernel_.param_bytes, std::to_string(config_.params.size()) +
                                                              " bytes of parameters, it declares " +
                                                              std::to_string(kernel_.param_bytes));
    const Dim& grid = config_.grid;
    require(grid.x >= 1 && grid.y >= 1 && grid.z >= 1 && grid.x <= 0x7fffffff && grid.y <= 65535 &&
                grid.z <= 65535 && config_.block.z <= 64,
            "a grid of " + text_of(grid) + " blocks");
    // What an H100 offers one block.
    require(kernel_.dynamic_shared_at + config_.dynamic_shared <= 227 * 1024,
            std::to_string(config_.dynamic_shared) + " bytes of shared memory");
  }

  void make_warps() {
    const uint32_t count = (threads_ + kLanes - 1) / kLanes;
    warps_.resize(count);
    const size_t bytes = (kernel_.register_bytes + 63) / 64 * 64;
    registers_.reset(
        static_cast<std::byte*>(std::aligned_alloc(64, std::max<size_t>(bytes, 64) * count)));
    std::memset(registers_.get(), 0xff, std::max<size_t>(bytes, 64) * count);
    for (uint32_t i = 0; i < count; ++i) {
      Warp& warp = warps_[i];
      warp.index = static_cast<int>(i);
      warp.block = &block_;
      warp.kernel = &kernel_;
      warp.registers = registers_.get() + bytes * i;
      warp.local.resize(size_t{kernel_.local_bytes} * kLanes, std::byte{0xff});
      for (const auto& constant : kernel_.constants) {
        if (constant.wide) {
          std::fill_n(lanes<uint64_t>(warp, constant.at), kLanes, constant.value);
        } else {
          std::fill_n(lanes<uint32_t>(warp, constant.at), kLanes,
                      static_cast<uint32_t>(constant.value));
        }
      }
    }
  }

  uint32_t special(Special which, uint32_t warp, uint32_t lane) const {
    const Dim& size = config_.block;
    const uint32_t thread = warp * kLanes + lane;
    switch (which) {
      case Special::tid_x: return thread % size.x;
      case Special::tid_y: return thread / size.x % size.y;
      case Special::tid_z: return thread / size.x / size.y;
      case Special::ntid_x: return size.x;
      case Special::ntid_y: return size.y;
      case Special::ntid_z: return size.z;
      case Special::ctaid_x: return block_.at.x;
      case Special::ctaid_y: return block_.at.y;
      case Special::ctaid_z: return block_.at.z;
      case Special::nctaid_x: return config_.grid.x;
      case Special::nctaid_y: return config_.grid.y;
      case Special::nctaid_z: return config_.grid.z;
      case Special::laneid: return lane;
      case Special::warpid: return warp;
      case Special::nwarpid: return static_cast<uint32_t>(warps_.size());
      case Special::lanemask_eq: return 1u << lane;
      case Special::lanemask_lt: return (1u << lane) - 1;
      case Special::lanemask_le: return (2u << lane) - 1;
      case Special::lanemask_gt: return ~((2u << lane) - 1);
      case Special::lanemask_ge: return ~((1u << lane) - 1);
      case Special::dynamic_shared: return config_.dynamic_shared;
    }
    return 0;
  }

  void begin(Warp& warp) {
    const auto first = static_cast<uint32_t>(warp.index) * kLanes;
    const uint32_t count = std::min<uint32_t>(threads_ - first, kLanes);
    warp.live = warp.active = count == kLanes ? kAllLanes : (1u << count) - 1;
    warp.waiting = 0;
    warp.pc = 0;
    warp.join = kNoJoin;
    warp.state = Warp::ready;
    warp.steps = 0;
    warp.copies.clear();
    std::fill_n(warp.copy_groups, kLanes, 0u);
    for (const auto& [which, at] : kernel_.specials) {
      uint32_t* values = lanes<uint32_t>(warp, at);
      for (uint32_t lane = 0; lane < kLanes; ++lane) {
        values[lane] = special(which, static_cast<uint32_t>(warp.index), lane);
      }
    }
  }

  void run_block() {
    // The host's shared memory starts as NaN too, so what nobody wrote shows.
    block_.shared.assign(kernel_.dynamic_shared_at + config_.dynamic_shared, std::byte{0xff});
    for (Warp& warp : warps_) begin(warp);
    for (;;) {
      for (Warp& warp : warps_) {
        if (warp.state == Warp::ready) run_located(warp);
      }
      if (std::all_of(warps_.begin(), warps_.end(),
                      [](const Warp& w) { return w.state == Warp::done; })) {
        return;
      }
      release_barriers();
    }
  }

  // Everyone waits or is done: opens the barriers that all they wait for have reached.
  void release_barriers() {
    bool opened = false;
    for (Warp& first : warps_) {
      if (first.state != Warp::at_barrier) continue;
      uint32_t here = 0, elsewhere = 0;
      for (Warp& warp : warps_) {
        if (warp.state != Warp::at_barrier) continue;
        if (warp.barrier == first.barrier) ++here;
        else ++elsewhere;
        if (warp.barrier == first.barrier && warp.pc != first.pc) {
          fail(warp, {"divergent barrier: warp " + std::to_string(first.index) + " waits at line " +
                          std::to_string(kernel_.sites[static_cast<size_t>(first.pc)].line),
                      -1});
        }
      }
      const uint32_t expected = first.barrier_threads;
      if (expected == 0 ? elsewhere != 0 : here * kLanes != expected) continue;
      opened = true;
      const uint32_t barrier = first.barrier;
      for (Warp& warp : warps_) {
        if (warp.state != Warp::at_barrier || warp.barrier != barrier) continue;
        warp.state = Warp::ready;
        ++warp.pc;
      }
    }
    if (opened) return;
    const auto stuck = std::find_if(warps_.begin(), warps_.end(),
                                    [](const Warp& w) { return w.state == Warp::at_barrier; });
    fail(*stuck, {"deadlock: this barrier is never complete", -1});
  }

  void run_located(Warp& warp) {
    try {
      run_warp(warp);
    } catch (const Fault& fault) {
      fail(warp, fault);
    }
  }

  [[noreturn]] void fail(const Warp& warp, const Fault& fault) const {
    const Site& site = kernel_.sites[static_cast<size_t>(warp.pc)];
    const Module& module = *kernel_.module;
    std::string where = "kernel " + demangled(kernel_.name) + ": block " + text_of(block_.at) +
                        ", warp " + std::to_string(warp.index);
    if (fault.lane >= 0) where += ", lane " + std::to_string(fault.lane);
    where +=
        ", " + std::string(site.opcode) + " at " + module.name + ":" + std::to_string(site.line);
    if (static_cast<size_t>(site.source_file) < module.files.size() && site.source_file > 0) {
      const std::string& file = module.files[static_cast<size_t>(site.source_file)];
      where +=
          " (" + file.substr(file.rfind('/') + 1) + ":" + std::to_string(site.source_line) + ")";
    }
    throw Error(where + ": " + fault.what);
  }

  static void park(Warp& w, uint32_t mask, int pc) {
    for (; mask; mask &= mask - 1) w.pcs[std::countr_zero(mask)] = static_cast<uint32_t>(pc);
  }

  // Makes the lanes with the lowest program counter active; all live lanes are parked.
  static void select(Warp& w) {
    const uint32_t candidates = w.live & ~w.waiting;
    if (candidates == 0) {
      w.pc = static_cast<int>(w.pcs[std::countr_zero(w.waiting)]);
      throw Fault{"deadlock: lanes wait here for lanes that never come",
                  std::countr_zero(w.waiting)};
    }
    uint32_t lowest = kNoJoin;
    for (uint32_t m = candidates; m; m &= m - 1)
      lowest = std::min(lowest, w.pcs[std::countr_zero(m)]);
    w.pc = static_cast<int>(lowest);
    w.active = 0;
    w.join = kNoJoin;
    for (uint32_t m = w.live; m; m &= m - 1) {
      const int lane = std::countr_zero(m);
      if (w.pcs[lane] == lowest) w.active |= 1u << lane;
      else if (w.pcs[lane] > lowest) w.join = std::min(w.join, w.pcs[lane]);
    }
    w.waiting &= ~w.active;
  }

  static void advance(Warp& w) {
    if (static_cast<uint32_t>(++w.pc) != w.join) return;
    park(w, w.active, w.pc);
    select(w);
  }

  static void branch(Warp& w, int target, uint32_t taken) {
    if (taken == 0) return advance(w);
    if (taken == w.live) {
      w.pc = target;
      return;
    }
    park(w, w.active & ~taken, w.pc + 1);
    park(w, taken, target);
    select(w);
  }

  static void branch_table(Warp& w, const Instruction& i, uint32_t mask) {
    const uint32_t* index = lanes<uint32_t>(w, i.a);
    park(w, w.active & ~mask, w.pc + 1);
    for (uint32_t m = mask; m; m &= m - 1) {
      const int lane = std::countr_zero(m);
      if (index[lane] >= i.count) throw Fault{"branch index out of range", lane};
      w.pcs[lane] = w.kernel->lists[i.list + index[lane]];
    }
    select(w);
  }

  static void exit(Warp& w, uint32_t mask) {
    w.live &= ~mask;
    w.active &= ~mask;
    if (w.live == 0) {
      w.state = Warp::done;
    } else if (w.active == 0) {
      select(w);
    } else {
      advance(w);
    }
  }

  // True when all `members` are here; else the lanes here wait for the others.
  static bool meet(Warp& w, uint32_t mask, uint32_t members) {
    if (const uint32_t gone = members & ~w.live) {
      throw Fault{"the mask names a lane that has exited", std::countr_zero(gone)};
    }
    if (const uint32_t strangers = mask & ~members) {
      throw Fault{"the mask lacks a lane that is here", std::countr_zero(strangers)};
    }
    if (mask == members) return true;
    park(w, w.active & ~mask, w.pc + 1);
    park(w, mask, w.pc);
    w.waiting |= mask;
    select(w);
    return false;
  }

  static uint32_t members_of(Warp& w, const Instruction& i, uint32_t mask) {
    const uint32_t* members = lanes<uint32_t>(w, static_cast<uint32_t>(i.value));
    const int first = std::countr_zero(mask);
    for (uint32_t m = mask; m; m &= m - 1) {
      const int lane = std::countr_zero(m);
      if (members[lane] != members[first]) throw Fault{"lanes name different masks", lane};
    }
    return members[first];
  }

  static void barrier(Warp& w, const Instruction& i, uint32_t mask) {
    if (mask == 0) return advance(w);
    if (i.all_lanes && mask != w.live) {
      throw Fault{"divergent barrier: lanes of the warp are elsewhere",
                  std::countr_zero(w.live & ~mask)};
    }
    if (!meet(w, mask, w.live)) return;
    const int first = std::countr_zero(mask);
    w.barrier = lanes<uint32_t>(w, i.a)[first];
    w.barrier_threads = lanes<uint32_t>(w, i.b)[first];
    w.state = Warp::at_barrier;
  }

  void warp_sync(Warp& w, const Instruction& i, uint32_t mask) {
    if (mask == 0) return advance(w);
    if (i.all_lanes && w.active != w.live) {
      throw Fault{"divergent: lanes of the warp are elsewhere",
                  std::countr_zero(w.live & ~w.active)};
    }
    if (!meet(w, mask, members_of(w, i, mask))) return;
    i.run(w, i, mask);
    advance(w);
  }

  void run_warp(Warp& w) {
    const Instruction* const code = kernel_.code.data();
    while (w.state == Warp::ready) {
      const Instruction& i = code[w.pc];
      uint32_t mask = w.active;
      if (i.guard >= 0) {
        const uint32_t p = predicate(w, static_cast<uint32_t>(i.guard));
        mask &= i.guard_negated ? ~p : p;
      }
      statistics_.executed[static_cast<size_t>(w.pc)] |= mask != 0;
      statistics_.lane_instructions +=
          w.active == kAllLanes ? kLanes : static_cast<uint64_t>(std::popcount(w.active));
      if (++w.steps > kMostSteps) throw Fault{"an endless loop", -1};
      switch (i.flow) {
        case Flow::next:
          if (mask) i.run(w, i, mask);
          advance(w);
          break;
        case Flow::branch: branch(w, static_cast<int>(i.value), mask); break;
        case Flow::branch_table: branch_table(w, i, mask); break;
        case Flow::exit: exit(w, mask); break;
        case Flow::barrier: barrier(w, i, mask); break;
        case Flow::warp_sync: warp_sync(w, i, mask); break;
      }
    }
  }

  struct Free {
    void operator()(std::byte* p) const { std::free(p); }
  };

  const Kernel& kernel_;
  const LaunchConfig& config_;
  GlobalMemory& memory_;
  uint32_t threads_ = 0;
  Block block_;
  std::vector<Warp> warps_;
  std::unique_ptr<std::byte, Free> registers_;
  LaunchStatistics statistics_;
};

}  // namespace

LaunchStatistics launch(const Kernel& kernel, const LaunchConfig& config, GlobalMemory& memory) {
  return Runner(kernel, config, memory).run();
}

}  // namespace gsx::ptx
