// Loads, stores and asynchronous copies in all state spaces, and what they refuse.
#include "tests/catch.h"
#include "tests/ptx/ptx_machine/snippet.h"

using namespace gsx::ptx;
using Catch::Contains;

TEST_CASE("loads extend, stores truncate, vectors keep order") {
  Snippet s(R"(
    ld.global.s8 %rs1, [%rd31]; cvt.s32.s16 %r0, %rs1;
    ld.global.u8 %r1, [%rd31+1];
    ld.global.s32 %rd0, [%rd31+4];
    setp.ne.s32 %p1, %r31, 0; @%p1 bra done;
    st.global.u8 [%rd31+8], 0x1ff;
    st.global.u16 [%rd31+10], %r0;
    ld.global.v4.u32 {%r2, %r3, %r4, %r5}, [%rd31+16];
    st.global.v2.u32 [%rd31+32], {%r5, %r2};
    st.global.v4.f32 [%rd31+48], {0f3F800000, 0f40000000, 0f40400000, 0f40800000};
    done:)");
  s.buffer[0] = 0xfe80;
  s.buffer[1] = 0x80000000u;
  for (uint32_t k = 0; k < 4; ++k) s.buffer[4 + k] = k;
  s.run();
  CHECK(s.r0[0] == 0xffffff80u);
  CHECK(s.r1[0] == 0xfeu);
  CHECK(s.rd0[0] == 0xffffffff80000000u);
  CHECK(s.buffer[2] == 0xff8000ffu);
  CHECK(s.buffer[8] == 3u);
  CHECK(s.buffer[9] == 0u);
  CHECK(s.buffer[15] == 0x40800000u);
}

TEST_CASE("shared memory passes values between warps; generic addresses reach every space") {
  Snippet s(R"(
    .local .align 8 .b8 stack[16];
    mov.u32 %r2, %tid.x; shl.b32 %r3, %r2, 2; mov.u32 %r4, shared_bytes; add.s32 %r5, %r4, %r3;
    st.shared.u32 [%r5], %r2;
    bar.sync 0;
    xor.b32 %r3, %r3, 128; add.s32 %r5, %r4, %r3; ld.shared.u32 %r0, [%r5];
    mov.u64 %rd1, shared_bytes; cvta.shared.u64 %rd2, %rd1; ld.u32 %r1, [%rd2+12];
    mov.u64 %rd3, stack; cvta.local.u64 %rd4, %rd3; st.u32 [%rd4+8], %r2;
    ld.local.u32 %r6, [stack+8]; add.s32 %r1, %r1, %r6;
    cvta.to.shared.u64 %rd5, %rd2; sub.s64 %rd0, %rd5, %rd1;)");
  s.run(64);
  for (uint32_t lane = 0; lane < 32; ++lane) {
    CHECK(s.r0[lane] == lane + 32);
    CHECK(s.r1[lane] == lane + 3);
    CHECK(s.rd0[lane] == 0);
  }
}

TEST_CASE("parameters: by name, by address, as structs") {
  Snippet s(R"(
    mov.b64 %rd1, buffer; ld.param.u64 %rd2, [%rd1]; cvta.param.u64 %rd3, %rd1; ld.u64 %rd4, [%rd3];
    sub.s64 %rd0, %rd2, %rd4; ld.param.u32 %r0, [buffer+4];)");
  s.run();
  CHECK(s.rd0[0] == 0);
  CHECK(s.r0[0] == reinterpret_cast<uint64_t>(s.buffer.data()) >> 32);
}

TEST_CASE("module variables hold numbers and addresses") {
  Snippet s(
      "ld.global.u64 %rd1, [pointer]; ld.const.u16 %r0, [%rd1]; ld.global.nc.u32 %r1, [pair+4];",
      ".const .align 4 .b8 table[6] = {1, 0, 7, 0, 9};\n"
      ".global .align 8 .u64 pointer[2] = {generic(table)+2, 3};\n"
      ".global .align 4 .u32 pair[2] = {5, -6};\n");
  s.run();
  CHECK(s.r0[0] == 7);
  CHECK(s.r1[0] == static_cast<uint32_t>(-6));
}

TEST_CASE("asynchronous copies arrive at their wait, zeros fill the rest") {
  const std::string start = R"(
    mov.u32 %r2, shared_bytes; mul.wide.u32 %rd1, %r31, 16; add.s64 %rd2, %rd31, %rd1;
    shl.b32 %r3, %r31, 4; add.s32 %r4, %r2, %r3;
    st.shared.v4.u32 [%r4], {77, 77, 77, 77};
    cp.async.ca.shared.global [%r4], [%rd2], 16, 4;
    cp.async.commit_group;
    cp.async.cg.shared.global [%r4+512], [%rd2], 16;
    cp.async.commit_group;
    cp.async.ca.shared.global [%r4+512], [%rd2+4], 4, 0;
  )";
  const std::string look = "ld.shared.u32 %r0, [%r4]; ld.shared.u32 %r1, [%r4+516];";
  const auto run = [&](const std::string& wait) {
    Snippet s(start + wait + look);
    for (uint32_t i = 0; i < 128; ++i) s.buffer[i] = i + 1;
    s.run();
    return std::pair(s.r0[3], s.r1[3]);
  };
  CHECK(run("") == std::pair(77u, 0xffffffffu));
  CHECK(run("cp.async.wait_group 1;") == std::pair(13u, 0xffffffffu));
  CHECK(run("cp.async.wait_group 0;") == std::pair(13u, 14u));
  Snippet s(start + "cp.async.wait_all; ld.shared.u32 %r0, [%r4+512]; ld.shared.u32 %r1, [%r4+4];");
  s.buffer.fill(9);
  s.run();
  CHECK(s.r0[3] == 0);  // the last copy has no valid byte
  CHECK(s.r1[3] == 0);  // nor had the first beyond its four
  CHECK(error_of("mov.u32 %r2, shared_bytes; cp.async.ca.shared.global [%r2], [%rd31], 4, 8;") !=
        "");
}

TEST_CASE("accesses outside and across alignment are refused, with their place") {
  const std::string message = error_of(
      "setp.eq.s32 %p1, %r31, 5; selp.b64 %rd1, 4096, 0, %p1; add.s64 %rd2, %rd31, %rd1;\n"
      "ld.global.u32 %r0, [%rd2];");
  CHECK_THAT(message, Contains("kernel snippet: block (0, 0, 0), warp 0, lane 5"));
  CHECK_THAT(message, Contains("ld.global.u32 at snippet.ptx:"));
  CHECK_THAT(message, Contains("out of bounds: 4 bytes at offset 4096 of buffer, which has 4096"));
  CHECK_THAT(error_of("ld.global.u32 %r0, [%rd31+4094];"), Contains("out of bounds"));
  CHECK_THAT(error_of("ld.global.u32 %r0, [%rd31+-4];"), Contains("out of bounds"));
  CHECK_THAT(error_of("st.global.u32 [%rd0], 1;"), Contains("where no allocation is"));
  CHECK_THAT(error_of("ld.global.u32 %r0, [%rd31+2];"),
             Contains("misaligned: 4 bytes at offset 2"));
  CHECK_THAT(error_of("ld.global.v4.u32 {%r0, %r1, %r2, %r3}, [%rd31+8];"), Contains("misaligned"));
  CHECK_THAT(error_of("mov.u32 %r2, shared_bytes; ld.shared.u32 %r0, [%r2+1024];"),
             Contains("of 1024 bytes of shared memory"));
  CHECK_THAT(error_of("mov.u32 %r2, shared_bytes; st.shared.u64 [%r2+4], %rd0;"),
             Contains("misaligned"));
  CHECK_THAT(error_of(".local .b8 a[16]; ld.local.u32 %r0, [a+16];"), Contains("local memory"));
  CHECK_THAT(error_of("ld.param.u32 %r0, [buffer+8];"), Contains("parameter memory"));
  CHECK_THAT(error_of("cvta.to.shared.u64 %rd1, %rd31;"), Contains("not in this state space"));
}

TEST_CASE("blocks may not meet in global memory") {
  const std::string mine =
      "mov.u32 %r2, %ctaid.x; mul.wide.u32 %rd1, %r2, 128; "
      "mul.wide.u32 %rd2, %r31, 4; add.s64 %rd3, %rd1, %rd2; "
      "add.s64 %rd4, %rd31, %rd3;";
  CHECK(error_of(mine + "st.global.u32 [%rd4], %r2;", 32, 4) == "");
  CHECK(error_of(mine + "ld.global.u32 %r0, [%rd31]; st.global.u32 [%rd4+128], %r0;", 32, 4) == "");
  CHECK_THAT(error_of("st.global.u32 [%rd31], 7;", 32, 2), Contains("race"));
  CHECK_THAT(error_of(mine + "st.global.u32 [%rd4], %r2; ld.global.u32 %r0, [%rd31];", 32, 2),
             Contains("race"));
  CHECK_THAT(error_of(mine + "ld.global.u32 %r0, [%rd4+128]; st.global.u32 [%rd4], %r2;", 32, 2),
             Contains("race"));
}

TEST_CASE("the read-only path must not meet writes") {
  CHECK(error_of("ld.global.nc.u32 %r0, [%rd31]; st.global.u32 [%rd31+64], %r0;") == "");
  CHECK_THAT(error_of("st.global.u32 [%rd31], 1; ld.global.nc.u32 %r0, [%rd31];"),
             Contains("read-only path"));
  CHECK_THAT(error_of("ld.global.nc.u32 %r0, [%rd31]; st.global.u32 [%rd31], 1;"),
             Contains("read-only path"));
}
