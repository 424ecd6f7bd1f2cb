// Control flow of warps and blocks, and what lanes do together.
#include <cmath>
#include <vector>

#include "tests/catch.h"
#include "tests/ptx/machine/half.h"
#include "tests/ptx/ptx_machine/snippet.h"

using namespace gsx::ptx;
using Catch::Contains;

TEST_CASE("lanes diverge, loop differently often, and meet again") {
  Snippet s(R"(
    mov.u32 %r2, %r31;
    loop:
    setp.eq.s32 %p1, %r2, 0; @%p1 bra after;
    add.s32 %r0, %r0, %r2; add.s32 %r2, %r2, -1;
    and.b32 %r3, %r2, 1; setp.eq.s32 %p2, %r3, 0; @!%p2 bra odd;
    add.s32 %r0, %r0, 100;
    bra.uni next;
    odd: add.s32 %r0, %r0, 1000;
    next: bra loop;
    after: activemask.b32 %r1;)");
  s.run();
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t evens = (lane + 1) / 2, odds = lane / 2;
    CHECK(s.r0[lane] == lane * (lane + 1) / 2 + 100 * evens + 1000 * odds);
    CHECK(s.r1[lane] == kAllLanes);
  }
}

TEST_CASE("guards, exits, tables of labels") {
  Snippet s(R"(
    setp.gt.u32 %p1, %r31, 19; @%p1 exit;
    rem.u32 %r2, %r31, 3;
    table: .branchtargets case0, case1, case2;
    brx.idx %r2, table;
    case0: mov.u32 %r0, 10; bra done;
    case1: mov.u32 %r0, 11; bra done;
    case2: mov.u32 %r0, 12;
    done: setp.lt.u32 %p2, %r31, 4; @%p2 add.s32 %r0, %r0, 100; @!%p2 mov.u32 %r1, 5;)");
  s.run();
  CHECK(s.r0[0] == 110);
  CHECK(s.r0[2] == 112);
  CHECK(s.r0[4] == 11);
  CHECK(s.r1[4] == 5);
  CHECK(s.r1[3] == 0);
  CHECK(s.r0[20] == 0);
}

TEST_CASE("calls pass parameters and results, also when lanes return apart") {
  const char* functions = R"(
.func (.param .b32 result) scaled(.param .b32 x, .param .align 8 .b8 s[16])
{
.reg .f32 %f<4>; .reg .pred %p<2>;
ld.param.f32 %f1, [x]; ld.param.f32 %f2, [s+8];
st.param.f32 [result], %f1;
setp.lt.f32 %p1, %f1, 0f41200000; @%p1 ret;
mul.f32 %f3, %f1, %f2; st.param.f32 [result+0], %f3; ret;
}
)";
  Snippet s(R"(
    cvt.rn.f32.u32 %f1, %r31;
    { .reg .b32 temp_param_reg; .param .b32 param0; st.param.f32 [param0+0], %f1;
      .param .align 8 .b8 param1[16]; st.param.b64 [param1+0], %rd0;
      st.param.f32 [param1+8], 0f40000000; .param .b32 retval0;
      call.uni (retval0), scaled, (param0, param1);
      ld.param.f32 %f2, [retval0+0]; }
    cvt.rzi.u32.f32 %r0, %f2;)",
            functions);
  s.run();
  for (uint32_t lane = 0; lane < 32; ++lane) CHECK(s.r0[lane] == (lane < 10 ? lane : 2 * lane));
}

TEST_CASE("shuffles") {
  const auto shuffled = [](const std::string& mode, const std::string& b, const std::string& c) {
    Snippet s("add.s32 %r2, %r31, 100; mov.u32 %r1, 0; shfl.sync." + mode + ".b32 %r0|%p1, %r2, " +
              b + ", " + c + ", -1; selp.u32 %r1, 1, 0, %p1;");
    s.run();
    return std::pair(s.r0, s.r1);
  };
  for (uint32_t lane = 0; lane < 32; ++lane) {
    CHECK(shuffled("bfly", "5", "31").first[lane] == 100 + (lane ^ 5));
    CHECK(shuffled("down", "4", "31").first[lane] == 100 + (lane < 28 ? lane + 4 : lane));
    CHECK(shuffled("down", "4", "31").second[lane] == (lane < 28 ? 1u : 0u));
    CHECK(shuffled("up", "3", "0").first[lane] == 100 + (lane >= 3 ? lane - 3 : lane));
    CHECK(shuffled("idx", "9", "31").first[lane] == 109);
    // Segments of eight lanes: c = (32 - 8) << 8 | 31.
    CHECK(shuffled("idx", "2", "0x181f").first[lane] == 100 + lane / 8 * 8 + 2);
  }
}

TEST_CASE("votes, matches, reductions") {
  Snippet s(R"(
    setp.lt.u32 %p1, %r31, 5; vote.sync.ballot.b32 %r0, %p1, -1;
    vote.sync.any.pred %p2, %p1, -1; vote.sync.all.pred %p3, %p1, -1; vote.sync.all.pred %p4, !%p3, -1;
    selp.u32 %r2, 1, 0, %p2; selp.u32 %r3, 2, 0, %p3; selp.u32 %r4, 4, 0, %p4;
    redux.sync.add.s32 %r5, %r31, -1; shl.b32 %r5, %r5, 8;
    or.b32 %r1, %r2, %r3; or.b32 %r1, %r1, %r4; or.b32 %r1, %r1, %r5;
    and.b32 %r6, %r31, 3; match.any.sync.b32 %r7, %r6, -1; cvt.u64.u32 %rd0, %r7;)");
  s.run();
  CHECK(s.r0[9] == 31);
  CHECK(s.r1[0] == (1u | 4u | 496u << 8));
  CHECK(s.rd0[1] == 0x22222222u);
}

TEST_CASE("lanes that come apart meet at a warp operation") {
  Snippet s(R"(
    and.b32 %r2, %r31, 1; setp.eq.s32 %p1, %r2, 0; @%p1 bra even;
    add.s32 %r3, %r31, 1000; bra join;
    even: add.s32 %r3, %r31, 0;
    join: shfl.sync.bfly.b32 %r0, %r3, 1, 31, -1;
    bar.warp.sync -1;)");
  s.run();
  CHECK(s.r0[0] == 1001);
  CHECK(s.r0[1] == 0);
  CHECK_THAT(
      error_of("setp.lt.u32 %p1, %r31, 8; @%p1 bra skip; shfl.sync.bfly.b32 %r0, %r31, 1, 31, "
               "-1; skip: mov.u32 %r1, 1;\nshfl.sync.bfly.b32 %r0, %r31, 1, 31, -1;"),
      Contains("deadlock: lanes wait here"));
  CHECK_THAT(
      error_of("setp.eq.u32 %p1, %r31, 8; @%p1 exit; shfl.sync.bfly.b32 %r0, %r31, 1, 31, -1;"),
      Contains("names a lane that has exited"));
  CHECK_THAT(error_of("shfl.sync.bfly.b32 %r0, %r31, 1, 31, 0xffff;"), Contains("lacks a lane"));
}

TEST_CASE("barriers: divergent, incomplete, of some warps only") {
  CHECK_THAT(error_of("setp.lt.u32 %p1, %r31, 8; @%p1 bra skip; bar.sync 0; skip:"),
             Contains("divergent barrier: lanes of the warp are elsewhere"));
  CHECK_THAT(error_of("mov.u32 %r2, %tid.x; setp.lt.u32 %p1, %r2, 32; @%p1 bra other; bar.sync 0; "
                      "bra done; other: bar.sync 0; done:",
                      64),
             Contains("divergent barrier: warp 0 waits at line"));
  CHECK_THAT(error_of("mov.u32 %r2, %tid.x; setp.lt.u32 %p1, %r2, 32; @%p1 bra other; bar.sync 1; "
                      "bra done; other: bar.sync 2; done:",
                      64),
             Contains("deadlock"));
  CHECK(error_of(
            "mov.u32 %r2, %tid.x; setp.lt.u32 %p1, %r2, 64; @!%p1 bra done; bar.sync 1, 64; done:",
            96) == "");
  CHECK(error_of("mov.u32 %r2, %tid.x; setp.lt.u32 %p1, %r2, 32; @%p1 exit; bar.sync 0;", 64) ==
        "");
}

TEST_CASE("a trap stops the kernel") {
  CHECK_THAT(error_of("trap;"), Contains("the kernel stops here"));
}

TEST_CASE("ldmatrix hands out rows or columns") {
  const std::string fill = R"(
    mov.u32 %r2, shared_bytes; shl.b32 %r3, %r31, 4; add.s32 %r4, %r2, %r3;
    // Row r of all 32 holds the 16-bit numbers 8r .. 8r+7.
    shl.b32 %r5, %r31, 3; add.s32 %r6, %r5, 1; shl.b32 %r6, %r6, 16; or.b32 %r6, %r6, %r5;
    add.s32 %r7, %r6, 0x20002; add.s32 %r8, %r6, 0x40004; add.s32 %r9, %r6, 0x60006;
    st.shared.v4.u32 [%r4], {%r6, %r7, %r8, %r9};
    bar.warp.sync -1;
  )";
  Snippet rows(fill +
               "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%r0, %r1, %r10, %r11}, [%r4]; "
               "cvt.u64.u32 %rd0, %r11;");
  rows.run();
  Snippet columns(fill + "ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%r0, %r1}, [%r4];");
  columns.run();
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const uint32_t row = lane / 4, column = lane % 4 * 2;
    const auto number = [](uint32_t matrix, uint32_t r, uint32_t c) {
      return 64 * matrix + 8 * r + c;
    };
    CHECK(rows.r0[lane] == (number(0, row, column + 1) << 16 | number(0, row, column)));
    CHECK(rows.r1[lane] == (number(1, row, column + 1) << 16 | number(1, row, column)));
    CHECK(rows.rd0[lane] == (number(3, row, column + 1) << 16 | number(3, row, column)));
    CHECK(columns.r0[lane] == (number(0, column + 1, row) << 16 | number(0, column, row)));
    CHECK(columns.r1[lane] == (number(1, column + 1, row) << 16 | number(1, column, row)));
  }
}

namespace {

// Small whole numbers: every product and sum is exact, so the order of addition cannot matter.
int a_of(int row, int k) { return (row * 5 + k * 3) % 11 - 5; }
int b_of(int k, int column) { return (k * 7 + column * 2) % 9 - 4; }

uint32_t float_bits(int value) { return std::bit_cast<uint32_t>(static_cast<float>(value)); }
uint32_t brain_pair(int low, int high) {
  return uint32_t{to_bf16(static_cast<float>(high))} << 16 | to_bf16(static_cast<float>(low));
}

// Loads the fragments from the buffer, eight words a lane (a, b), and multiplies; the results go to
// the buffer's end, four words a lane.
std::string multiply_text(const std::string& instruction) {
  return R"(
    mul.wide.u32 %rd1, %r31, 32; add.s64 %rd2, %rd31, %rd1;
    ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd2]; ld.global.v2.u32 {%r6, %r7}, [%rd2+16];
    mov.f32 %f1, 0f42C80000;
    )" + instruction +
         R"( {%f2, %f3, %f4, %f5}, {%r2, %r3, %r4, %r5}, {%r6, %r7}, {%f1, %f1, %f1, %f1};
    mul.wide.u32 %rd1, %r31, 16; add.s64 %rd2, %rd31, %rd1;
    st.global.v4.f32 [%rd2+2048], {%f2, %f3, %f4, %f5};)";
}

void check_product(const Snippet& s, int depth) {
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 8; ++column) {
      int expected = 100;
      for (int k = 0; k < depth; ++k) expected += a_of(row, k) * b_of(k, column);
      const size_t lane = static_cast<size_t>(row % 8 * 4 + column / 2);
      const size_t part = static_cast<size_t>(row / 8 * 2 + column % 2);
      CHECK(s.buffer[512 + lane * 4 + part] == float_bits(expected));
    }
  }
}

}  // namespace

TEST_CASE("matrix products of TF32") {
  Snippet s(multiply_text("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32"));
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4;
    uint32_t* to = &s.buffer[static_cast<size_t>(lane) * 8];
    to[0] = float_bits(a_of(g, t));
    to[1] = float_bits(a_of(g + 8, t));
    to[2] = float_bits(a_of(g, t + 4));
    to[3] = float_bits(a_of(g + 8, t + 4)) | 0x1fff;  // the lower bits do not count
    to[4] = float_bits(b_of(t, g));
    to[5] = float_bits(b_of(t + 4, g));
  }
  s.run();
  check_product(s, 8);
}

TEST_CASE("matrix products of BF16") {
  Snippet s(multiply_text("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32"));
  for (int lane = 0; lane < 32; ++lane) {
    const int g = lane / 4, t = lane % 4 * 2;
    uint32_t* to = &s.buffer[static_cast<size_t>(lane) * 8];
    to[0] = brain_pair(a_of(g, t), a_of(g, t + 1));
    to[1] = brain_pair(a_of(g + 8, t), a_of(g + 8, t + 1));
    to[2] = brain_pair(a_of(g, t + 8), a_of(g, t + 9));
    to[3] = brain_pair(a_of(g + 8, t + 8), a_of(g + 8, t + 9));
    to[4] = brain_pair(b_of(t, g), b_of(t + 1, g));
    to[5] = brain_pair(b_of(t + 8, g), b_of(t + 9, g));
  }
  s.run();
  check_product(s, 16);
}
