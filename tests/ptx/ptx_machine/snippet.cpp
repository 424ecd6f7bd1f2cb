// The module around a snippet.
#include "tests/ptx/ptx_machine/snippet.h"

#include <cstdio>
#include <cstring>

namespace gsx::ptx {
namespace {

std::string module_of(const std::string& body, const std::string& functions) {
  return R"(.version 9.0
.target sm_90
.address_size 64
.shared .align 16 .b8 shared_bytes[1024];
)" + functions +
         R"(.visible .entry snippet(.param .u64 results, .param .u64 buffer)
{
.reg .pred %p<8>; .reg .b16 %rs<16>; .reg .b32 %r<32>; .reg .b64 %rd<32>; .reg .f32 %f<32>;
.reg .f64 %fd<16>; .reg .b64 %to<2>; .reg .b32 %thread<2>; .reg .pred %quiet<1>;
mov.u32 %r31, %laneid;
ld.param.u64 %rd31, [buffer];
mov.u32 %r0, 0; mov.u32 %r1, 0; mov.u64 %rd0, 0;
// body
)" + body +
         R"(
// results of the first warp
mov.u32 %thread0, %tid.x;
mov.u32 %thread1, %ctaid.x;
mad.lo.s32 %thread1, %thread1, 1024, %thread0;
setp.ge.u32 %quiet0, %thread1, 32;
@%quiet0 ret;
ld.param.u64 %to0, [results];
mul.wide.u32 %to1, %thread0, 16;
add.s64 %to0, %to0, %to1;
st.global.v2.u32 [%to0], {%r0, %r1};
st.global.u64 [%to0+8], %rd0;
ret;
}
)";
}

}  // namespace

Snippet::Snippet(const std::string& body, const std::string& functions)
    : r0{}, r1{}, rd0{}, library_(module_of(body, functions), "snippet.ptx") {}

void Snippet::run(uint32_t threads, uint32_t blocks) {
  struct Results {
    uint32_t r0, r1;
    uint64_t rd0;
  };
  std::array<Results, 32> results = {};
  GlobalMemory memory;
  memory.add(results.data(), sizeof results, "results");
  memory.add(buffer.data(), sizeof buffer, "buffer");
  library_.add_variables(memory);
  struct {
    void *results, *buffer;
  } params = {results.data(), buffer.data()};
  LaunchConfig config;
  config.grid.x = blocks;
  config.block.x = threads;
  config.params = std::as_bytes(std::span(&params, 1));
  statistics = launch(*library_.find("snippet"), config, memory);
  for (size_t lane = 0; lane < 32; ++lane) {
    r0[lane] = results[lane].r0;
    r1[lane] = results[lane].r1;
    rd0[lane] = results[lane].rd0;
  }
}

uint32_t r0(const std::string& body) {
  Snippet snippet(body);
  snippet.run();
  return snippet.r0[0];
}

uint64_t rd0(const std::string& body) {
  Snippet snippet(body);
  snippet.run();
  return snippet.rd0[0];
}

float f0(const std::string& body) { return std::bit_cast<float>(r0(body + "mov.b32 %r0, %f0;")); }

double fd0(const std::string& body) {
  return std::bit_cast<double>(rd0(body + "mov.b64 %rd0, %fd0;"));
}

std::string error_of(const std::string& body, uint32_t threads, uint32_t blocks) {
  try {
    Snippet(body).run(threads, blocks);
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string text(float value) {
  char literal[16];
  std::snprintf(literal, sizeof literal, "0f%08X", std::bit_cast<uint32_t>(value));
  return literal;
}

std::string text(double value) {
  char literal[24];
  std::snprintf(literal, sizeof literal, "0d%016llX",
                static_cast<unsigned long long>(std::bit_cast<uint64_t>(value)));
  return literal;
}

}  // namespace gsx::ptx
