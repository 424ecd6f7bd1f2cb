// Logic, shifts and bit fields.
#include <algorithm>
#include <bit>

#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {
namespace {

template <class T>
struct And {
  T operator()(T a, T b) const { return a & b; }
};
template <class T>
struct Or {
  T operator()(T a, T b) const { return a | b; }
};
template <class T>
struct Xor {
  T operator()(T a, T b) const { return a ^ b; }
};
template <class T>
struct Not {
  T operator()(T a) const { return static_cast<T>(~a); }
};
template <class T>
struct ShiftLeft {
  T operator()(T a, uint32_t n) const { return n >= 8 * sizeof(T) ? T{0} : static_cast<T>(a << n); }
};
template <class T>
struct ShiftRight {
  T operator()(T a, uint32_t n) const {
    constexpr uint32_t kBits = 8 * sizeof(T);
    if (std::is_signed_v<T>) return static_cast<T>(a >> std::min(n, kBits - 1));
    return n >= kBits ? T{0} : static_cast<T>(a >> n);
  }
};
template <bool kLeft, bool kWrap>
struct Funnel {  // shifts the 64 bits b:a
  uint32_t operator()(uint32_t a, uint32_t b, uint32_t n) const {
    const uint64_t both = uint64_t{b} << 32 | a;
    const uint32_t shift = kWrap ? n & 31 : std::min(n, 32u);
    return static_cast<uint32_t>(kLeft ? both << shift >> 32 : both >> shift);
  }
};
template <class T>
struct CountLeading {
  uint32_t operator()(T a) const { return static_cast<uint32_t>(std::countl_zero(a)); }
};
template <class T>
struct CountOnes {
  uint32_t operator()(T a) const { return static_cast<uint32_t>(std::popcount(a)); }
};
template <class T>
struct Reverse {
  T operator()(T a) const {
    T r = 0;
    for (size_t k = 0; k < 8 * sizeof(T); ++k) r |= ((a >> k) & 1) << (8 * sizeof(T) - 1 - k);
    return r;
  }
};
template <class T, bool kShift>
struct FindLeading {  // the position of the highest bit that is not a sign bit
  uint32_t operator()(T a) const {
    using U = std::make_unsigned_t<T>;
    const U bits = static_cast<U>(a < 0 ? ~a : a);
    if (bits == 0) return 0xffffffffu;
    const auto leading = static_cast<uint32_t>(std::countl_zero(bits));
    return kShift ? leading : static_cast<uint32_t>(8 * sizeof(T)) - 1 - leading;
  }
};
template <class T>
struct Extract {  // `length` bits from `position` on, sign-extended when T is signed
  T operator()(T a, uint32_t position, uint32_t length) const {
    constexpr uint32_t kBits = 8 * sizeof(T);
    position &= 255;
    length &= 255;
    T result = 0;
    if (length == 0) return result;
    const uint32_t sign_at = std::min(position + length - 1, kBits - 1);
    const bool sign = std::is_signed_v<T> && ((a >> sign_at) & 1);
    using U = std::make_unsigned_t<T>;
    U bits = 0;
    for (uint32_t k = 0; k < kBits; ++k) {
      const bool inside = k < length && position + k < kBits;
      const bool bit = inside ? (static_cast<U>(a) >> (position + k)) & 1 : sign;
      bits |= static_cast<U>(bit) << k;
    }
    return static_cast<T>(bits);
  }
};
template <class T>
void insert(Warp& w, const Instruction& i, uint32_t mask) {  // a into b at position c, e: length
  for_lanes(mask, [&](int lane) {
    constexpr uint32_t kBits = 8 * sizeof(T);
    const T a = lanes<T>(w, i.a)[lane];
    T result = lanes<T>(w, i.b)[lane];
    const uint32_t position = lanes<uint32_t>(w, i.c)[lane] & 255;
    const uint32_t length = lanes<uint32_t>(w, i.e)[lane] & 255;
    for (uint32_t k = 0; k < length && position + k < kBits; ++k) {
      const T bit = T{1} << (position + k);
      result = ((a >> k) & 1) ? result | bit : result & ~bit;
    }
    lanes<T>(w, i.d)[lane] = result;
  });
}
struct Permute {
  uint32_t operator()(uint32_t a, uint32_t b, uint32_t selector) const {
    const uint64_t both = uint64_t{b} << 32 | a;
    uint32_t result = 0;
    for (int k = 0; k < 4; ++k) {
      const uint32_t nibble = selector >> (4 * k) & 15;
      auto byte = static_cast<uint32_t>(both >> (8 * (nibble & 7)) & 255);
      if (nibble & 8) byte = byte & 128 ? 255 : 0;
      result |= byte << (8 * k);
    }
    return result;
  }
};

// lop3: value is the table of the eight cases.
void lookup(Warp& w, const Instruction& i, uint32_t mask) {
  for_lanes(mask, [&](int lane) {
    const uint32_t a = lanes<uint32_t>(w, i.a)[lane], b = lanes<uint32_t>(w, i.b)[lane];
    const uint32_t c = lanes<uint32_t>(w, i.c)[lane];
    uint32_t result = 0;
    for (int k = 0; k < 8; ++k) {
      if (!(i.value >> k & 1)) continue;
      result |= (k & 4 ? a : ~a) & (k & 2 ? b : ~b) & (k & 1 ? c : ~c);
    }
    lanes<uint32_t>(w, i.d)[lane] = result;
  });
}

// Predicates: all lanes of a mask at once.
template <template <class> class F>
void predicates(Warp& w, const Instruction& i, uint32_t mask) {
  const uint32_t a = predicate(w, i.a) ^ (i.a_negated ? kAllLanes : 0);
  uint32_t result;
  if constexpr (std::is_same_v<F<uint32_t>, Not<uint32_t>>) {
    result = ~a;
  } else {
    result = F<uint32_t>{}(a, predicate(w, i.b) ^ (i.c_negated ? kAllLanes : 0));
  }
  predicate(w, i.d) = (predicate(w, i.d) & ~mask) | (result & mask);
}

template <template <class> class F>
void decode_logic(Decoder& d) {
  const Type type = d.type();
  d.out.d = d.target(0);
  if (type == Type::pred) {
    d.out.run = predicates<F>;
    d.out.a = d.predicate(1, d.out.a_negated);
    if (d.operand_count() > 2) d.out.b = d.predicate(2, d.out.c_negated);
    return;
  }
  if constexpr (std::is_same_v<F<uint32_t>, Not<uint32_t>>) {
    if (type == Type::b16) d.out.run = unary<F<uint16_t>, uint16_t, uint16_t>;
    if (type == Type::b32) d.out.run = unary<F<uint32_t>, uint32_t, uint32_t>;
    if (type == Type::b64) d.out.run = unary<F<uint64_t>, uint64_t, uint64_t>;
  } else {
    if (type == Type::b16) d.out.run = binary<F<uint16_t>, uint16_t, uint16_t, uint16_t>;
    if (type == Type::b32) d.out.run = binary<F<uint32_t>, uint32_t, uint32_t, uint32_t>;
    if (type == Type::b64) d.out.run = binary<F<uint64_t>, uint64_t, uint64_t, uint64_t>;
    d.out.b = d.source(2, type);
  }
  d.out.a = d.source(1, type);
}

void decode_shift(Decoder& d) {
  const bool left = d.base() == "shl";
  const Type type = d.type();
  const auto choose = [&](auto t) {
    using T = decltype(t);
    d.out.run = left ? binary<ShiftLeft<T>, T, T, uint32_t> : binary<ShiftRight<T>, T, T, uint32_t>;
  };
  switch (type) {
    case Type::b16:
    case Type::u16: choose(uint16_t{}); break;
    case Type::b32:
    case Type::u32: choose(uint32_t{}); break;
    case Type::b64:
    case Type::u64: choose(uint64_t{}); break;
    case Type::s16: choose(int16_t{}); break;
    case Type::s32: choose(int32_t{}); break;
    case Type::s64: choose(int64_t{}); break;
    default: d.unknown();
  }
  d.out.d = d.target(0);
  d.out.a = d.source(1, type);
  d.out.b = d.source(2, Type::u32);
}

template <class F>
constexpr Handler kThree = ternary<F, uint32_t, uint32_t, uint32_t, uint32_t>;

void three_sources(Decoder& d, Type a, Type b, Type c) {
  d.out.d = d.target(0);
  d.out.a = d.source(1, a);
  d.out.b = d.source(2, b);
  d.out.c = d.source(3, c);
}

void decode_funnel(Decoder& d) {
  const bool left = d.take("l");
  d.require(left || d.take("r"));
  const bool wrap = d.take("wrap");
  d.require(wrap || d.take("clamp"));
  d.require(d.type() == Type::b32);
  if (left) d.out.run = wrap ? kThree<Funnel<true, true>> : kThree<Funnel<true, false>>;
  else d.out.run = wrap ? kThree<Funnel<false, true>> : kThree<Funnel<false, false>>;
  three_sources(d, Type::b32, Type::b32, Type::u32);
}

void decode_count(Decoder& d) {  // clz popc brev
  const Type type = d.type();
  d.require(type == Type::b32 || type == Type::b64);
  const bool wide = type == Type::b64;
  if (d.base() == "clz") {
    d.out.run = wide ? unary<CountLeading<uint64_t>, uint32_t, uint64_t>
                     : unary<CountLeading<uint32_t>, uint32_t, uint32_t>;
  } else if (d.base() == "popc") {
    d.out.run = wide ? unary<CountOnes<uint64_t>, uint32_t, uint64_t>
                     : unary<CountOnes<uint32_t>, uint32_t, uint32_t>;
  } else {
    d.out.run = wide ? unary<Reverse<uint64_t>, uint64_t, uint64_t>
                     : unary<Reverse<uint32_t>, uint32_t, uint32_t>;
  }
  d.out.d = d.target(0);
  d.out.a = d.source(1, type);
}

// Calls f(T{}) with the C++ type of u32, s32, u64 or s64.
template <class F>
void with_field(Decoder& d, Type type, const F& f) {
  switch (type) {
    case Type::u32: return f(uint32_t{});
    case Type::s32: return f(int32_t{});
    case Type::u64: return f(uint64_t{});
    case Type::s64: return f(int64_t{});
    default: d.unknown();
  }
}

void decode_bfind(Decoder& d) {
  const bool shift = d.take("shiftamt");
  const Type type = d.type();
  with_field(d, type, [&](auto t) {
    using T = decltype(t);
    d.out.run = shift ? unary<FindLeading<T, true>, uint32_t, T>
                      : unary<FindLeading<T, false>, uint32_t, T>;
  });
  d.out.d = d.target(0);
  d.out.a = d.source(1, type);
}

void decode_bfe(Decoder& d) {
  const Type type = d.type();
  with_field(d, type, [&](auto t) {
    using T = decltype(t);
    d.out.run = ternary<Extract<T>, T, T, uint32_t, uint32_t>;
  });
  three_sources(d, type, Type::u32, Type::u32);
}

void decode_bfi(Decoder& d) {
  const Type type = d.type();
  d.require(type == Type::b32 || type == Type::b64);
  d.out.run = type == Type::b32 ? insert<uint32_t> : insert<uint64_t>;
  three_sources(d, type, type, Type::u32);
  d.out.e = d.source(4, Type::u32);
}

void decode_prmt(Decoder& d) {
  d.require(d.type() == Type::b32);
  d.out.run = kThree<Permute>;
  three_sources(d, Type::b32, Type::b32, Type::b32);
}

void decode_lop3(Decoder& d) {
  d.require(d.type() == Type::b32);
  d.out.run = lookup;
  three_sources(d, Type::b32, Type::b32, Type::b32);
  d.out.value = d.literal(4);
}

}  // namespace

void add_bits(DecodeTable& table) {
  table["and"] = decode_logic<And>;
  table["or"] = decode_logic<Or>;
  table["xor"] = decode_logic<Xor>;
  table["not"] = decode_logic<Not>;
  table["shl"] = table["shr"] = decode_shift;
  table["shf"] = decode_funnel;
  table["clz"] = table["popc"] = table["brev"] = decode_count;
  table["bfind"] = decode_bfind;
  table["bfe"] = decode_bfe;
  table["bfi"] = decode_bfi;
  table["prmt"] = decode_prmt;
  table["lop3"] = decode_lop3;
}

}  // namespace gsx::ptx
