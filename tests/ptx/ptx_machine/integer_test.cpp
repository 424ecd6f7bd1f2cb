// Integer arithmetic, logic, shifts and bit fields against values worked out by hand or by the
// host.
#include "tests/catch.h"
#include "tests/ptx/ptx_machine/snippet.h"

using namespace gsx::ptx;

TEST_CASE("integer sums and products wrap around") {
  CHECK(r0("add.s32 %r0, 2147483647, 1;") == 0x80000000u);
  CHECK(r0("sub.u32 %r0, 3, 5;") == 0xfffffffeu);
  CHECK(r0("mul.lo.s32 %r0, 65537, 65537;") == 131073u);
  CHECK(r0("mul.hi.s32 %r0, -2, 3;") == 0xffffffffu);
  CHECK(r0("mul.hi.u32 %r0, -2, 3;") == 2u);
  CHECK(rd0("mul.wide.s32 %rd0, -2, 3;") == static_cast<uint64_t>(-6));
  CHECK(rd0("mul.wide.u32 %rd0, -2, 3;") == 3 * uint64_t{0xfffffffe});
  CHECK(rd0("mul.hi.u64 %rd0, -1, 16;") == 15u);
  CHECK(rd0("mul.hi.s64 %rd0, -1, 16;") == ~uint64_t{0});
  CHECK(rd0("mad.lo.s64 %rd0, -3, 7, 5;") == static_cast<uint64_t>(-16));
  CHECK(rd0("mad.wide.u32 %rd0, -1, 2, 3;") == uint64_t{0x200000001});
  CHECK(r0("mad.hi.u32 %r0, -1, 4, 10;") == 13u);
  CHECK(r0("mul.lo.s16 %rs0, 300, 300; cvt.s32.s16 %r0, %rs0;") == 24464u);
  CHECK(r0("mul.wide.s16 %r0, -300, 300;") == static_cast<uint32_t>(-90000));
  CHECK(r0("sad.s32 %r0, -3, 4, 10;") == 17u);
}

TEST_CASE("integer quotients, also by zero and of the least number") {
  CHECK(r0("div.s32 %r0, -7, 2;") == static_cast<uint32_t>(-3));
  CHECK(r0("rem.s32 %r0, -7, 2;") == static_cast<uint32_t>(-1));
  CHECK(r0("div.u32 %r0, -7, 2;") == 0x7ffffffcu);
  CHECK(rd0("div.u64 %rd0, 1000000000000, 7;") == 142857142857u);
  CHECK(rd0("rem.s64 %rd0, -1000000000000, 7;") == static_cast<uint64_t>(-1));
  CHECK(r0("div.u32 %r0, 5, 0;") == 0xffffffffu);
  CHECK(r0("rem.u32 %r0, 5, 0;") == 5u);
  CHECK(r0("div.s32 %r0, -2147483648, -1;") == 0x80000000u);
  CHECK(r0("rem.s32 %r0, -2147483648, -1;") == 0u);
}

TEST_CASE("least, greatest, magnitude, sign") {
  CHECK(r0("min.s32 %r0, -1, 1;") == 0xffffffffu);
  CHECK(r0("min.u32 %r0, -1, 1;") == 1u);
  CHECK(rd0("max.s64 %rd0, -1, 1;") == 1u);
  CHECK(rd0("max.u64 %rd0, -1, 1;") == ~uint64_t{0});
  CHECK(r0("abs.s32 %r0, -5;") == 5u);
  CHECK(r0("neg.s32 %r0, 5;") == static_cast<uint32_t>(-5));
  CHECK(r0("neg.s16 %rs0, 5; mov.b32 %r0, {%rs0, %rs0};") == 0xfffbfffbu);
}

TEST_CASE("logic and shifts") {
  CHECK(r0("and.b32 %r0, 12, 10;") == 8u);
  CHECK(r0("or.b32 %r0, 12, 10;") == 14u);
  CHECK(r0("xor.b32 %r0, 12, 10;") == 6u);
  CHECK(r0("not.b32 %r0, 12;") == ~12u);
  CHECK(rd0("and.b64 %rd0, -1, 0xff00ff00ff00ff00;") == 0xff00ff00ff00ff00u);
  CHECK(r0("shl.b32 %r0, 3, 31;") == 0x80000000u);
  CHECK(r0("shl.b32 %r0, 3, 32;") == 0u);
  CHECK(r0("shr.s32 %r0, -16, 2;") == static_cast<uint32_t>(-4));
  CHECK(r0("shr.s32 %r0, -16, 99;") == 0xffffffffu);
  CHECK(r0("shr.u32 %r0, -16, 28;") == 15u);
  CHECK(rd0("shr.u64 %rd0, -1, 60;") == 15u);
  CHECK(rd0("shl.b64 %rd0, 1, 40;") == uint64_t{1} << 40);
  CHECK(r0("mov.u16 %rs1, -256; shr.s16 %rs0, %rs1, 4; cvt.s32.s16 %r0, %rs0;") ==
        static_cast<uint32_t>(-16));
  CHECK(r0("shf.l.wrap.b32 %r0, 0x80000001, 0x12345678, 8;") == 0x34567880u);
  CHECK(r0("shf.r.wrap.b32 %r0, 0x80000001, 0x12345678, 40;") == 0x78800000u);
  CHECK(r0("shf.r.clamp.b32 %r0, 0x80000001, 0x12345678, 40;") == 0x12345678u);
  CHECK(r0("lop3.b32 %r0, 12, 10, 9, 0x96;") == (12u ^ 10u ^ 9u));
}

TEST_CASE("bit fields") {
  CHECK(r0("bfe.u32 %r0, 0xabcd1234, 8, 8;") == 0x12u);
  CHECK(r0("bfe.s32 %r0, 0xabcd1234, 24, 8;") == 0xffffffabu);
  CHECK(r0("bfe.s32 %r0, 0xabcd1234, 28, 16;") == 0xfffffffau);
  CHECK(rd0("bfe.u64 %rd0, 0xabcd123400000000, 40, 8;") == 0x12u);
  CHECK(r0("bfi.b32 %r0, 0xff, 0, 4, 8;") == 0xff0u);
  CHECK(r0("bfi.b32 %r0, 0x12, 0xabcdef01, 28, 8;") == 0x2bcdef01u);
  CHECK(r0("bfind.u32 %r0, 0x00800000;") == 23u);
  CHECK(r0("bfind.s32 %r0, -1;") == 0xffffffffu);
  CHECK(r0("bfind.shiftamt.u32 %r0, 0x00800000;") == 8u);
  CHECK(r0("clz.b32 %r0, 1;") == 31u);
  CHECK(r0("clz.b64 %r0, 1;") == 63u);
  CHECK(r0("popc.b32 %r0, 0xf0f0;") == 8u);
  CHECK(r0("brev.b32 %r0, 1;") == 0x80000000u);
  CHECK(r0("prmt.b32 %r0, 0x33221100, 0x77665544, 0x7250;") == 0x77225500u);
  CHECK(r0("prmt.b32 %r0, 0x80221100, 0, 0xb333;") == 0xff808080u);
}

TEST_CASE("dot products of bytes") {
  // a = (-1, 2, -3, 4), b = (5, -6, 7, 8), byte 0 first.
  const std::string operands = " %r0, 0x04fd02ff, 0x0807fa05, 100;";
  CHECK(r0("dp4a.s32.s32" + operands) == 100u - 5 - 12 - 21 + 32);
  CHECK(r0("dp4a.u32.s32" + operands) == 100u + 255 * 5 - 12 + 253 * 7 + 32);
  // a = (-2, 3) as 16 bits, b as before.
  CHECK(r0("dp2a.lo.s32.s32 %r0, 0x0003fffe, 0x0807fa05, 100;") == 100u - 10 - 18);
  CHECK(r0("dp2a.hi.s32.s32 %r0, 0x0003fffe, 0x0807fa05, 100;") == 100u - 14 + 24);
}

TEST_CASE("moves split and join registers") {
  CHECK(rd0("mov.u32 %r2, 5; mov.u32 %r3, 7; mov.b64 %rd0, {%r2, %r3};") == 0x700000005u);
  CHECK(r0("mov.u64 %rd1, 0x700000005; mov.b64 {%r1, %r0}, %rd1;") == 7u);
  CHECK(r0("mov.u32 %r1, 0x12345678; mov.b32 {%rs0, %rs1}, %r1; cvt.u32.u16 %r0, %rs1;") ==
        0x1234u);
}
