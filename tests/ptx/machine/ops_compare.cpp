// Comparisons and selections: setp selp slct.
#include <cmath>

#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {
namespace {

// The comparisons; those with `U` are also true when an operand is NaN.
struct Equal {
  template <class T>
  bool operator()(T a, T b) const {
    return a == b;
  }
};
struct NotEqual {  // false for NaN
  template <class T>
  bool operator()(T a, T b) const {
    return a < b || a > b;
  }
};
struct Less {
  template <class T>
  bool operator()(T a, T b) const {
    return a < b;
  }
};
struct LessEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a <= b;
  }
};
struct Greater {
  template <class T>
  bool operator()(T a, T b) const {
    return a > b;
  }
};
struct GreaterEqual {
  template <class T>
  bool operator()(T a, T b) const {
    return a >= b;
  }
};
struct Ordered {
  template <class T>
  bool operator()(T a, T b) const {
    return a == a && b == b;
  }
};
template <class F>
struct Inverse {
  template <class T>
  bool operator()(T a, T b) const {
    return !F{}(a, b);
  }
};

enum Combine : int64_t { kNone, kAnd, kOr, kXor };

// p[d] = (a ? b) combined with the predicate c; p[e] = !(a ? b) combined with c.
template <class F, class T>
void compare(Warp& w, const Instruction& i, uint32_t mask) {
  const auto* a = lanes<T>(w, i.a);
  const auto* b = lanes<T>(w, i.b);
  uint32_t holds = 0;
  for (int lane = 0; lane < kLanes; ++lane) {
    holds |= static_cast<uint32_t>(F{}(unpack<T>(a[lane]), unpack<T>(b[lane]))) << lane;
  }
  uint32_t fails = ~holds;
  if (i.value != kNone) {
    const uint32_t c = predicate(w, i.c) ^ (i.c_negated ? kAllLanes : 0);
    const auto combine = [&](uint32_t x) {
      return i.value == kAnd ? x & c : i.value == kOr ? x | c : x ^ c;
    };
    holds = combine(holds);
    fails = combine(fails);
  }
  predicate(w, i.d) = (predicate(w, i.d) & ~mask) | (holds & mask);
  if (i.count == 2) predicate(w, i.e) = (predicate(w, i.e) & ~mask) | (fails & mask);
}

template <class T>
Handler comparison(std::string_view name) {
  if (name == "eq") return compare<Equal, T>;
  if (name == "ne") return compare<NotEqual, T>;
  if (name == "lt" || name == "lo") return compare<Less, T>;
  if (name == "le" || name == "ls") return compare<LessEqual, T>;
  if (name == "gt" || name == "hi") return compare<Greater, T>;
  if (name == "ge" || name == "hs") return compare<GreaterEqual, T>;
  if constexpr (std::is_floating_point_v<T>) {
    if (name == "equ") return compare<Inverse<NotEqual>, T>;
    if (name == "neu") return compare<Inverse<Equal>, T>;
    if (name == "ltu") return compare<Inverse<GreaterEqual>, T>;
    if (name == "leu") return compare<Inverse<Greater>, T>;
    if (name == "gtu") return compare<Inverse<LessEqual>, T>;
    if (name == "geu") return compare<Inverse<Less>, T>;
    if (name == "num") return compare<Ordered, T>;
    if (name == "nan") return compare<Inverse<Ordered>, T>;
  }
  return nullptr;
}

Handler comparison(Type type, std::string_view name) {
  switch (type) {
    case Type::b16:
    case Type::u16: return comparison<uint16_t>(name);
    case Type::b32:
    case Type::u32: return comparison<uint32_t>(name);
    case Type::b64:
    case Type::u64: return comparison<uint64_t>(name);
    case Type::s16: return comparison<int16_t>(name);
    case Type::s32: return comparison<int32_t>(name);
    case Type::s64: return comparison<int64_t>(name);
    case Type::f32: return comparison<float>(name);
    case Type::f64: return comparison<double>(name);
    default: return nullptr;
  }
}

void decode_setp(Decoder& d) {
  const std::string_view name = d.modifier();
  d.out.value = d.take("and") ? kAnd : d.take("or") ? kOr : d.take("xor") ? kXor : kNone;
  const Type type = d.type();
  d.out.run = comparison(type, name);
  const Operand& result = d.operand(0);
  if (result.kind == Operand::pair) {
    d.out.d = d.target(result.elements[0]);
    d.out.e = d.target(result.elements[1]);
    d.out.count = 2;
  } else {
    d.out.d = d.target(0);
  }
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  if (d.out.value != kNone) d.out.c = d.predicate(3, d.out.c_negated);
}

// d = c ? a : b
template <class T>
void select(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t p = predicate(w, i.c) ^ (i.c_negated ? kAllLanes : 0);
  auto* d = lanes<T>(w, i.d);
  const auto* a = lanes<T>(w, i.a);
  const auto* b = lanes<T>(w, i.b);
  for_lanes(mask, [=](int lane) { d[lane] = (p >> lane & 1) ? a[lane] : b[lane]; });
}

void decode_selp(Decoder& d) {
  const Type type = d.type();
  d.out.run = bytes_of(type) == 8 ? select<uint64_t> : select<uint32_t>;
  d.out.d = d.target(0);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  d.out.c = d.predicate(3, d.out.c_negated);
}

// d = c >= 0 ? a : b
template <class T, class C>
struct SelectBySign {
  T operator()(T a, T b, C c) const { return c >= 0 ? a : b; }
};
template <class T>
Handler select_by_sign(bool by_float) {
  if (by_float) return ternary<SelectBySign<T, float>, T, T, T, float>;
  return ternary<SelectBySign<T, int32_t>, T, T, T, int32_t>;
}

void decode_slct(Decoder& d) {
  const Type type = d.type(), by = d.type();
  d.require(by == Type::s32 || by == Type::f32);
  d.out.run = bytes_of(type) == 8 ? select_by_sign<uint64_t>(by == Type::f32)
                                  : select_by_sign<uint32_t>(by == Type::f32);
  d.out.d = d.target(0);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
  d.out.c = d.source(3, by);
}

}  // namespace

void add_compare(DecodeTable& table) {
  table["setp"] = decode_setp;
  table["selp"] = decode_selp;
  table["slct"] = decode_slct;
}

}  // namespace gsx::ptx
