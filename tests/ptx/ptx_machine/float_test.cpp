// Floating point: arithmetic, comparisons and conversions, with the cases where PTX and C++ differ.
#include <cmath>
#include <limits>

#include "tests/catch.h"
#include "tests/ptx/machine/half.h"
#include "tests/ptx/ptx_machine/snippet.h"

using namespace gsx::ptx;

namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

float binary(const std::string& op, float a, float b) {
  return f0(op + " %f0, " + text(a) + ", " + text(b) + ";");
}
float unary(const std::string& op, float a) { return f0(op + " %f0, " + text(a) + ";"); }
uint32_t converted(const std::string& op, float a) { return r0(op + " %r0, " + text(a) + ";"); }

}  // namespace

TEST_CASE("float arithmetic rounds once") {
  const float a = 1.0f + 0x1p-23f, b = 3.3333333f;
  CHECK(binary("add.f32", a, b) == a + b);
  CHECK(binary("sub.rn.f32", a, b) == a - b);
  CHECK(binary("mul.rn.f32", a, b) == a * b);
  CHECK(binary("div.rn.f32", a, b) == a / b);
  CHECK(unary("sqrt.rn.f32", b) == std::sqrt(b));
  CHECK(unary("rcp.rn.f32", b) == 1.0f / b);
  CHECK(unary("neg.f32", b) == -b);
  CHECK(unary("abs.f32", -b) == b);
  CHECK(f0("fma.rn.f32 %f0, " + text(a) + ", " + text(a) + ", " + text(-1.0f) + ";") ==
        std::fma(a, a, -1.0f));
  CHECK(binary("mul.f32", 1e-30f, 1e-10f) == 1e-30f * 1e-10f);  // subnormal numbers stay
  CHECK(binary("copysign.f32", -1.0f, 3.0f) == -3.0f);
  CHECK(fd0("div.rn.f64 %fd0, " + text(1.0) + ", " + text(3.0) + ";") == 1.0 / 3.0);
  CHECK(fd0("fma.rn.f64 %fd0, " + text(0.1) + ", " + text(0.1) + ", " + text(-0.01) + ";") ==
        std::fma(0.1, 0.1, -0.01));
  CHECK(fd0("sqrt.rn.f64 %fd0, " + text(2.0) + ";") == std::sqrt(2.0));
}

TEST_CASE("min and max prefer numbers and know the sign of zero") {
  CHECK(binary("min.f32", kNan, 2.0f) == 2.0f);
  CHECK(binary("max.f32", 2.0f, kNan) == 2.0f);
  CHECK(std::signbit(binary("min.f32", 0.0f, -0.0f)));
  CHECK_FALSE(std::signbit(binary("max.f32", -0.0f, 0.0f)));
  CHECK(binary("max.f32", -1.0f, 3.0f) == 3.0f);
}

TEST_CASE("comparisons with NaN") {
  const auto holds = [](const std::string& compare, float a, float b) {
    return r0("setp." + compare + ".f32 %p1, " + text(a) + ", " + text(b) +
              "; selp.u32 %r0, 1, 0, %p1;") == 1;
  };
  for (const char* name : {"eq", "ne", "lt", "le", "gt", "ge", "num"}) {
    CHECK_FALSE(holds(name, kNan, 1.0f));
  }
  for (const char* name : {"equ", "neu", "ltu", "leu", "gtu", "geu", "nan"}) {
    CHECK(holds(name, kNan, 1.0f));
  }
  CHECK(holds("lt", 1.0f, 2.0f));
  CHECK(holds("ltu", 1.0f, 2.0f));
  CHECK_FALSE(holds("geu", 1.0f, 2.0f));
  CHECK(holds("neu", 1.0f, 2.0f));
  CHECK(holds("num", 1.0f, 2.0f));
}

TEST_CASE("comparisons of integers, combined, and both results") {
  CHECK(r0("setp.lt.s32 %p1, -1, 1; selp.b32 %r0, 1, 2, %p1;") == 1);
  CHECK(r0("setp.lt.u32 %p1, -1, 1; selp.b32 %r0, 1, 2, %p1;") == 2);
  CHECK(r0("setp.lo.u32 %p1, 1, -1; selp.b32 %r0, 1, 2, !%p1;") == 2);
  CHECK(r0("setp.eq.s64 %p1, 4294967296, 0; selp.b32 %r0, 1, 2, %p1;") == 2);
  CHECK(r0("setp.lt.s16 %p1, -1, 1; selp.b32 %r0, 1, 2, %p1;") == 1);
  CHECK(r0("setp.eq.s32 %p1, 1, 1; setp.lt.and.s32 %p2|%p3, 1, 2, !%p1; selp.b32 %r0, 1, 2, %p2;"
           "selp.b32 %r1, 4, 8, %p3; add.s32 %r0, %r0, %r1;") == 10);
  CHECK(r0("setp.eq.s32 %p1, 1, 1; setp.lt.or.s32 %p2, 2, 1, %p1; xor.pred %p3, %p1, %p2;"
           "not.pred %p4, %p3; selp.b32 %r0, 1, 2, %p4;") == 1);
  CHECK(r0("slct.b32.s32 %r0, 5, 6, -1;") == 6);
  CHECK(f0("slct.f32.f32 %f0, 0f3F800000, 0f40000000, 0f00000000;") == 1.0f);
}

TEST_CASE("from float to integer: rounding and saturation") {
  CHECK(converted("cvt.rni.s32.f32", 2.5f) == 2);
  CHECK(converted("cvt.rni.s32.f32", 3.5f) == 4);
  CHECK(converted("cvt.rzi.s32.f32", -2.7f) == static_cast<uint32_t>(-2));
  CHECK(converted("cvt.rmi.s32.f32", -2.2f) == static_cast<uint32_t>(-3));
  CHECK(converted("cvt.rpi.s32.f32", 2.2f) == 3);
  CHECK(converted("cvt.rzi.s32.f32", 3e9f) == 0x7fffffffu);
  CHECK(converted("cvt.rzi.s32.f32", -kInfinity) == 0x80000000u);
  CHECK(converted("cvt.rzi.u32.f32", -5.0f) == 0u);
  CHECK(converted("cvt.rzi.u32.f32", 1e20f) == 0xffffffffu);
  CHECK(converted("cvt.rni.s32.f32", kNan) == 0u);
  CHECK(rd0("cvt.rzi.s64.f64 %rd0, " + text(-1e300) + ";") == uint64_t{1} << 63);
  CHECK(rd0("cvt.rzi.u64.f32 %rd0, " + text(1e10f) + ";") == 10000000000u);
  CHECK(r0("cvt.rzi.s16.f32 %rs0, " + text(-40000.0f) + "; cvt.s32.s16 %r0, %rs0;") == 0xffff8000u);
  CHECK(unary("cvt.rni.f32.f32", -2.5f) == -2.0f);
  CHECK(unary("cvt.rmi.f32.f32", -2.5f) == -3.0f);
}

TEST_CASE("between integers, and from integer to float") {
  CHECK(rd0("mov.u32 %r2, -5; cvt.s64.s32 %rd0, %r2;") == static_cast<uint64_t>(-5));
  CHECK(rd0("mov.u32 %r2, -5; cvt.u64.u32 %rd0, %r2;") == 0xfffffffbu);
  CHECK(r0("mov.u64 %rd2, 0x123456789; cvt.u32.u64 %r0, %rd2;") == 0x23456789u);
  CHECK(r0("mov.u32 %r2, 0x80; cvt.s32.s8 %r0, %r2;") == 0xffffff80u);
  CHECK(r0("mov.u32 %r2, 0x180; cvt.u32.u8 %r0, %r2;") == 0x80u);
  CHECK(r0("mov.u32 %r2, 300; cvt.sat.u8.s32 %r0, %r2;") == 255u);
  CHECK(r0("mov.u32 %r2, -300; cvt.sat.s8.s32 %r0, %r2;") == 0xffffff80u);
  CHECK(r0("mov.u32 %r2, 0x12345; cvt.u16.u32 %rs1, %r2; cvt.u32.u16 %r0, %rs1;") == 0x2345u);
  CHECK(f0("cvt.rn.f32.s32 %f0, -16777217;") == -16777216.0f);
  CHECK(f0("cvt.rn.f32.u64 %f0, -1;") == 18446744073709551616.0f);
  CHECK(fd0("cvt.rn.f64.s32 %fd0, -3;") == -3.0);
  CHECK(f0("mov.u16 %rs1, -3; cvt.rn.f32.s16 %f0, %rs1;") == -3.0f);
  CHECK(f0("mov.f64 %fd1, " + text(0.1) + "; cvt.rn.f32.f64 %f0, %fd1;") == 0.1f);
  CHECK(fd0("mov.f32 %f1, " + text(0.1f) + "; cvt.f64.f32 %fd0, %f1;") == double{0.1f});
}

TEST_CASE("short floats") {
  CHECK(converted("cvt.rna.tf32.f32", 1.0f + 0x1p-11f) == 0x3f802000u);
  CHECK(converted("cvt.rna.tf32.f32", 1.0f + 0x1p-12f) == 0x3f800000u);
  CHECK(r0("cvt.rn.bf16x2.f32 %r0, " + text(1.0f) + ", " + text(-2.0f) + ";") == 0x3f80c000u);
  CHECK(to_bf16(1.0f + 0x1p-8f) == 0x3f80);  // a half goes to even
  CHECK(to_bf16(1.0f + 0x1.8p-7f) == 0x3f82);
  CHECK(to_bf16(3.4e38f) == 0x7f80);
  CHECK(f0("mov.u16 %rs1, 0x3c01; cvt.f32.f16 %f0, %rs1;") == 1.0f + 0x1p-10f);
  CHECK(r0("cvt.rn.f16.f32 %rs1, " + text(65504.0f) + "; cvt.u32.u16 %r0, %rs1;") == 0x7bffu);
  for (uint32_t bits = 0; bits < 0x10000; ++bits) {  // all numbers survive the way there and back
    const float value = from_f16(static_cast<uint16_t>(bits));
    if (std::isnan(value)) continue;
    if (to_f16(value) != bits) FAIL("f16 " << bits << " became " << to_f16(value));
    if (value == 0 || std::isinf(value)) continue;
    // Half a step further goes to even, a little more to the next.
    const float next = from_f16(static_cast<uint16_t>(bits + 1));
    if (std::isinf(next)) continue;
    const float middle = value + (next - value) / 2;
    if (to_f16(middle) != bits + (bits & 1)) FAIL("f16 between " << bits << " and the next");
    if (to_f16(std::nextafter(middle, next)) != bits + 1) FAIL("f16 above the middle of " << bits);
  }
}
