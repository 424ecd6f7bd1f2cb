// gsx bench of all and of each kind of kernels: verifies, times and prints them.
#include "tools/bench/kernels.h"

#include <cmath>
#include <iomanip>
#include <iostream>
#include <limits>
#include <map>
#include <optional>

#include "engine/error.h"
#include "kernels/backend.h"
#include "kernels/isa.h"
#include "models/architectures.h"
#include "tools/bench/peer.h"
#include "tools/bench/timing.h"

namespace gsx::tools {

void Difference::add(double got, double want) {
  const double d = std::abs(got - want);
  difference_ = d <= difference_ ? difference_ : d;  // NaN stays
  largest_ = std::max(largest_, std::abs(want));
}

double Difference::relative() const {
  if (std::isnan(difference_)) return std::numeric_limits<double>::infinity();
  return difference_ == 0 ? 0 : difference_ / largest_;
}

void KernelCase::set_run(const ContextPtr& context, const Tensor& to,
                         std::function<void(Context&)> by) {
  output = to;
  run = [context, by] { by(*context); };
  run_by = std::move(by);
}

double bound_of(kernels::MathMode math) {
  switch (math) {
    case kernels::MathMode::tf32: return 2e-3;
    case kernels::MathMode::bf16: return 2e-2;
    case kernels::MathMode::fp32: break;
  }
  return 2e-4;  // most of it Winograd's
}

const std::vector<KernelKind>& kernel_kinds() {
  static const std::vector<KernelKind> kinds = {
      {.name = "conv", .for_each_case = for_each_conv_case, .rival = Library::cudnn},
      {.name = "norm", .for_each_case = for_each_norm_case},
      {.name = "quant", .for_each_case = for_each_quant_case},
      {.name = "gram", .for_each_case = for_each_gram_case, .rival = Library::cublas},
      {.name = "linear",
       .for_each_case = for_each_linear_case,
       .rival = Library::cublas,
       .sized = false},
  };
  return kinds;
}

std::vector<SizedNetwork> networks_to_bench(int batch, int size) {
  std::vector<SizedNetwork> networks;
  for (const char* name : {"cyclegan", "patchgan", "vgg16", "fast_style"}) {
    Graph graph = make_architecture(name);
    std::vector<Shape> shapes = graph.infer_shapes({batch, 3, size, size});
    networks.push_back({name, std::move(graph), std::move(shapes)});
  }
  return networks;
}

namespace {

class KernelBench {
 public:
  KernelBench(const BenchOptions& o, ContextPtr context)
      : o_(o), context_(std::move(context)), ceilings_(measure_ceilings(context_)) {
    emulated_ = context_->device().kind == Device::emulated;
    bool sized = false;
    for (const KernelKind& kind : kernel_kinds()) {
      if (o.what != "all" && o.what != kind.name) continue;
      kinds_.push_back(&kind);
      sized = sized || kind.sized;
      if (kind.rival) rivals_.try_emplace(*kind.rival, *kind.rival, *context_, o.compute);
    }
    results_ = bench_header(*context_);
    results_["size"] = sized ? Json(o.size) : Json(nullptr);
    results_["batch"] = o.batch;
    results_["ceiling_gflops"] = known(ceilings_.flops * 1e-9);
    results_["ceiling_gbytes"] = known(ceilings_.bytes * 1e-9);
    for (const auto& [library, rival] : rivals_) results_[rival.key()] = rival.json();
    results_["kernels"] = Json::array();
    if (o.vs.empty()) return;
    peer_.emplace(o.vs, context_->threads());
    results_["peer"] = peer_->name();
  }

  void run() {
    const std::vector<SizedNetwork> networks = networks_to_bench(o_.batch, o_.size);
    for (const KernelKind* kind : kinds_) {
      const auto rival = kind->rival ? rivals_.find(*kind->rival) : rivals_.end();
      rival_ = rival != rivals_.end() && rival->second.context() ? &rival->second : nullptr;
      columns_said_ = false;
      kind->for_each_case(context_, networks, [&](const KernelCase& c) { visit(c); });
    }
    finish();
  }

 private:
  void visit(const KernelCase& c) {
    if ((c.kernel + ' ' + c.layer).find(o_.only) == std::string::npos) return;
    if (c.prepare) c.prepare();
    c.run();
    const double error = c.error();
    const bool right = error <= c.bound;
    wrong_ += right ? 0 : 1;
    Rivalry r = compare(c);
    std::vector<Work> works;
    if (right && !emulated_) works.push_back({*context_, c.run});
    if (r.right && !works.empty())
      works.push_back({*rival_->context(), [&] { c.run_by(*rival_->context()); }});
    const std::vector<Timing> timings = time_in_turns(works, o_.samples);
    Timing t = timings.empty() ? Timing{} : timings.front();
    std::optional<Duel> duel;
    if (right && !emulated_ && peer_ && !c.shape.is_null() && peer_->can(work_of_peer(c))) {
      duel = time_duel(*context_, c.run, *peer_, work_of_peer(c), o_.samples);
      t = duel->ours;
    }
    if (timings.size() > 1) r.time = timings.back();
    if (++count_ == 1 && !o_.json) print_heading();
    if (!columns_said_ && !o_.json) print_columns();
    columns_said_ = true;
    const double gflops = t.median > 0 ? 1e-9 * c.flops / t.median : 0;
    const double gbytes = t.median > 0 ? 1e-9 * c.bytes / t.median : 0;
    if (!o_.json) print_row(c, t, error, right, gflops, gbytes, r, duel);
    results_["kernels"].push_back({{"kernel", c.kernel},
                                   {"layer", c.layer},
                                   {"shape", c.shape},
                                   {"right", right},
                                   {"error", error},
                                   {"error_bound", c.bound},
                                   {"ms", known(1e3 * t.median)},
                                   {"ms_least", known(1e3 * t.least)},
                                   {"ms_most", known(1e3 * t.most)},
                                   {"samples", t.samples},
                                   {"gflop", 1e-9 * c.flops},
                                   {"gflops", known(gflops)},
                                   {"share_of_flops", share(1e9 * gflops, ceilings_.flops)},
                                   {"gbytes_per_s", known(gbytes)},
                                   {"share_of_bytes", share(1e9 * gbytes, ceilings_.bytes)}});
    if (duel) results_["kernels"].back()["vs"] = duel->to_json();
    if (r.ran) results_["kernels"].back()[rival_->key()] = to_json(r, t);
  }

  void finish() {
    if (peer_) peer_->finish();
    GSX_CHECK(count_ > 0, "--only: nothing measured has '", o_.only, "' in its name");
    if (o_.json) print_json(results_);
    GSX_CHECK(wrong_ == 0, wrong_, " of ", count_, " kernels differ from their definition");
  }

  static Json work_of_peer(const KernelCase& c) {
    return {{"what", c.kernel}, {"layer", c.layer}, {"shape", c.shape}};
  }
  // The rival on the case.
  struct Rivalry {
    bool ran = false, right = false;
    double error = 0;
    std::string refusal;
    Timing time = {};
    double ratio(const Timing& ours) const {  // its time over ours
      return ours.median > 0 ? time.median / ours.median : 0;
    }
  };

  Rivalry compare(const KernelCase& c) {
    Rivalry r;
    if (!rival_ || !c.run_by) return r;
    r.ran = true;
    const size_t bytes = static_cast<size_t>(c.output.storage_size()) * sizeof(float);
    context_->backend().memory.fill(c.output.device_data(), 0xff, bytes, context_->exec().stream);
    context_->synchronize();
    try {
      c.run_by(*rival_->context());
      rival_->context()->synchronize();
    } catch (const Error& e) {
      r.refusal = e.what();
      return r;
    }
    r.error = c.error();
    r.right = r.error <= c.bound;
    wrong_ += r.right ? 0 : 1;
    return r;
  }
  static Json to_json(const Rivalry& r, const Timing& ours) {
    if (!r.refusal.empty()) return {{"refusal", r.refusal}};
    return {{"right", r.right},
            {"error", r.error},
            {"ms", known(1e3 * r.time.median)},
            {"ms_least", known(1e3 * r.time.least)},
            {"ms_most", known(1e3 * r.time.most)},
            {"ratio", known(r.ratio(ours))}};
  }

  static Json known(double v) { return v > 0 ? Json(v) : Json(nullptr); }
  static Json share(double value, double of) {
    return of > 0 && value > 0 ? Json(value / of) : Json(nullptr);
  }

  void print_heading() const {
    print_bench_header(*context_);
    if (!emulated_) {
      std::cout << std::fixed << std::setprecision(0) << "ceilings    " << 1e-9 * ceilings_.flops
                << " GFLOP/s on registers, " << std::setprecision(1) << 1e-9 * ceilings_.bytes
                << " GB/s from memory, measured just now\n";
    }
    for (const auto& [library, rival] : rivals_) std::cout << rival.line();
    std::cout << "ms: median (least to most); shares are of the ceilings; error: largest, relative "
                 "to the definition's values\n"
              << (peer_ ? "peer: " + peer_->name() + ", in turns; ratio: its time to ours\n" : "");
  }

  void print_columns() const {
    std::cout << '\n'
              << std::left << std::setw(36) << "kernel" << std::setw(46) << "layer" << std::right
              << std::setw(10) << "ms" << std::setw(20) << "(range)" << std::setw(9) << "GFLOP/s"
              << std::setw(6) << "share" << std::setw(8) << "GB/s" << std::setw(6) << "share"
              << std::setw(10) << "error";
    if (peer_) std::cout << "   peer ms   ratio";
    if (rival_) std::cout << std::setw(12) << rival_->name() + " ms" << std::setw(8) << "ratio";
    std::cout << '\n';
  }

  void print_row(const KernelCase& c, const Timing& t, double error, bool right, double gflops,
                 double gbytes, const Rivalry& r, const std::optional<Duel>& duel) const {
    std::cout << std::left << std::setw(36) << c.kernel << std::setw(46) << c.layer << std::right;
    const auto cell = [](int width, int digits, double v, const char* unit = "") {
      std::ostringstream text;
      if (v > 0) text << std::fixed << std::setprecision(digits) << v << unit;
      else text << '-';
      std::cout << std::setw(width) << text.str();
    };
    std::ostringstream range;
    range << std::fixed << std::setprecision(3) << '(' << 1e3 * t.least << '-' << 1e3 * t.most
          << ')';
    cell(10, 3, 1e3 * t.median);
    std::cout << std::setw(20) << (t.samples > 0 ? range.str() : "-");
    cell(9, 1, gflops);
    cell(6, 0, ceilings_.flops > 0 ? 1e11 * gflops / ceilings_.flops : 0, "%");
    cell(8, 1, gbytes);
    cell(6, 0, ceilings_.bytes > 0 ? 1e11 * gbytes / ceilings_.bytes : 0, "%");
    std::cout << std::setw(10) << std::scientific << std::setprecision(1) << error
              << std::defaultfloat << (right ? "" : "  WRONG");
    if (peer_) {
      cell(10, 2, duel ? 1e3 * duel->theirs.median : 0);
      cell(8, 2, duel ? duel->ratio : 0);
    }
    if (r.ran) {
      cell(12, 3, 1e3 * r.time.median);
      cell(8, 2, r.ratio(t));
      if (!r.refusal.empty()) std::cout << "  " << r.refusal;
      else if (!r.right) std::cout << "  " << rival_->name() << " WRONG";
    }
    std::cout << std::endl;
  }

  const BenchOptions& o_;
  ContextPtr context_;
  std::vector<const KernelKind*> kinds_;
  std::map<Library, Rival> rivals_;  // of these kinds
  const Rival* rival_ = nullptr;     // of the kind at work; null: none, or not here
  Ceilings ceilings_;
  bool emulated_ = false;
  std::optional<Peer> peer_;
  Json results_;
  int count_ = 0, wrong_ = 0;
  bool columns_said_ = false;  // of the kind at work
};

}  // namespace

void run_bench_kernels(const BenchOptions& o) {
  const ContextPtr context = o.compute.context();
  warn_of_emulation(*context);
  KernelBench(o, context).run();
}

}  // namespace gsx::tools
