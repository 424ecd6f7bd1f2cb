// How handlers touch registers: loops over the lanes of a warp that the compiler can vectorise when
// all are active.
#pragma once
#include <bit>
#include <cstring>
#include <type_traits>

#include "tests/ptx/machine/machine.h"
#include "tests/ptx/machine/program.h"

namespace gsx::ptx {

// How a value of T lies in a register: types of 8 and 16 bits with zeros above.
template <class T>
using Stored = std::conditional_t<sizeof(T) == 8, uint64_t, uint32_t>;

template <class T>
inline T unpack(Stored<T> stored) {
  if constexpr (sizeof(T) == sizeof(Stored<T>)) return std::bit_cast<T>(stored);
  else return static_cast<T>(stored);
}
template <class T>
inline Stored<T> pack(T value) {
  if constexpr (sizeof(T) == sizeof(Stored<T>)) return std::bit_cast<Stored<T>>(value);
  else return static_cast<std::make_unsigned_t<T>>(value);
}

template <class T>
inline Stored<T>* lanes(Warp& warp, uint32_t at) {
  return reinterpret_cast<Stored<T>*>(warp.registers + at);
}

inline uint32_t& predicate(Warp& warp, uint32_t at) {
  return *reinterpret_cast<uint32_t*>(warp.registers + at);
}

// Calls f(lane) for the lanes of a mask.
template <class F>
inline void for_lanes(uint32_t mask, const F& f) {
  if (mask == kAllLanes) {
#pragma GCC ivdep
    for (int lane = 0; lane < kLanes; ++lane) f(lane);
  } else {
    for (; mask; mask &= mask - 1) f(std::countr_zero(mask));
  }
}

// d = F(a), d = F(a, b), d = F(a, b, c) with the types of the template.
template <class F, class D, class A>
void unary(Warp& w, const Instruction& i, uint32_t mask) {
  auto* d = lanes<D>(w, i.d);
  const auto* a = lanes<A>(w, i.a);
  for_lanes(mask, [=](int lane) { d[lane] = pack<D>(F{}(unpack<A>(a[lane]))); });
}
template <class F, class D, class A, class B>
void binary(Warp& w, const Instruction& i, uint32_t mask) {
  auto* d = lanes<D>(w, i.d);
  const auto* a = lanes<A>(w, i.a);
  const auto* b = lanes<B>(w, i.b);
  for_lanes(mask,
            [=](int lane) { d[lane] = pack<D>(F{}(unpack<A>(a[lane]), unpack<B>(b[lane]))); });
}
template <class F, class D, class A, class B, class C>
void ternary(Warp& w, const Instruction& i, uint32_t mask) {
  auto* d = lanes<D>(w, i.d);
  const auto* a = lanes<A>(w, i.a);
  const auto* b = lanes<B>(w, i.b);
  const auto* c = lanes<C>(w, i.c);
  for_lanes(mask, [=](int lane) {
    d[lane] = pack<D>(F{}(unpack<A>(a[lane]), unpack<B>(b[lane]), unpack<C>(c[lane])));
  });
}

}  // namespace gsx::ptx
