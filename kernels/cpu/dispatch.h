// From one kernel table per instruction set to the one table the rest of the program sees.
#pragma once

namespace gsx::kernels {

// Dispatch<&Table::entry, best>::call forwards to that entry of best(), the table of the
// instruction set in use.
template <auto entry, auto best>
struct Dispatch;

template <class Table, class... Args, void (*Table::*entry)(Args...), const Table& (*best)()>
struct Dispatch<entry, best> {
  static void call(Args... args) { (best().*entry)(args...); }
};

}  // namespace gsx::kernels
