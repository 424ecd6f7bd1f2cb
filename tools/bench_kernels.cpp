// gsx bench conv, norm, quant, all: verifies, times and prints kernels.
#include "tools/bench_kernels.h"

#include <cmath>
#include <iomanip>
#include <iostream>
#include <limits>
#include <optional>

#include "engine/error.h"
#include "kernels/backend.h"
#include "kernels/isa.h"
#include "models/architectures.h"
#include "tools/bench.h"
#include "tools/peer.h"
#include "tools/timing.h"

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
      : o_(o),
        context_(std::move(context)),
        rival_(*context_, o.compute),
        ceilings_(measure_ceilings(context_)) {
    emulated_ = context_->device().kind == Device::emulated;
    results_ = bench_header(*context_);
    results_["size"] = o.size;
    results_["batch"] = o.batch;
    results_["ceiling_gflops"] = known(ceilings_.flops * 1e-9);
    results_["ceiling_gbytes"] = known(ceilings_.bytes * 1e-9);
    results_["cudnn"] = rival_.json();
    results_["kernels"] = Json::array();
    if (o.vs.empty()) return;
    peer_.emplace(o.vs, context_->threads());
    results_["peer"] = peer_->name();
  }

  void visit(const KernelCase& c) {
    if ((c.kernel + ' ' + c.layer).find(o_.only) == std::string::npos) return;
    c.run();
    const double error = c.error();
    const bool right = error <= c.bound;
    wrong_ += right ? 0 : 1;
    Rivalry r = compare(c);
    std::vector<Work> works;
    if (right && !emulated_) works.push_back({*context_, c.run});
    if (r.right && !works.empty())
      works.push_back({*rival_.context(), [&] { c.run_by(*rival_.context()); }});
    const std::vector<Timing> timings = time_in_turns(works, o_.samples);
    Timing t = timings.empty() ? Timing{} : timings.front();
    std::optional<Duel> duel;
    if (right && !emulated_ && peer_ && !c.shape.is_null() && peer_->can(work_of_peer(c))) {
      duel = time_duel(*context_, c.run, *peer_, work_of_peer(c), o_.samples);
      t = duel->ours;
    }
    if (timings.size() > 1) r.time = timings.back();
    if (++count_ == 1 && !o_.json) print_heading();
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
    if (r.ran) results_["kernels"].back()["cudnn"] = to_json(r, t);
  }

  void finish() {
    if (peer_) peer_->finish();
    GSX_CHECK(count_ > 0, "--only: nothing measured has '", o_.only, "' in its name");
    if (o_.json) print_json(results_);
    GSX_CHECK(wrong_ == 0, wrong_, " of ", count_, " kernels differ from their definition");
  }

 private:
  static Json work_of_peer(const KernelCase& c) {
    return {{"what", c.kernel}, {"layer", c.layer}, {"shape", c.shape}};
  }
  // cuDNN on the case.
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
    if (!rival_.context() || !c.run_by) return r;
    r.ran = true;
    const size_t bytes = static_cast<size_t>(c.output.storage_size()) * sizeof(float);
    context_->backend().memory.fill(c.output.device_data(), 0xff, bytes, context_->exec().stream);
    context_->synchronize();
    try {
      c.run_by(*rival_.context());
      rival_.context()->synchronize();
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
    std::cout
        << rival_.line()
        << "ms: median (least to most); shares are of the ceilings; error: largest, relative to "
           "the definition's values\n"
        << (peer_ ? "peer: " + peer_->name() + ", in turns; ratio: its time to ours\n\n" : "\n")
        << std::left << std::setw(36) << "kernel" << std::setw(46) << "layer" << std::right
        << std::setw(10) << "ms" << std::setw(20) << "(range)" << std::setw(9) << "GFLOP/s"
        << std::setw(6) << "share" << std::setw(8) << "GB/s" << std::setw(6) << "share"
        << std::setw(10) << "error";
    if (rival_.context()) std::cout << std::setw(12) << "cuDNN ms" << std::setw(8) << "ratio";
    if (peer_) std::cout << "   peer ms   ratio";
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
    if (duel) {
      std::cout << std::fixed << std::setprecision(2) << std::setw(10) << 1e3 * duel->theirs.median
                << std::setw(8) << duel->ratio;
    }
    if (r.ran) {
      cell(12, 3, 1e3 * r.time.median);
      cell(8, 2, r.ratio(t));
      if (!r.refusal.empty()) std::cout << "  " << r.refusal;
      else if (!r.right) std::cout << "  cuDNN WRONG";
    }
    std::cout << std::endl;
  }

  const BenchOptions& o_;
  ContextPtr context_;
  Rival rival_;
  Ceilings ceilings_;
  bool emulated_ = false;
  std::optional<Peer> peer_;
  Json results_;
  int count_ = 0, wrong_ = 0;
};

}  // namespace

void run_bench_kernels(const BenchOptions& o) {
  const ContextPtr context = o.compute.context();
  warn_of_emulation(*context);
  const std::vector<SizedNetwork> networks = networks_to_bench(o.batch, o.size);
  KernelBench bench(o, context);
  const VisitCase visit = [&](const KernelCase& c) { bench.visit(c); };
  const bool all = o.what == "all";
  if (all || o.what == "conv") for_each_conv_case(context, networks, visit);
  if (all || o.what == "norm") for_each_norm_case(context, networks, visit);
  if (all || o.what == "quant") for_each_quant_case(context, networks, visit);
  bench.finish();
}

}  // namespace gsx::tools
