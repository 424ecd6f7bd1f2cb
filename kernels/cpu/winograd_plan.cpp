// Phases of a convolution, and when cutting it pays; see winograd_plan.h.
#include "kernels/cpu/winograd_plan.h"

#include <algorithm>

namespace gsx::kernels {
namespace {

// The share of an axis that reads input phase `phase`.
Axis phase_of(const Axis& a, int phase) {
  Axis p = a;
  p.in0 = a.in0 + phase;
  p.taps = std::max(0, (a.taps - phase + a.in_step - 1) / a.in_step);
  p.tap0 = a.tap0 + phase * a.tap_step;
  p.tap_step = a.tap_step * a.in_step;
  return p;
}

std::vector<Correlation> phases_of(const Correlation& part) {
  std::vector<Correlation> all;
  for (int a = 0; a < part.y.in_step; ++a) {
    for (int b = 0; b < part.x.in_step; ++b) {
      const Correlation c = {phase_of(part.y, a), phase_of(part.x, b)};
      if (c.taps() > 0) all.push_back(c);
    }
  }
  return all;
}

int tiles(int pixels, int tile) { return (pixels + tile - 1) / tile; }

}  // namespace

WinogradPlan::WinogradPlan(const std::vector<Correlation>& parts) {
  for (const Correlation& part : parts) {
    const std::vector<Correlation> terms = phases_of(part);
    int most = 0;
    for (const Correlation& t : terms) most = std::max({most, t.y.taps, t.x.taps});
    if (most < 2) {
      rest.push_back(part);
      continue;
    }
    taps = std::max(taps, most);
    WinogradOutput& out = outputs.emplace_back();
    out.c = part;
    for (const Correlation& t : terms) {
      const WinogradInput from = {t.y.in0, t.x.in0, t.y.in_step};
      const auto known = std::find(inputs.begin(), inputs.end(), from);
      out.terms.push_back({static_cast<int>(known - inputs.begin()), t});
      if (known == inputs.end()) inputs.push_back(from);
    }
  }
  if (taps > 4) taps = 0;
}

int WinogradPlan::down() const {
  int most = 0;
  for (const WinogradOutput& o : outputs) most = std::max(most, tiles(o.c.y.count, tile()));
  return most;
}

int WinogradPlan::across() const {
  int most = 0;
  for (const WinogradOutput& o : outputs) most = std::max(most, tiles(o.c.x.count, tile()));
  return most;
}

// In multiply-adds of direct convolution; costs per transformed number of a tile and of a filter
// are measured.
bool WinogradPlan::pays(int images, int c, int k) const {
  constexpr int64_t kPerTileNumber = 8, kPerFilterNumber = 8;
  const int64_t all = int64_t{images} * down() * across(), products = int64_t{c} * k;
  int64_t direct = 0, winograd = 0;
  for (const WinogradOutput& o : outputs) {
    direct += int64_t{images} * o.c.y.count * o.c.x.count * o.c.taps() * products;
    for (const WinogradTerm& t : o.terms) {
      int64_t planes = 0;
      for (int i = 0; i < kWinogradPlanes; ++i) planes += t.active(i, taps);
      winograd += all * planes * products + kWinogradPlanes * kPerFilterNumber * products;
    }
    winograd += all * kWinogradPlanes * kPerTileNumber * k;
  }
  winograd += all * kWinogradPlanes * kPerTileNumber * c * static_cast<int64_t>(inputs.size());
  return c >= 8 && k >= 8 && winograd < direct;
}

}  // namespace gsx::kernels
