// From a kernel's one entry to what was compiled for the instruction set that its Exec names.
#pragma once
#include <bit>
#include <cstdint>

#include "kernels/exec.h"
#include "kernels/runtime/isa_in_use.h"

namespace gsx::kernels {

// What kernels that are to use set `isa` of isas() may use: that and the lesser ones, since not
// every file is compiled for all. Bits in the order of Highway's tables.
int64_t usable_sets(int isa);

// Whoever dispatches stands behind an entry that has said which set (Entered, Dispatch): an Error
// of the programmer, std::logic_error, otherwise.
[[noreturn]] void no_isa_in_use();

// What one of Highway's tables has for the sets in use; `compiled`: those its file was compiled
// for. A file with one set has a table of one.
template <class Function, size_t size>
Function choose(Function const (&table)[size], int64_t compiled) {
  if (size == 1) return table[0];
  if (isa_in_use == 0) no_isa_in_use();
  return table[std::countr_zero(static_cast<uint64_t>(isa_in_use & compiled))];
}

// Entered<function>::call is the function with the set of its Exec in use.
template <auto function>
struct Entered;

template <class... Args, void (*function)(Exec&, Args...)>
struct Entered<function> {
  static void call(Exec& e, Args... args) {
    const UseIsa use(usable_sets(e.isa));
    function(e, args...);
  }
};

// Dispatch<&Table::entry, best>::call forwards to that entry of best(), the table of the
// instruction set in use.
template <auto entry, auto best>
struct Dispatch;

template <class Table, class... Args, void (*Table::*entry)(Exec&, Args...), const Table& (*best)()>
struct Dispatch<entry, best> {
  static void call(Exec& e, Args... args) {
    const UseIsa use(usable_sets(e.isa));
    (best().*entry)(e, args...);
  }
};

}  // namespace gsx::kernels

// HWY_DYNAMIC_DISPATCH for the set in use by the calling thread instead of one of the process.
#define GSX_DISPATCH(function)                           \
  (*::gsx::kernels::choose(HWY_DISPATCH_TABLE(function), \
                           HWY_CHOSEN_TARGET_MASK_TARGETS & ~int64_t{1}))
