// What a module or a launch must not contain, and how that is reported.
#include "tests/catch.h"
#include "tests/ptx/ptx_machine/snippet.h"

using namespace gsx::ptx;
using Catch::Contains;

TEST_CASE("unknown instructions are named with their line") {
  const std::string message = error_of("add.s32 %r0, 1, 2;\nfrobnicate.u32 %r0, 1;");
  CHECK_THAT(message, Contains("snippet.ptx:14: unknown instruction frobnicate.u32"));
  CHECK_THAT(error_of("ex2.approx.f32 %f0, %f1;"), Contains("unknown instruction ex2.approx.f32"));
  CHECK_THAT(error_of("add.rz.f32 %f0, %f1, %f2;"), Contains("unknown instruction add.rz.f32"));
  CHECK_THAT(error_of("add.ftz.f32 %f0, %f1, %f2;"), Contains("unknown instruction"));
  CHECK_THAT(error_of("mul.approx.s32 %r0, %r1, %r2;"), Contains("unknown instruction"));
  CHECK_THAT(error_of("cvt.s32.f32 %r0, %f1;"), Contains("unknown instruction"));
  CHECK_THAT(
      error_of("mma.sync.aligned.m8n8k4.row.col.f32.f16.f16.f32 {%f0}, {%r1}, {%r2}, {%f0};"),
      Contains("unknown instruction"));
}

TEST_CASE("malformed modules are refused") {
  CHECK_THAT(error_of("add.s32 %r0, %nothing, 2;"), Contains("no"));
  CHECK_THAT(error_of("bra nowhere;"), Contains("unknown name nowhere"));
  CHECK_THAT(error_of("add.s32 %r0, %rd1, 2;"), Contains("of another size"));
  CHECK_THAT(error_of("add.s32 %r0, 1"), Contains("snippet.ptx:"));
  CHECK_THAT(error_of(".unheard of;"), Contains("unknown directive .unheard"));
  CHECK_THAT(error_of("mov.u32 %r0, %clock;"), Contains("%clock"));
}

TEST_CASE("functions without a body stop the kernel only when they are called") {
  const char* declared = ".extern .func (.param .b32 r) vprintf(.param .b64 a, .param .b64 b);\n";
  const auto body = [](const char* condition) {
    return std::string("setp.eq.s32 %p1, 1, ") + condition +
           "; @!%p1 bra over; { .param .b64 param0; .param .b64 param1; .param .b32 retval0; "
           "call.uni (retval0), vprintf, (param0, param1); } over: mov.u32 %r0, 3;";
  };
  Snippet quiet(body("0"), declared);
  quiet.run();
  CHECK(quiet.r0[0] == 3);
  Snippet loud(body("1"), declared);
  CHECK_THROWS_WITH(loud.run(), Contains("a function without a body is called"));
}

TEST_CASE("launches are checked") {
  const Library library(
      ".version 9.0\n.target sm_90\n.address_size 64\n"
      ".visible .entry k(.param .u32 a, .param .u64 b) .maxntid 64, 1, 1 { ret; }",
      "k.ptx");
  GlobalMemory memory;
  std::array<std::byte, 16> params = {};
  LaunchConfig config;
  config.params = params;
  config.block.x = 64;
  CHECK_NOTHROW(launch(*library.find("k"), config, memory));
  config.block.x = 65;
  CHECK_THROWS_WITH(launch(*library.find("k"), config, memory), Contains("its launch bound is 64"));
  config.block.x = 64;
  config.params = std::span(params).first(12);
  CHECK_THROWS_WITH(launch(*library.find("k"), config, memory), Contains("12 bytes of parameters"));
  config.params = params;
  config.dynamic_shared = 1 << 18;
  CHECK_THROWS_WITH(launch(*library.find("k"), config, memory), Contains("bytes of shared memory"));
}

TEST_CASE("statistics tell which instructions ran") {
  Snippet s("setp.eq.s32 %p1, 1, 1; @%p1 bra over; mov.u32 %r0, 1; over:");
  s.run();
  CHECK(s.statistics.lane_instructions >= 32 * 10);
  CHECK(std::count(s.statistics.executed.begin(), s.statistics.executed.end(), 0) >= 1);
}
