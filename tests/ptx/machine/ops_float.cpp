// Arithmetic whose names floats and integers share, and what only floats have. Only what IEEE 754
// defines: no .ftz, no .approx.
#include <cmath>

#include "tests/ptx/machine/decoder.h"
#include "tests/ptx/machine/fma.h"
#include "tests/ptx/machine/lanes.h"

namespace gsx::ptx {

void decode_integer_binary(Decoder&, Type);
void decode_integer_unary(Decoder&, Type);
void decode_integer_product(Decoder&, std::string_view part, Type);

namespace {

template <class T>
struct Add {
  T operator()(T a, T b) const { return a + b; }
};
template <class T>
struct Sub {
  T operator()(T a, T b) const { return a - b; }
};
template <class T>
struct Mul {
  T operator()(T a, T b) const { return a * b; }
};
template <class T>
struct Div {
  T operator()(T a, T b) const { return a / b; }
};
// The number when one operand is NaN; -0 is less than +0.
template <class T>
struct Min {
  T operator()(T a, T b) const {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) ? b : a;
    if (a == b) return std::signbit(a) ? a : b;
    return a < b ? a : b;
  }
};
template <class T>
struct Max {
  T operator()(T a, T b) const {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) ? b : a;
    if (a == b) return std::signbit(a) ? b : a;
    return a > b ? a : b;
  }
};
template <class T>
struct CopySign {  // the sign of a, the rest of b
  T operator()(T a, T b) const { return std::copysign(b, a); }
};
template <class T>
void fma_lanes(Warp& w, const Instruction& i, uint32_t mask) {
  const auto as_numbers = [&](uint32_t at) { return reinterpret_cast<const T*>(w.registers + at); };
  T result[kLanes];
  fused(result, as_numbers(i.a), as_numbers(i.b), as_numbers(i.c));
  auto* d = lanes<T>(w, i.d);
  for_lanes(mask, [&](int lane) { d[lane] = pack<T>(result[lane]); });
}
template <class T>
struct Neg {
  T operator()(T a) const { return -a; }
};
template <class T>
struct Abs {
  T operator()(T a) const { return std::fabs(a); }
};
template <class T>
struct Sqrt {
  T operator()(T a) const { return std::sqrt(a); }
};
template <class T>
struct Reciprocal {
  T operator()(T a) const { return T{1} / a; }
};

template <class T>
Handler float_handler(std::string_view base) {
  if (base == "add") return binary<Add<T>, T, T, T>;
  if (base == "sub") return binary<Sub<T>, T, T, T>;
  if (base == "mul") return binary<Mul<T>, T, T, T>;
  if (base == "div") return binary<Div<T>, T, T, T>;
  if (base == "min") return binary<Min<T>, T, T, T>;
  if (base == "max") return binary<Max<T>, T, T, T>;
  if (base == "copysign") return binary<CopySign<T>, T, T, T>;
  if (base == "fma" || base == "mad") return fma_lanes<T>;
  if (base == "neg") return unary<Neg<T>, T, T>;
  if (base == "abs") return unary<Abs<T>, T, T>;
  if (base == "sqrt") return unary<Sqrt<T>, T, T>;
  if (base == "rcp") return unary<Reciprocal<T>, T, T>;
  return nullptr;
}

void decode_float(Decoder& d, Type type) {
  d.require(type == Type::f32 || type == Type::f64);
  d.out.run = type == Type::f32 ? float_handler<float>(d.base()) : float_handler<double>(d.base());
  d.out.d = d.target(0);
  d.out.a = d.source(1, type);
  if (d.operand_count() > 2) d.out.b = d.source(2, type);
  if (d.operand_count() > 3) d.out.c = d.source(3, type);
}

void decode_add(Decoder& d) {  // add sub
  d.take("rn");
  const Type type = d.type();
  if (is_float(type)) decode_float(d, type);
  else decode_integer_binary(d, type);
}

void decode_mul(Decoder& d) {  // mul mad
  if (d.take("lo")) return decode_integer_product(d, "lo", d.type());
  if (d.take("hi")) return decode_integer_product(d, "hi", d.type());
  if (d.take("wide")) return decode_integer_product(d, "wide", d.type());
  d.take("rn");
  decode_float(d, d.type());
}

void decode_div(Decoder& d) {
  const bool rounded = d.take("rn");
  const Type type = d.type();
  d.require(rounded == is_float(type));
  if (rounded) decode_float(d, type);
  else decode_integer_binary(d, type);
}

void decode_min(Decoder& d) {  // min max
  const Type type = d.type();
  if (is_float(type)) decode_float(d, type);
  else decode_integer_binary(d, type);
}

void decode_neg(Decoder& d) {  // neg abs
  const Type type = d.type();
  if (is_float(type)) decode_float(d, type);
  else decode_integer_unary(d, type);
}

void decode_rounded(Decoder& d) {  // fma sqrt rcp
  d.require(d.take("rn"));
  decode_float(d, d.type());
}

void decode_copysign(Decoder& d) { decode_float(d, d.type()); }

}  // namespace

void add_float(DecodeTable& table) {
  table["add"] = table["sub"] = decode_add;
  table["mul"] = table["mad"] = decode_mul;
  table["div"] = decode_div;
  table["min"] = table["max"] = decode_min;
  table["neg"] = table["abs"] = decode_neg;
  table["fma"] = table["sqrt"] = table["rcp"] = decode_rounded;
  table["copysign"] = decode_copysign;
}

}  // namespace gsx::ptx
