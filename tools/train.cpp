// gsx train: makes a small, fast, faithful generator out of a large one.
#include <atomic>
#include <csignal>
#include <filesystem>
#include <iomanip>
#include <iostream>

#include "engine/io/atomic_file.h"
#include "gs/trainer.h"
#include "tools/commands.h"
#include "tools/config_file.h"
#include "tools/options.h"
#include "tools/progress.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

std::atomic<bool> stop_requested{false};

// A first Ctrl-C or SIGTERM asks the trainer to write a checkpoint and return; a second one kills.
void request_stop(int signal) {
  stop_requested = true;
  std::signal(signal, SIG_DFL);
}

struct TrainOptions {
  TrainConfig config;
  ComputeOptions compute;
  std::string out, resume, config_file;
  std::string quant_grid = "int8", act_range = "calibrated";
  bool per_tensor = false, no_flip = false, json = false;
};

const std::map<std::string, QuantGrid> kGrids = {
    {"int8", QuantGrid::int8}, {"official", QuantGrid::official}, {"paper", QuantGrid::paper}};
const std::map<std::string, double> kUnits = {{"k", 1e3}, {"M", 1e6}, {"G", 1e9}};

void add_input_options(CLI::App& app, TrainOptions& o) {
  TrainConfig& c = o.config;
  app.add_option("--teacher", c.teacher,
                 "the generator to compress: a gsx model, or ARCH:weights.safetensors; "
                 "without it a dense one is trained first")
      ->group("Inputs");
  app.add_option("--data", c.data,
                 "photos: a folder with trainA and trainB (and testA, testB), or one folder; "
                 "without it the built-in pictures")
      ->group("Inputs");
  app.add_option("--feature-net", c.feature_net,
                 "network the perceptual distance looks through: a gsx model, or e.g. "
                 "squeezenet:FILE, vgg16:FILE; without it taps of the discriminator")
      ->group("Inputs");
  app.add_option("--size", c.size, "side of the training pictures (0: 64 built in, else 128)")
      ->check(CLI::Range(0, 4096))
      ->group("Inputs");
  app.add_option("--load-size", c.load_size,
                 "resize the short side to this before cropping (0: --size)")
      ->check(CLI::Range(0, 8192))
      ->group("Inputs");
  app.add_flag("--no-flip", o.no_flip, "do not mirror pictures at random")->group("Inputs");
}

void add_budget_options(CLI::App& app, TrainOptions& o) {
  TrainConfig& c = o.config;
  app.add_option("--target-ratio", c.target_ratio,
                 "compress until the file is this many times smaller than the teacher's "
                 "(without any budget: 12 for gs8, 3 for gs32)")
      ->check(CLI::Range(1.0, 1e6))
      ->group("Budget");
  app.add_option("--target-macs", c.target_macs,
                 "compress until one picture of --size costs this many multiply-accumulates "
                 "(suffixes k, M, G)")
      ->transform(CLI::AsNumberWithUnit(kUnits, CLI::AsNumberWithUnit::CASE_SENSITIVE))
      ->group("Budget");
  app.add_option("--rho", c.rho, "weight of the sparsity term instead of a budget (Eq. 4)")
      ->check(CLI::NonNegativeNumber)
      ->group("Budget");
}

void add_method_options(CLI::App& app, TrainOptions& o) {
  TrainConfig& c = o.config;
  constexpr const char* kGroup = "Method";
  app.add_option("--method", c.method,
                 "gs8: distil + prune + quantise; gs32: distil + prune; "
                 "distill: a narrow student; dense: train a teacher only")
      ->check(CLI::IsMember({"gs8", "gs32", "distill", "dense"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--objective", c.objective, "losses as in the official code, or as in the paper")
      ->check(CLI::IsMember({"official", "paper"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--distance", c.distance, "distance between student and teacher pictures")
      ->check(CLI::IsMember({"perceptual", "mse", "l1"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--beta", c.beta, "weight of that distance (Eq. 4)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--quant-grid", o.quant_grid, "quantiser grids: int8 fits 8 bits; see docs")
      ->check(CLI::IsMember({"int8", "official", "paper"}))
      ->capture_default_str()
      ->group(kGroup);
  app.add_option("--act-range", o.act_range, "activation range: calibrated, or p as in [0, p]")
      ->capture_default_str()
      ->group(kGroup);
  app.add_flag("--per-tensor", o.per_tensor, "one weight scale per layer instead of per channel")
      ->group(kGroup);
  app.add_flag("--quantize-student", c.quantize_student,
               "distill: 8-bit weights and activations, as gs8 has them")
      ->group(kGroup);
  app.add_option("--width", c.width, "channels of the first layer of a dense or distilled network")
      ->check(CLI::Range(1, 1024))
      ->group(kGroup);
  app.add_option("--blocks", c.blocks, "residual blocks of a dense network")
      ->check(CLI::Range(1, 64))
      ->group(kGroup);
}

void add_schedule_options(CLI::App& app, TrainOptions& o) {
  TrainConfig& c = o.config;
  constexpr const char* kGroup = "Schedule (0: the method's default)";
  const auto steps = CLI::Range(0, 100'000'000);
  app.add_option("--dense-steps", c.dense_steps, "steps of teacher training")
      ->check(steps)
      ->group(kGroup);
  app.add_option("--critic-steps", c.critic_steps,
                 "steps of discriminator training before slimming, for a teacher without one")
      ->check(steps)
      ->group(kGroup);
  app.add_option("--slim-steps", c.slim_steps, "steps of pruning")->check(steps)->group(kGroup);
  app.add_option("--finetune-steps", c.finetune_steps, "steps after extraction")
      ->check(steps)
      ->group(kGroup);
  app.add_option("--batch", c.batch, "pictures per step")
      ->check(CLI::Range(0, 1024))
      ->group(kGroup);
  app.add_option("--lr", c.lr,
                 "Adam rate of the generator while slimming; by default 1.5 % of the "
                 "size (rms) of the teacher's weights")
      ->check(CLI::NonNegativeNumber)
      ->group(kGroup);
  app.add_option("--lr-gamma", c.lr_gamma, "SGD rate of the norm scales")
      ->check(CLI::NonNegativeNumber)
      ->group(kGroup);
  app.add_option("--lr-discriminator", c.lr_discriminator, "Adam rate of the discriminator")
      ->check(CLI::NonNegativeNumber)
      ->group(kGroup);
  app.add_option("--lr-finetune", c.lr_finetune, "Adam rate after extraction")
      ->check(CLI::NonNegativeNumber)
      ->group(kGroup);
  app.add_option("--weight-decay", c.weight_decay, "L2 term coupled into Adam")->group(kGroup);
  app.add_option("--seed", c.seed, "random seed; equal seeds give equal bits")
      ->capture_default_str()
      ->group(kGroup);
}

void add_run_options(CLI::App& app, TrainOptions& o) {
  TrainConfig& c = o.config;
  app.add_option("--out", o.out, "run folder (default: a new one under runs/)")->group("Run");
  app.add_option("--resume", o.resume, "continue the run in this folder; takes no other settings")
      ->group("Run");
  app.add_option("--config", o.config_file,
                 "settings from a TOML file, named as these flags, which win over it; a run folder "
                 "holds its own as config.toml")
      ->group("Run");
  app.add_option("--checkpoint-every", c.checkpoint_every, "steps between checkpoints")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str()
      ->group("Run");
  app.add_option("--sample-every", c.sample_every, "steps between sample sheets")
      ->check(CLI::Range(1, 100'000'000))
      ->capture_default_str()
      ->group("Run");
  app.add_flag("--json", o.json, "print the result as one JSON object")->group("Run");
}

// runs/METHOD-1, runs/METHOD-2, ...: the first that does not exist.
fs::path new_run_dir(const std::string& method) {
  for (int i = 1;; ++i) {
    const fs::path dir = fs::path("runs") / (method + "-" + std::to_string(i));
    if (!fs::exists(dir)) return dir;
  }
}

// What may be said when resuming: how to compute, not what.
const std::vector<std::string> kOfTheMachine = {
    "resume",    "threads",       "device",        "isa",    "math",
    "conv-algo", "conv-provider", "gemm-provider", "memory", "json"};

void finish_config(const CLI::App& app, TrainOptions& o) {
  TrainConfig& c = o.config;
  if (!o.resume.empty()) {
    const auto others = given_beside(app, kOfTheMachine);
    if (!others.empty()) {
      throw CLI::ValidationError("--resume", "takes no other settings, got " + others[0] +
                                                 "; the run goes on as it was started");
    }
  }
  const int budgets = (c.target_ratio != 0) + (c.target_macs != 0) + (c.rho != 0);
  if (budgets > 1) {
    throw CLI::ValidationError(
        "budget", "--target-ratio, --target-macs and --rho exclude each other; give one of them");
  }
  c.flip = !o.no_flip;
  c.context = o.compute.context();
  c.quantize.weights = {kGrids.at(o.quant_grid), !o.per_tensor};
  c.quantize.act_range = 0;
  if (o.act_range != "calibrated") {
    float p = 0;
    if (!CLI::detail::lexical_cast(o.act_range, p) || !(p > 0)) {
      throw CLI::ValidationError("--act-range",
                                 "expected `calibrated` or a positive number, got " + o.act_range);
    }
    c.quantize.act_range = p;
  }
  if (!o.resume.empty()) {
    c.run_dir = o.resume;
    return;
  }
  c.run_dir = o.out.empty() ? new_run_dir(c.method) : fs::path(o.out);
  GSX_CHECK(!fs::exists(c.run_dir / "checkpoint.safetensors"), "run folder ", c.run_dir.string(),
            " holds a run already; continue it with --resume ", c.run_dir.string(),
            " or choose another --out");
}

std::string fixed(double value, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << value;
  return out.str();
}

void print_row(const std::string& name, const std::string& teacher, const std::string& compressed,
               const std::string& gain) {
  std::cout << std::left << std::setw(30) << name << std::right << std::setw(12) << teacher
            << std::setw(12) << compressed << "   " << gain << '\n';
}

void print_dense(const TrainResult& r) {
  const ModelFigures& t = r.teacher;
  std::cout << "MACs per picture  " << format_si(t.macs_true) << "\nfile on disk      "
            << format_bytes(t.file_bytes) << "\nms per picture    " << fixed(t.ms_per_image, 1)
            << "\n\nmodel    " << r.teacher_model.string() << std::endl;
}

void print_table(const TrainResult& r) {
  const ModelFigures &t = r.teacher, &s = r.compressed;
  const auto number = [](double v) { return fixed(v, v < 10 ? 3 : 1); };
  print_row("", "teacher", "compressed", "");
  print_row("MACs per picture", format_si(t.macs_true), format_si(s.macs_true),
            "r_s " + fixed(r.r_s, 2));
  print_row("  as the paper counts", format_si(t.macs_paper), format_si(s.macs_paper),
            "r_s_paper " + fixed(r.r_s_paper, 2));
  print_row("file on disk", format_bytes(t.file_bytes), format_bytes(s.file_bytes),
            "r_c " + fixed(r.r_c, 2));
  print_row("  weights as the paper counts", format_bytes(t.weight_bytes),
            format_bytes(s.weight_bytes), "r_c_paper " + fixed(r.r_c_paper, 2));
  print_row("ms per picture", number(t.ms_per_image), number(s.ms_per_image),
            fixed(t.ms_per_image / s.ms_per_image, 2) + "x");
  if (r.r_f > 0) {
    print_row("distance to real pictures (1)", number(r.teacher_distance),
              number(r.compressed_distance), "r_f " + fixed(r.r_f, 2));
  }
  if (r.distance_to_teacher >= 0) {
    print_row("distance to the teacher (2)", "", number(r.distance_to_teacher), "");
    const auto& [red, green, blue] = r.shift.mean;
    print_row("brighter than the teacher (3)", "", number(r.shift.largest),
              "red " + number(red) + ", green " + number(green) + ", blue " + number(blue));
  }
  if (r.stripe_energy_teacher >= 0) {
    print_row("stripes painted on the animals", number(r.stripe_energy_teacher),
              number(r.stripe_energy_student),
              fixed(r.stripe_energy_student / r.stripe_energy_teacher, 2) + " of the teacher's");
  }
  if (r.r_f > 0) std::cout << "(1) " << r.distance_name << '\n';
  if (r.distance_to_teacher >= 0)
    std::cout
        << "(2) " << r.distance_to_teacher_name
        << "\n(3) grey levels of 0..255: the most of any picture, and the mean of each colour\n";
  std::cout << "\nmodel    " << r.model.string() << "\nsamples  "
            << (r.model.parent_path() / "samples").string() << std::endl;
}

// Also leaves the settings of a run beside its results; `gsx train --config` repeats it.
class RunPrinter : public ProgressPrinter {
 public:
  RunPrinter(const CLI::App& app, const TrainOptions& o) : app_(app), options_(o) {}
  void started() override {
    const TrainConfig& c = options_.config;
    std::string text = "# gsx " GSX_VERSION ": " + command_line() + "\n" +
                       config_text(app_, {"out", "json", "config"});
    if (app_.count("--seed") == 0) text += "seed = " + std::to_string(c.seed) + "\n";
    write_file_atomically(c.run_dir / "config.toml", text);
  }

 private:
  const CLI::App& app_;
  const TrainOptions& options_;
};

void run_train(CLI::App& app, TrainOptions& o) {
  if (!o.config_file.empty()) read_config_file(app, o.config_file);
  finish_config(app, o);
  std::signal(SIGINT, request_stop);
  std::signal(SIGTERM, request_stop);
  RunPrinter printer(app, o);
  printer.message("command  " + command_line() + "   (gsx " GSX_VERSION ", seed " +
                  std::to_string(o.config.seed) + ")");
  printer.message("run      " + o.config.run_dir.string());
  const std::string device = device_text(*o.config.context);
  printer.message("device   " + device);
  warn_of_emulation(*o.config.context);
  const TrainResult result = train(o.config, !o.resume.empty(), printer, stop_requested);
  if (!result.finished) {
    fail("stopped on request; the checkpoint is written, continue with: gsx train --resume ",
         o.config.run_dir.string());
  }
  if (o.json) {
    Json json = result.to_json();
    json["seed"] = o.config.seed;
    json["command"] = command_line();
    json["device"] = device;
    print_json(json);
    return;
  }
  result.model == result.teacher_model ? print_dense(result) : print_table(result);
  std::cout << "device   " << device << std::endl;
}

}  // namespace

void add_train(CLI::App& app) {
  auto o = std::make_shared<TrainOptions>();
  CLI::App& sub =
      *app.add_subcommand("train", "Compress a generator (and train one first, if none is given).");
  sub.footer(R"(Examples:
  gsx train
      the whole story on built-in pictures, in a few minutes
  gsx train --teacher fast_style:wave.safetensors --data photos --target-ratio 16
  gsx train --method dense --data horse2zebra --size 128
  gsx train --resume runs/gs8-1)");
  add_input_options(sub, *o);
  add_budget_options(sub, *o);
  add_method_options(sub, *o);
  add_schedule_options(sub, *o);
  add_run_options(sub, *o);
  add_compute_options(sub, o->compute);
  sub.callback([o, &sub] { run_train(sub, *o); });
}

}  // namespace gsx::tools
