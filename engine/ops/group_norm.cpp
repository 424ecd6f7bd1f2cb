// Group norm: instance norm's passes with the moments of groups in place of those of channels.
#include "engine/ops/common.h"

namespace gsx {
using namespace ops;

namespace {

// kernels::GroupNumbers of every group, on x's device; undefined where groups are whole.
Tensor group_table(const Tensor& x, const GroupNormOptions& o) {
  if (o.rests.empty()) return {};
  std::vector<float> numbers;
  int begin = 0;
  for (const GroupNormOptions::Rest& r : o.rests) {
    const auto first = static_cast<float>(begin), end = static_cast<float>(begin + r.kept);
    numbers.insert(numbers.end(),
                   {first, end, static_cast<float>(r.count), r.lost_mean, r.lost_squares});
    begin += r.kept;
  }
  return Tensor::from(x.context(), numbers, {o.groups, kernels::kGroupNumbers});
}

void check_groups(const Tensor& x, const GroupNormOptions& o) {
  GSX_CHECK(o.eps > 0, "group_norm: eps must be positive, got ", o.eps);
  GSX_CHECK(o.groups >= 1, "group_norm: groups must be at least 1, got ", o.groups);
  if (o.rests.empty()) {
    GSX_CHECK(x.dim(1) % o.groups == 0, "group_norm: groups must divide the channels of x ",
              x.shape(), ", got ", o.groups);
    return;
  }
  GSX_CHECK(static_cast<int>(o.rests.size()) == o.groups,
            "group_norm: rests must name each of the ", o.groups, " groups, got ", o.rests.size());
  int64_t kept = 0;
  for (const GroupNormOptions::Rest& r : o.rests) {
    GSX_CHECK(r.kept >= 0 && r.count >= r.kept && r.count > 0 && r.lost_squares >= 0,
              "group_norm: a group must have had the channels it has, got ", r.kept, " of ",
              r.count);
    kept += r.kept;
  }
  GSX_CHECK(kept == x.dim(1), "group_norm: the rests of the groups have ", kept,
            " channels, but x has shape ", x.shape());
}

struct Saved {
  Tensor x, gamma, table, mean, inv;
  kernels::GroupNormShape shape;
};

// sums[0] = sum of gy, sums[1] = sum of gy (x - mean) inv, per image and channel.
void sum_images(const Saved& s, const Tensor& gy, const Tensor& of_g, const Tensor& of_gx) {
  kernels::View one = s.x.view();
  one.n = 1;
  for (int64_t i = 0; i < s.x.dim(0); ++i) {
    const int64_t at = i * one.image(), channel = i * one.c;
    s.x.backend().channel_affine.backward_parameters(
        s.x.exec(), one, in(s.x) + at, in(gy) + at, in(s.mean) + channel, in(s.inv) + channel,
        {out(of_gx) + channel, out(of_g) + channel, false, false});
  }
}

void backward(const Saved& s, const Tensor& gy, Grads& grads) {
  const Tensor of_g = Tensor::empty_like(s.mean), of_gx = Tensor::empty_like(s.mean);
  sum_images(s, gy, of_g, of_gx);
  if (grads.wants(0)) {
    const Tensor by_gy = Tensor::empty_like(of_g), by_x = Tensor::empty_like(of_g),
                 one = Tensor::empty_like(of_g), gx = Tensor::empty_like(s.x);
    const kernels::GroupNormTerms terms{in(s.mean), in(s.inv), out(by_gy), out(by_x), out(one)};
    const auto& table = s.x.backend().group_norm;
    table.terms(s.x.exec(), s.shape, in_or_null(s.gamma), in(of_g), in(of_gx), terms);
    table.backward_input(s.x.exec(), s.x.view(), in(s.x), in(gy), terms, out(gx));
    grads.add(0, gx);
  }
  const auto over_images = [&](const Tensor& sums) {
    const Tensor total = Tensor::empty(s.x.context(), {s.x.dim(1)});
    kernels::View to = view_of(sums);
    to.n = 1;
    s.x.backend().arithmetic.sum_to(s.x.exec(), view_of(sums), to, 1, in(sums), out(total));
    return total;
  };
  if (grads.wants(1)) grads.add(1, over_images(of_gx));
  if (grads.wants(2)) grads.add(2, over_images(of_g));
}

}  // namespace

Tensor group_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta,
                  const GroupNormOptions& options) {
  check_image("group_norm", "x", x);
  check_scale_shift("group_norm", gamma, beta, x);
  check_groups(x, options);
  Saved saved{x.detach(),
              gamma,
              group_table(x, options),
              Tensor::empty(x.context(), {x.dim(0), x.dim(1)}),
              Tensor::empty(x.context(), {x.dim(0), x.dim(1)}),
              {}};
  saved.shape = {static_cast<int>(x.dim(0)), static_cast<int>(x.dim(1)), options.groups,
                 x.view().plane(), in_or_null(saved.table)};
  const Tensor channel_mean = Tensor::empty_like(saved.mean), var = Tensor::empty_like(saved.mean),
               channel_var = Tensor::empty_like(saved.mean), y = Tensor::empty_like(x);
  const auto& norm = x.backend().instance_norm;
  norm.moments(x.exec(), x.view(), in(x), {out(channel_mean), out(channel_var)});
  x.backend().group_norm.spread(x.exec(), saved.shape, options.eps,
                                {out(channel_mean), out(channel_var)}, {out(saved.mean), out(var)},
                                out(saved.inv));
  norm.forward(x.exec(), x.view(), {.eps = options.eps},
               {.x = in(x),
                .gamma = in_or_null(gamma),
                .beta = in_or_null(beta),
                .residual = nullptr,
                .moments = {out(saved.mean), out(var)},
                .y = out(y),
                .given = true});
  return record(y, "group_norm", {x, gamma, beta},
                [saved](const Tensor& gy, Grads& grads) { backward(saved, gy, grads); });
}

}  // namespace gsx
