// The arithmetic of convolutions, compiled once per instruction set: small loops over memory that
// the caller has cut, padded and packed. Nothing here knows images; nothing here runs threads.
#pragma once
#include <cstdint>

namespace gsx::kernels {

// Width of a packed weight panel: output channels side by side.
constexpr int kPanel = 16;

// Panels cover 16 outputs each; the last covers 8 when that is all that remains. The one that
// starts at output k begins at float rows*k.
constexpr int panel_width(int k, int outputs) { return outputs - k > 8 ? kPanel : 8; }

// out[out_at[i] + k] = (bias[k] or 0) + sum over runs r and j < run_length of
//                      in[in_at[i] + run_at[r] + j] * panels[row r*run_length + j][k]
// for every pixel i and k in [0, outputs); outputs is a multiple of 8.
struct MultiplyBlock {
  const float* in;
  const int32_t* in_at;
  const int32_t* run_at;
  int pixels, runs, run_length;
  const float* panels;
  int outputs;
  const float* bias;  // outputs floats, or null
  float* out;
  const int32_t* out_at;
};
void multiply(const MultiplyBlock&);

// The same for at most four outputs: a dot product each. Weights lie as [output][run][padded run],
// runs padded with zeros to a multiple of 16; as much of the input is read, so it must be there.
struct DotBlock {
  const float* in;
  const int32_t* in_at;
  const int32_t* run_at;
  int pixels, runs, run_length;
  const float* w;
  int outputs;
  const float* bias;
  float* out;
  const int32_t* out_at;
};
constexpr int kDotAlign = 16;
constexpr int dot_run(int run_length) {
  return (run_length + kDotAlign - 1) / kDotAlign * kDotAlign;
}
void multiply_few(const DotBlock&);

}  // namespace gsx::kernels
