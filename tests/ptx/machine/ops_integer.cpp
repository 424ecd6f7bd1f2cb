// Integer arithmetic: add sub mul mad div rem abs neg min max sad dp2a dp4a.
#include <algorithm>
#include <limits>

#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {
namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;
template <class T>
using Wide = std::conditional_t<
    std::is_signed_v<T>,
    std::conditional_t<sizeof(T) == 2, int32_t,
                       std::conditional_t<sizeof(T) == 4, int64_t, __int128>>,
    std::conditional_t<sizeof(T) == 2, uint32_t,
                       std::conditional_t<sizeof(T) == 4, uint64_t, unsigned __int128>>>;

// Arithmetic wraps around: it is done without sign.
template <class T>
T wrap_add(T a, T b) {
  return static_cast<T>(static_cast<Unsigned<T>>(a) + static_cast<Unsigned<T>>(b));
}
template <class T>
T wrap_mul(T a, T b) {
  return static_cast<T>(uint64_t{static_cast<Unsigned<T>>(a)} * static_cast<Unsigned<T>>(b));
}

template <class T>
struct Add {
  T operator()(T a, T b) const { return wrap_add(a, b); }
};
template <class T>
struct Sub {
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<Unsigned<T>>(a) - static_cast<Unsigned<T>>(b));
  }
};
template <class T>
struct MulLow {
  T operator()(T a, T b) const { return wrap_mul(a, b); }
};
template <class T>
struct MulHigh {
  T operator()(T a, T b) const {
    return static_cast<T>((static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b)) >> (8 * sizeof(T)));
  }
};
template <class T>
struct MulWide {
  Wide<T> operator()(T a, T b) const { return static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b); }
};
template <class T>
struct MadLow {
  T operator()(T a, T b, T c) const { return wrap_add(wrap_mul(a, b), c); }
};
template <class T>
struct MadHigh {
  T operator()(T a, T b, T c) const { return wrap_add(MulHigh<T>{}(a, b), c); }
};
template <class T>
struct MadWide {
  Wide<T> operator()(T a, T b, Wide<T> c) const { return wrap_add(MulWide<T>{}(a, b), c); }
};
// A GPU gives all ones for a quotient by zero, and the dividend as the remainder.
template <class T>
struct Div {
  T operator()(T a, T b) const {
    if (b == 0) return static_cast<T>(~Unsigned<T>{0});
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return Sub<T>{}(0, a);
    }
    return static_cast<T>(a / b);
  }
};
template <class T>
struct Rem {
  T operator()(T a, T b) const {
    if (b == 0) return a;
    if constexpr (std::is_signed_v<T>) {
      if (b == -1) return 0;
    }
    return static_cast<T>(a % b);
  }
};
template <class T>
struct Min {
  T operator()(T a, T b) const { return std::min(a, b); }
};
template <class T>
struct Max {
  T operator()(T a, T b) const { return std::max(a, b); }
};
template <class T>
struct Neg {
  T operator()(T a) const { return Sub<T>{}(0, a); }
};
template <class T>
struct Abs {
  T operator()(T a) const { return a < 0 ? Sub<T>{}(0, a) : a; }
};
template <class T>
struct Sad {
  T operator()(T a, T b, T c) const { return wrap_add(c, a < b ? Sub<T>{}(b, a) : Sub<T>{}(a, b)); }
};

// Calls f(T{}) with the C++ type of an integer type of 16 to 64 bits.
template <class F>
void with_integer(Decoder& d, Type type, const F& f) {
  switch (type) {
    case Type::u16:
    case Type::b16: return f(uint16_t{});
    case Type::s16: return f(int16_t{});
    case Type::u32:
    case Type::b32: return f(uint32_t{});
    case Type::s32: return f(int32_t{});
    case Type::u64:
    case Type::b64: return f(uint64_t{});
    case Type::s64: return f(int64_t{});
    default: d.unknown();
  }
}

void two_sources(Decoder& d, Type type) {
  d.out.d = d.target(0);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, type);
}

}  // namespace

// Add and sub of floats share their name with integers: ops_float.cpp asks here for these.
void decode_integer_binary(Decoder& d, Type type) {
  const std::string_view base = d.base();
  with_integer(d, type, [&](auto t) {
    using T = decltype(t);
    if (base == "add") d.out.run = binary<Add<T>, T, T, T>;
    if (base == "sub") d.out.run = binary<Sub<T>, T, T, T>;
    if (base == "div") d.out.run = binary<Div<T>, T, T, T>;
    if (base == "rem") d.out.run = binary<Rem<T>, T, T, T>;
    if (base == "min") d.out.run = binary<Min<T>, T, T, T>;
    if (base == "max") d.out.run = binary<Max<T>, T, T, T>;
  });
  two_sources(d, type);
}

void decode_integer_unary(Decoder& d, Type type) {
  d.require(is_signed(type));
  with_integer(d, type, [&](auto t) {
    using T = decltype(t);
    d.out.run = d.base() == "neg" ? unary<Neg<T>, T, T> : unary<Abs<T>, T, T>;
  });
  d.out.d = d.target(0);
  d.out.a = d.source(1, type);
}

// mul.lo mul.hi mul.wide and the same of mad; `part` is that modifier.
void decode_integer_product(Decoder& d, std::string_view part, Type type) {
  const bool mad = d.base() == "mad";
  bool wide = false;
  with_integer(d, type, [&](auto t) {
    using T = decltype(t);
    if (part == "lo") {
      d.out.run = mad ? ternary<MadLow<T>, T, T, T, T> : binary<MulLow<T>, T, T, T>;
    } else if (part == "hi") {
      d.out.run = mad ? ternary<MadHigh<T>, T, T, T, T> : binary<MulHigh<T>, T, T, T>;
    } else if (part == "wide") {
      if constexpr (sizeof(T) < 8) {
        using W = Wide<T>;
        wide = sizeof(T) == 4;
        d.out.run = mad ? ternary<MadWide<T>, W, T, T, W> : binary<MulWide<T>, W, T, T>;
      }
    }
  });
  two_sources(d, type);
  if (mad) d.out.c = d.source(3, wide ? Type::b64 : type);
}

namespace {

void decode_rem(Decoder& d) { decode_integer_binary(d, d.type()); }

void decode_sad(Decoder& d) {
  const Type type = d.type();
  with_integer(d, type, [&](auto t) {
    using T = decltype(t);
    d.out.run = ternary<Sad<T>, T, T, T, T>;
  });
  two_sources(d, type);
  d.out.c = d.source(3, type);
}

// Dot products of bytes (dp4a), or of two 16-bit numbers with the lower or upper bytes (dp2a).
template <class A, class B, int kTerms, int kFirst>
struct Dot {
  int32_t operator()(uint32_t a, uint32_t b, uint32_t c) const {
    constexpr int kBits = kTerms == 4 ? 8 : 16;
    for (int k = 0; k < kTerms; ++k) {
      const auto x = static_cast<A>(a >> (kBits * k));
      const auto y = static_cast<B>(b >> (8 * (k + kFirst)));
      c += static_cast<uint32_t>(static_cast<int32_t>(x) * static_cast<int32_t>(y));
    }
    return static_cast<int32_t>(c);
  }
};

template <class A, class B, int kTerms, int kFirst>
constexpr Handler kDot = ternary<Dot<A, B, kTerms, kFirst>, int32_t, uint32_t, uint32_t, uint32_t>;

template <class SignedA, class UnsignedA, int kTerms, int kFirst>
Handler dot_of(bool signed_a, bool signed_b) {
  if (signed_a) {
    return signed_b ? kDot<SignedA, int8_t, kTerms, kFirst>
                    : kDot<SignedA, uint8_t, kTerms, kFirst>;
  }
  return signed_b ? kDot<UnsignedA, int8_t, kTerms, kFirst>
                  : kDot<UnsignedA, uint8_t, kTerms, kFirst>;
}

void decode_dot(Decoder& d) {
  const bool four = d.base() == "dp4a";
  bool high = false;
  if (!four) {
    high = d.take("hi");
    d.require(high || d.take("lo"));
  }
  const bool a = is_signed(d.type()), b = is_signed(d.type());
  if (four) d.out.run = dot_of<int8_t, uint8_t, 4, 0>(a, b);
  else if (high) d.out.run = dot_of<int16_t, uint16_t, 2, 2>(a, b);
  else d.out.run = dot_of<int16_t, uint16_t, 2, 0>(a, b);
  two_sources(d, Type::b32);
  d.out.c = d.source(3, Type::b32);
}

}  // namespace

void add_integer(DecodeTable& table) {
  table["rem"] = decode_rem;
  table["sad"] = decode_sad;
  table["dp2a"] = table["dp4a"] = decode_dot;
}

}  // namespace gsx::ptx
