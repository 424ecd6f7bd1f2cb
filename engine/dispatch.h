// Picks an op's kernel table for a device. One overload, grown by a table per backend.
#pragma once
#include "engine/context.h"

namespace gsx {

template <class Table>
const Table& on(Device, const Table& cpu) {
  return cpu;
}

}  // namespace gsx
