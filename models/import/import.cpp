// The table of readers; see import.h.
#include "models/import/import.h"

#include "models/architectures.h"
#include "models/import/onnx.h"

namespace gsx {

namespace {

// Last in the table: it also says what a file of no known kind is.
bool any(const InputFile&) { return true; }

Imported read_weights(const ContextPtr& context, const std::filesystem::path& path,
                      const ImportOptions& o) {
  Imported result;
  result.format = "a safetensors file";
  if (o.architecture.empty()) {
    result.graph = load_model(context, path, o.prepacked);
    return result;
  }
  result.graph = make_architecture(o.architecture, o.options);
  load_weights(result.graph, context, path);
  return result;
}

// In the order in which they are asked.
constexpr ModelReader kReaders[] = {{"onnx", recognises_onnx, read_onnx},
                                    {"weights", any, read_weights}};

}  // namespace

Imported import_model(const ContextPtr& context, const std::filesystem::path& path,
                      const ImportOptions& options) {
  const InputFile file(path);
  for (const ModelReader& reader : kReaders)
    if (reader.recognises(file)) return reader.read(context, path, options);
  fail("import: ", path.string(), ": no reader takes this file");
}

}  // namespace gsx
