// gsx convert: the tensors of any file that is read, in a file of another kind.
#include <iostream>

#include "engine/io/npz.h"
#include "engine/io/safetensors.h"
#include "models/architectures.h"
#include "models/import/import.h"
#include "models/import/tensor_file.h"
#include "models/values.h"
#include "tools/commands.h"
#include "tools/numbers.h"
#include "tools/options.h"
#include "tools/outputs.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

struct ConvertOptions {
  std::string in, out, part;
  bool model = false, json = false;
};

using Arrays = std::vector<std::pair<std::string, TypedArray>>;

struct Read {
  Arrays arrays;
  std::string format;
  std::vector<std::string> notes;
};

// As a file of the new kind holds it: what NumPy has no type for is widened, exactly.
TypedArray widened(FileDType dtype, std::vector<int64_t> shape, std::vector<uint8_t> bytes) {
  if (npy_writable(dtype)) return {dtype, std::move(shape), std::move(bytes)};
  const std::vector<float> values = to_floats(dtype, bytes);
  const auto* start = reinterpret_cast<const uint8_t*>(values.data());
  return {FileDType::f32, std::move(shape), {start, start + values.size() * sizeof(float)}};
}

Read read_tensors(const fs::path& path, const std::string& part) {
  const auto file = open_tensors(path, part);
  Read read{{}, file->format(), file->notes()};
  for (const TensorEntry& e : file->entries())
    read.arrays.emplace_back(e.name, widened(e.dtype, e.shape, file->bytes(e)));
  return read;
}

// "auto,part=NAME:FILE" means the same as FILE with --part NAME. Of tensors nothing else can be
// said in front.
void take_front(ConvertOptions& o) {
  const ModelSpec spec = parse_model_spec(o.in);
  if (spec.architecture.empty()) return;
  if (spec.file.empty()) throw Misuse("IN", "must be a file, got the architecture " + o.in);
  const bool part = spec.options.contains("part");
  if (spec.architecture != "auto" || spec.options.size() > (part ? 1 : 0))
    throw Misuse("IN", "is read as tensors, of which only auto,part=NAME:FILE can be said, got " +
                           o.in + "; give the file alone, or --model to write the network");
  if (part && !o.part.empty())
    throw Misuse("--part", "is given twice, also in " + o.in + "; leave one of them out");
  const Json name = part ? spec.options["part"] : Json(o.part);
  o.part = name.is_string() ? name.get<std::string>() : name.dump();
  o.in = spec.file.string();
}

// Of what is no file of tensors: the parameters of the network in it.
Read read_parameters(const fs::path& path) {
  const Imported model = import_model(Context::create(), path);
  Read read{{}, model.format, model.notes};
  for (const Parameter* p : model.graph.parameters()) {
    const Shape shape = file_shape(*p);
    const std::vector<float> values = file_values(*p);
    const auto* start = reinterpret_cast<const uint8_t*>(values.data());
    read.arrays.emplace_back(p->name, TypedArray{FileDType::f32,
                                                 {shape.begin(), shape.end()},
                                                 {start, start + values.size() * sizeof(float)}});
  }
  return read;
}

void write(const fs::path& out, Arrays arrays) {
  if (out.extension() == ".npz") return write_npz(out, arrays);
  SafetensorsWriter writer;
  writer.metadata["format"] = "pt";  // as PyTorch's own readers look for
  for (auto& [name, array] : arrays)
    writer.add(name, array.dtype, array.shape, std::move(array.bytes));
  writer.write(out);
}

void check_out(const ConvertOptions& o) {
  const std::string suffix = fs::path(o.out).extension().string();
  if (suffix != ".safetensors" && suffix != ".npz")
    throw Misuse("OUT", "must name a .safetensors or .npz file, got " + o.out);
  if (o.model && suffix != ".safetensors")
    throw Misuse("--model", "writes a gsx model, a .safetensors file, got " + o.out);
  if (o.model && !o.part.empty())
    throw Misuse("--part", "goes with tensors; with --model give auto,part=" + o.part + ":" + o.in);
}

void run_convert(ConvertOptions o) {
  check_out(o);
  if (!o.model) take_front(o);
  prepare_output_file("OUT", o.out, model_path(o.in));
  Read read;
  size_t count = 0;
  if (o.model) {
    Imported model = import_named(Context::create(), o.in);
    read = {{}, model.format, model.notes};
    count = model.graph.parameters().size();
    save_model(model.graph, o.out);
  } else {
    read = is_tensor_file(InputFile(o.in)) ? read_tensors(o.in, o.part) : read_parameters(o.in);
    count = read.arrays.size();
    write(o.out, std::move(read.arrays));
  }
  if (o.json) {
    print_json({{"in", o.in},
                {"out", o.out},
                {"format", read.format},
                {"tensors", count},
                {"notes", read.notes}});
    return;
  }
  for (const std::string& note : read.notes) std::cerr << "note: " << printable(note) << '\n';
  std::cout << count << " tensors of " << read.format << " are in " << for_stdout(o.out) << '\n';
}

}  // namespace

void add_convert(const Command& app) {
  auto o = std::make_shared<ConvertOptions>();
  const Command sub =
      app.add_subcommand("convert", "Write the tensors of a file as a file of another kind.");
  sub.footer(R"(Examples:
  gsx convert latest_net_G.pth weights.safetensors
  gsx convert checkpoint.ckpt weights.npz --part netG_A
  gsx convert latest_net_G.pth model.safetensors --model
The tensors keep their types and have bare names, as gsx reads them: without module., generator. and the
like, averaged weights before others. bfloat16 and 8-bit floats, which NumPy has not, become float32, and so do all
weights of an ONNX file.)");
  sub.add_option("IN", o->in, "weights that others saved, or a gsx model")->required();
  sub.add_option("OUT", o->out, "NAME.safetensors or NAME.npz")->required();
  sub.add_option("--part", o->part, "which of several networks in the file");
  sub.add_flag("--model", o->model, "write a gsx model, with its network, instead of bare tensors");
  sub.add_flag("--json", o->json, "print one JSON object");
  sub.callback([o] { run_convert(*o); });
}

}  // namespace gsx::tools
