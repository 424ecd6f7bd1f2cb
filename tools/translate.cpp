// gsx translate: pictures (or raw tensors) in, pictures (or raw tensors) out.
#include <iostream>

#include "engine/io/image.h"
#include "engine/io/npy.h"
#include "engine/io/picture_folder.h"
#include "gs/translate.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/outputs.h"
#include "tools/text.h"
#include "tools/translate_plan.h"

namespace gsx::tools {

namespace {

struct TranslateOptions {
  std::string model, out;
  std::vector<std::string> inputs;
  ComputeOptions compute;
  bool json = false;
};

void translate_one(const Graph& graph, const ContextPtr& context, const TranslateJob& job) {
  NoGrad no_grad;
  if (is_tensor_name(job.in)) {
    const Tensor x = read_npy(context, job.in);
    GSX_CHECK(x.shape().rank() == 4 && x.dim(1) == graph.input_channels(), job.in.string(),
              ": expected a tensor [N,", graph.input_channels(), ",H,W], got shape ", x.shape());
    write_npy(job.target, graph.evaluate(x));
    return;
  }
  const Image image = read_image(job.in);
  const Tensor x = to_tensor(context, image, graph.input_format);
  write_png(job.target, to_image(translate(graph, x), 0, graph.output_format));
}

void run_translate(const TranslateOptions& o) {
  const ContextPtr context = o.compute.context();
  warn_of_emulation(*context);
  const std::vector<TranslateJob> jobs = plan_translation(o.model, o.inputs, o.out);
  Graph graph = open_model(context, o.model);
  graph.freeze();
  prepare_folders(jobs);
  int failed = 0;
  Json written = Json::array();
  FileSet results;
  for (const TranslateJob& job : jobs) {
    try {
      GSX_CHECK(results.find(job.target).empty(), "the result of ", job.in.string(),
                " would replace that of another input, ", job.out.string(),
                ": their names are the same in this folder; translate them into different folders");
      translate_one(graph, context, job);
      results.add(job.target);
      written.push_back({{"input", job.in.string()}, {"output", job.out.string()}});
      if (!o.json) std::cout << for_stdout(job.out.string()) << '\n';
    } catch (const Error& error) {
      if (jobs.size() == 1) throw;
      std::cerr << "gsx translate: " << printable(error.what()) << '\n';
      ++failed;
    }
  }
  if (o.json)
    print_json({{"model", o.model},
                {"device", device_text(*context)},
                {"written", written},
                {"failed", failed}});
  GSX_CHECK(failed == 0, failed, " of ", jobs.size(), " inputs could not be translated");
}

}  // namespace

void add_translate(CLI::App& app) {
  auto o = std::make_shared<TranslateOptions>();
  CLI::App& sub = *app.add_subcommand("translate", "Send pictures or tensors through a generator.");
  sub.footer(R"(Examples:
  gsx translate runs/gs8-1/model.safetensors photos --out painted
  gsx translate fast_style:wave.safetensors cat.jpg --out cat.png
  gsx translate fast_style:wave.safetensors input.npy --out output.npy
Tensors (.npy, NCHW) go in and come out as raw values, without scaling or clipping.)");
  sub.add_option("MODEL", o->model, "a gsx model file, or ARCH:weights.safetensors")->required();
  sub.add_option("INPUT", o->inputs, "pictures, .npy tensors, or folders of them")->required();
  sub.add_option("--out", o->out,
                 "result file (one input) or folder; inputs and the model are never replaced")
      ->required();
  sub.add_flag("--json", o->json, "print one JSON object");
  add_compute_options(sub, o->compute);
  sub.callback([o] { run_translate(*o); });
}

}  // namespace gsx::tools
