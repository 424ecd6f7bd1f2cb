// cvt between all integers and floats, with saturation and the roundings to integers.
#include <cmath>
#include <limits>

#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/half.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {
namespace {

struct Half {
  uint16_t bits;
};
struct Brain {
  uint16_t bits;
};

enum Rounding : int64_t { kNone, kNearest, kZero, kDown, kUp };  // rni rzi rmi rpi

// Integers compute as themselves, floats as float or double.
template <class T>
auto widen(T value) {
  return value;
}
inline float widen(Half value) { return from_f16(value.bits); }
inline float widen(Brain value) { return from_bf16(value.bits); }

template <class T>
T round_to_integer(T value, int64_t rounding) {
  switch (rounding) {
    case kNearest: return std::nearbyint(value);
    case kZero: return std::trunc(value);
    case kDown: return std::floor(value);
    case kUp: return std::ceil(value);
    default: return value;
  }
}

// Integers outside D, and floats: the nearest number D has; NaN gives 0.
template <class D, class S>
D saturate(S value) {
  if constexpr (std::is_floating_point_v<S>) {
    if (std::isnan(value)) return 0;
    // The bounds as floats may lie above D's: comparing with >= keeps the cast defined.
    if (value >= static_cast<S>(std::numeric_limits<D>::max()))
      return std::numeric_limits<D>::max();
    if (value <= static_cast<S>(std::numeric_limits<D>::min()))
      return std::numeric_limits<D>::min();
    return static_cast<D>(value);
  } else {
    const auto wide = static_cast<__int128>(value);
    if (wide > std::numeric_limits<D>::max()) return std::numeric_limits<D>::max();
    if (wide < std::numeric_limits<D>::min()) return std::numeric_limits<D>::min();
    return static_cast<D>(value);
  }
}

template <class D, class S>
D convert(S source, int64_t rounding, bool saturated) {
  auto value = widen(source);
  using V = decltype(value);
  if constexpr (std::is_integral_v<D>) {
    if constexpr (std::is_integral_v<V>)
      return saturated ? saturate<D>(value) : static_cast<D>(value);
    else return saturate<D>(round_to_integer(value, rounding));
  } else {
    if constexpr (std::is_floating_point_v<V>) value = round_to_integer(value, rounding);
    if constexpr (std::is_same_v<D, double>) return static_cast<double>(value);
    const auto single = static_cast<float>(value);
    if constexpr (std::is_same_v<D, float>) {
      return saturated ? (single > 0 ? std::fmin(single, 1.0f) : 0.0f) : single;
    } else if constexpr (std::is_same_v<D, Half>) {
      return {to_f16(single)};
    } else if constexpr (std::is_same_v<D, Brain>) {
      return {to_bf16(single)};
    }
  }
}

// Registers may be wider than the type: the source's low bits count, the result is extended.
template <class D, class S>
void run_convert(Warp& w, const Instruction& i, uint32_t mask) {
  const bool wide_source = i.list != 0, wide_target = i.list2 != 0;
  const int64_t rounding = i.value;
  const bool saturated = i.count == 2;
  for_lanes(mask, [&](int lane) {
    S source;
    const uint64_t bits =
        wide_source ? lanes<uint64_t>(w, i.a)[lane] : lanes<uint32_t>(w, i.a)[lane];
    std::memcpy(&source, &bits, sizeof source);
    const D result = convert<D>(source, rounding, saturated);
    uint64_t extended = 0;
    if constexpr (std::is_integral_v<D>) {
      extended = static_cast<uint64_t>(static_cast<int64_t>(result));
      if constexpr (sizeof(D) < 8 && std::is_unsigned_v<D>) extended = result;
    } else {
      std::memcpy(&extended, &result, sizeof result);
    }
    if (wide_target) lanes<uint64_t>(w, i.d)[lane] = extended;
    else lanes<uint32_t>(w, i.d)[lane] = static_cast<uint32_t>(extended);
  });
}

// The common case: whole registers, no rounding to integers.
template <class D, class S>
struct Plain {
  D operator()(S value) const { return static_cast<D>(value); }
};

template <class F>
void with_type(Decoder& d, Type type, const F& f) {
  switch (type) {
    case Type::u8: return f(uint8_t{});
    case Type::s8: return f(int8_t{});
    case Type::u16: return f(uint16_t{});
    case Type::s16: return f(int16_t{});
    case Type::u32: return f(uint32_t{});
    case Type::s32: return f(int32_t{});
    case Type::u64: return f(uint64_t{});
    case Type::s64: return f(int64_t{});
    case Type::f16: return f(Half{});
    case Type::bf16: return f(Brain{});
    case Type::f32: return f(float{});
    case Type::f64: return f(double{});
    default: d.unknown();
  }
}

// cvt.rn.bf16x2.f32 d, a, b: a in the upper half.
struct PackBrain {
  uint32_t operator()(float high, float low) const {
    return uint32_t{to_bf16(high)} << 16 | to_bf16(low);
  }
};
struct PackHalf {
  uint32_t operator()(float high, float low) const {
    return uint32_t{to_f16(high)} << 16 | to_f16(low);
  }
};
struct ToTf32 {
  uint32_t operator()(float value) const { return to_tf32(value); }
};

void decode_packed(Decoder& d, Type target) {
  d.require(d.type() == Type::f32);
  d.out.run = target == Type::bf16x2 ? binary<PackBrain, uint32_t, float, float>
                                     : binary<PackHalf, uint32_t, float, float>;
  d.out.d = d.target(0);
  d.out.a = d.source(1, Type::f32);
  d.out.b = d.source(2, Type::f32);
}

void decode_tf32(Decoder& d) {  // cvt.rna.tf32.f32
  d.require(d.type() == Type::tf32 && d.type() == Type::f32);
  d.out.run = unary<ToTf32, uint32_t, float>;
  d.out.d = d.target(0);
  d.out.a = d.source(1, Type::f32);
}

int64_t take_rounding(Decoder& d) {
  if (d.take("rni")) return kNearest;
  if (d.take("rzi")) return kZero;
  if (d.take("rmi")) return kDown;
  if (d.take("rpi")) return kUp;
  return kNone;
}

void choose_convert(Decoder& d, Type target, Type source) {
  const Instruction& i = d.out;
  with_type(d, target, [&](auto dt) {
    with_type(d, source, [&](auto st) {
      using D = decltype(dt);
      using S = decltype(st);
      d.out.run = run_convert<D, S>;
      if constexpr (std::is_arithmetic_v<D> && std::is_arithmetic_v<S> && sizeof(D) >= 4 &&
                    sizeof(S) >= 4 && (std::is_integral_v<S> || std::is_floating_point_v<D>)) {
        const bool whole = (sizeof(D) == 8) == (i.list2 != 0) && (sizeof(S) == 8) == (i.list != 0);
        if (whole && i.value == kNone && i.count == 1) d.out.run = unary<Plain<D, S>, D, S>;
      }
    });
  });
}

void decode_cvt(Decoder& d) {
  if (d.take("rna")) return decode_tf32(d);
  d.out.value = take_rounding(d);
  const bool nearest = d.take("rn");
  if (d.take("sat")) d.out.count = 2;
  const Type target = d.type();
  if (target == Type::bf16x2 || target == Type::f16x2) {
    d.require(nearest);
    return decode_packed(d, target);
  }
  const Type source = d.type();
  // A float that becomes an integer says how it rounds; so does one that may lose bits.
  const bool to_integer = is_float(source) && !is_float(target);
  d.require(!to_integer || d.out.value != kNone);
  const bool loses = is_float(target) &&
                     (!is_float(source) || bytes_of(source) > bytes_of(target)) &&
                     d.out.value == kNone;
  d.require(nearest == loses || (nearest && source == target));
  int width = 4;
  d.out.d = d.target(0, &width);
  d.out.a = d.source(1, source);
  const bool literal = d.operand(1).kind != Operand::reg;
  d.out.list = (literal ? bytes_of(source) : d.width_of(d.operand(1))) == 8 ? 1 : 0;
  d.out.list2 = width == 8 ? 1 : 0;
  choose_convert(d, target, source);
}

}  // namespace

void add_convert(DecodeTable& table) { table["cvt"] = decode_cvt; }

}  // namespace gsx::ptx
