// Networks: ONNX files, gsx's own models, and the JSON in them.
#include "engine/context.h"
#include "models/graph.h"
#include "models/import/import.h"
#include "tests/fuzz/target.h"

namespace fuzz {

namespace {

const gsx::ContextPtr& context() {
  static const gsx::ContextPtr one = gsx::Context::create();
  return one;
}

void import(Bytes bytes) {
  const std::filesystem::path path = file_of(bytes);
  in_one_sentence([&] { gsx::import_model(context(), path); });
}

}  // namespace

void onnx(Bytes bytes) { import(bytes); }
void model(Bytes bytes) { import(bytes); }

void graph(Bytes bytes) {
  in_saved_form([&] {
    const gsx::Json json = gsx::Json::parse_or_null(
        std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    const gsx::Graph read = gsx::graph_from_json(json);
    const gsx::Json again = gsx::graph_to_json(read);
    expect(gsx::graph_to_json(gsx::graph_from_json(again)) == again,
           "a graph that was written and read is another");
  });
}

}  // namespace fuzz
