// Second inputs: told, drawn and remembered; see second_input.h.
#include "gs/second_input.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "engine/io/npy.h"

namespace gsx {

namespace {

constexpr const char* kKey = "second_input";  // of a graph's provenance
constexpr const char* kWords[] = {"fixed", "one-hot", "normal"};
// A label has fewer numbers than this, as far as names do not tell.
constexpr int64_t kManyNumbers = 64;

// Numbers with commas between; nothing where there is anything else.
std::optional<std::vector<float>> numbers_of(const std::string& text) {
  std::vector<float> values;
  const char* at = text.data();
  const char* const end = at + text.size();
  for (;;) {
    while (at != end && *at == ' ') ++at;
    float value = 0;
    const auto [next, error] = std::from_chars(at, end, value);
    if (error != std::errc() || !std::isfinite(value)) return std::nullopt;
    values.push_back(value);
    if (next == end) return values;
    if (*next != ',') return std::nullopt;
    at = next + 1;
  }
}

std::string lower(std::string text) {
  for (char& c : text)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return text;
}

bool is_npy(const std::string& text) {
  return text.size() > 4 && lower(text.substr(text.size() - 4)) == ".npy";
}

std::vector<float> values_of_file(const std::string& flag, const std::string& file,
                                  int64_t length) {
  const NpyArray array = read_npy(file);
  GSX_CHECK(static_cast<int64_t>(array.values.size()) == length, flag, ": ", file, " must hold ",
            length, " numbers, got ", array.values.size());
  return array.values;
}

}  // namespace

int64_t second_length(const Graph& graph) {
  const std::vector<int> inputs = graph.inputs();
  if (inputs.size() != 2) return 0;
  const Json first = graph.node(inputs[0]).attributes(),
             second = graph.node(inputs[1]).attributes();
  if (first.at("vector").get<bool>() || !second.at("vector").get<bool>()) return 0;
  return second.at("channels").get<int64_t>();
}

std::string second_name(const Graph& graph) {
  const std::vector<int> inputs = graph.inputs();
  return inputs.size() < 2 ? std::string() : graph.node(inputs[1]).name;
}

std::optional<SecondInput> remembered_second(const Graph& graph) {
  const int64_t length = second_length(graph);
  if (length == 0 || !graph.provenance.contains(kKey)) return std::nullopt;
  const Json& j = graph.provenance.at(kKey);
  const Json word = j.is_object() ? j.value("kind", Json()) : Json();
  if (!word.is_string()) return std::nullopt;
  const auto found = std::find(std::begin(kWords), std::end(kWords), word.get<std::string>());
  if (found == std::end(kWords)) return std::nullopt;
  SecondInput second{static_cast<SecondInput::Kind>(found - std::begin(kWords)), {}};
  if (second.kind != SecondInput::Kind::fixed) return second;
  const Json values = j.value("values", Json());
  for (const Json& v : values)
    if (!v.is_number()) return std::nullopt;
  if (!values.is_array()) return std::nullopt;
  second.values = values.get<std::vector<float>>();
  if (static_cast<int64_t>(second.values.size()) != length) return std::nullopt;
  return second;
}

void remember_second(Graph& graph, const SecondInput& second) {
  Json j = {{"kind", kWords[static_cast<int>(second.kind)]}};
  if (second.kind == SecondInput::Kind::fixed) j["values"] = second.values;
  graph.provenance[kKey] = j;
}

std::string ways_to_say_second(const Graph& graph) {
  std::string list;
  const int64_t length = second_length(graph);
  for (int64_t i = 0; i < std::min<int64_t>(length, 5); ++i)
    list += (i == 0 ? "" : ",") + std::string(i == 1 || length == 1 ? "1" : "0");
  if (length > 5) list += ",...";
  return "as " + list + " or as a .npy file of " + std::to_string(length) + " numbers";
}

bool says_second(const std::string& text) {
  return text == kWords[1] || text == kWords[2] || is_npy(text) || numbers_of(text);
}

SecondInput parse_second(const std::string& flag, const std::string& text, const Graph& graph) {
  const int64_t length = second_length(graph);
  for (const auto kind : {SecondInput::Kind::one_hot, SecondInput::Kind::normal})
    if (text == kWords[static_cast<int>(kind)]) return {kind, {}};
  if (is_npy(text)) return {SecondInput::Kind::fixed, values_of_file(flag, text, length)};
  const auto values = numbers_of(text);
  GSX_CHECK(values, flag, ": must be one-hot, normal, numbers with commas between or a .npy file, ",
            "got ", text);
  GSX_CHECK(static_cast<int64_t>(values->size()) == length, flag, ": ", second_name(graph),
            " takes ", length, length == 1 ? " number" : " numbers", ", got ", values->size(), ": ",
            text);
  return {SecondInput::Kind::fixed, *values};
}

std::optional<SecondInput> detect_second(const Graph& graph) {
  const int64_t length = second_length(graph);
  if (length == 0) return std::nullopt;
  const std::string name = lower(second_name(graph));
  const auto is_one_of = [&](std::initializer_list<const char*> names) {
    return std::any_of(names.begin(), names.end(), [&](const char* n) {
      return name == n || (std::string(n).size() > 2 && name.find(n) != std::string::npos);
    });
  };
  if (graph.architecture() == "stargan" || is_one_of({"c", "label", "class", "domain", "one_hot"}))
    return SecondInput{SecondInput::Kind::one_hot, {}};
  if (length >= kManyNumbers || is_one_of({"z", "noise", "latent"}))
    return SecondInput{SecondInput::Kind::normal, {}};
  return std::nullopt;
}

Tensor drawn_second(const Graph& graph, const ContextPtr& context, const Rng::State& stream,
                    int64_t i, bool in_turn) {
  const auto second = remembered_second(graph);
  if (!second || second->kind == SecondInput::Kind::fixed) return {};
  const int64_t length = second_length(graph);
  Rng::State at = stream;
  at.counter = static_cast<uint64_t>(i) << 32;
  Rng rng(at);
  if (second->kind == SecondInput::Kind::normal) {
    const Tensor z = Tensor::zeros(context, {1, length});
    rng.fill_normal(z, 0, 1);
    return z;
  }
  std::vector<float> label(static_cast<size_t>(length), 0.0f);
  const auto drawn = static_cast<int64_t>(rng.uniform() * static_cast<double>(length));
  label[static_cast<size_t>(in_turn ? i % length : std::min(drawn, length - 1))] = 1;
  return Tensor::from(context, label, {1, length});
}

std::vector<Tensor> inputs_of(const Graph& graph, const Tensor& x, const Tensor& second) {
  const int64_t length = second_length(graph);
  if (length == 0) return {x};
  if (second.defined()) return {x, second};
  const auto remembered = remembered_second(graph);
  const int64_t n = x.dim(0);
  if (!remembered || remembered->values.empty())
    return {x, Tensor::zeros(x.context(), {n, length})};
  std::vector<float> all;
  for (int64_t i = 0; i < n; ++i)
    all.insert(all.end(), remembered->values.begin(), remembered->values.end());
  return {x, Tensor::from(x.context(), all, {n, length})};
}

std::vector<Shape> input_shapes_of(const Graph& graph, const Shape& x) {
  const int64_t length = second_length(graph);
  if (length == 0) return {x};
  return {x, {x[0], length}};
}

}  // namespace gsx
