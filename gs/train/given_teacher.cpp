// What the file of a teacher does not say; see given_teacher.h.
#include "gs/train/given_teacher.h"

#include <cmath>
#include <limits>

#include "gs/second_input.h"
#include "gs/translate.h"
#include "models/architectures.h"

namespace gsx {

namespace {

bool is_range_assumed(const Graph& graph) {
  const Json onnx = graph.provenance.value("onnx", Json::object());
  return onnx.contains("range_assumed") && !graph.provenance.contains("made_by");
}

std::string in_words(const ImageFormat& format) {
  std::ostringstream text;
  text << format.lo << ".." << format.hi;
  return text.str();
}

// Greys [1,3,H,W] in image format, darker to the left.
Tensor grey_card(const ContextPtr& context, const Shape& shape) {
  std::vector<float> values;
  for (int64_t i = 0; i < shape.numel(); ++i) {
    const double part = static_cast<double>(i % shape[3]) / static_cast<double>(shape[3] - 1);
    values.push_back(
        static_cast<float>(kImageFormat.lo + part * (kImageFormat.hi - kImageFormat.lo)));
  }
  return Tensor::from(context, values, shape);
}

// How far what comes back of the card is from it, as a part of the range.
double card_error(const Graph& graph, const Tensor& card, const ImageFormat& format) {
  const Tensor x = convert_images(card, kImageFormat, format);
  const Tensor y = translate(graph, x);
  const int64_t scale = y.dim(2) / x.dim(2);
  const std::vector<float> want = enlarged(x, scale).to_vector(), got = y.to_vector();
  double sum = 0;
  for (size_t i = 0; i < got.size(); ++i) sum += std::abs(double(got[i]) - want[i]);
  return sum / static_cast<double>(got.size()) / (double(format.hi) - format.lo);
}

void tell_format(const RunState& run, Graph& teacher) {
  const TrainConfig& c = run.config;
  const bool both = teacher.input_format.lo == teacher.output_format.lo &&
                    teacher.input_format.hi == teacher.output_format.hi;
  Json options = Json::object();
  if (c.input_order) options["order"] = *c.input_order;
  if (!c.input_range.empty()) options[both ? "range" : "input_range"] = to_utf8(c.input_range);
  const Json told = parse_model_spec(c.teacher).options;
  GSX_CHECK(c.input_range.empty() || !(told.contains("range") || told.contains("input_range")),
            "--input-range: --teacher ", c.teacher, " says it too; leave one of them out");
  GSX_CHECK(!c.input_order || !told.contains("order"), "--input-order: --teacher ", c.teacher,
            " says it too; leave one of them out");
  apply_format_options(teacher, "auto", options);
  if (!is_range_assumed(teacher) || image_scale(teacher) == 0) return;
  teacher.provenance["onnx"].erase("range_assumed");  // whoever trains its copy need not ask again
  if (!c.input_range.empty()) return;
  const auto found = range_by_card(teacher, run.context);
  GSX_CHECK(found, "--teacher: ", c.teacher, " does not say which values are black and white, and ",
            "a grey card does not tell; give --input-range 0..1, -1..1 or 0..255, whichever it ",
            "was trained with");
  teacher.input_format.lo = teacher.output_format.lo = found->lo;
  teacher.input_format.hi = teacher.output_format.hi = found->hi;
  run.observer.message("range    --teacher: a grey card comes back at about its brightness in " +
                       in_words(*found) + " (--input-range says otherwise)");
}

void tell_second(const RunState& run, Graph& teacher) {
  const TrainConfig& c = run.config;
  if (second_length(teacher) == 0) {
    GSX_CHECK(c.second_input.empty(), "--second-input: ", c.teacher,
              " takes no vector beside its image; leave it out");
    return;
  }
  if (!c.second_input.empty())
    return remember_second(teacher, parse_second("--second-input", c.second_input, teacher));
  if (remembered_second(teacher)) return;
  const auto found = detect_second(teacher);
  GSX_CHECK(found, "--teacher: ", c.teacher, " takes a second input, ", second_name(teacher),
            " of ", second_length(teacher),
            " numbers; give --second-input one-hot or normal, to draw one ",
            "for each image, or one for all, ", ways_to_say_second(teacher));
  remember_second(teacher, *found);
  run.observer.message(
      "second   " + second_name(teacher) + ": " +
      (found->kind == SecondInput::Kind::one_hot ? "one-hot labels" : "normal numbers") +
      ", drawn for each image (--second-input says otherwise)");
}

}  // namespace

std::optional<ImageFormat> range_by_card(const Graph& graph, const ContextPtr& context) {
  constexpr double kNear = 0.35, kClearly = 3;
  const NoGrad guard;
  const Tensor card = grey_card(context, graph.example_inputs().front());
  std::optional<ImageFormat> best;
  double least = kNear, second = std::numeric_limits<double>::infinity();
  for (const ImageFormat& range : {ImageFormat{-1, 1, false}, {0, 1, false}, {0, 255, false}}) {
    const double error = card_error(graph, card, range);
    if (error < least) {
      second = best ? least : second;
      least = error;
      best = range;
    } else {
      second = std::min(second, error);
    }
  }
  return best && second > kClearly * least ? best : std::nullopt;
}

Graph open_given_teacher(const RunState& run) {
  Graph teacher = open_given(run, "--teacher", run.config.teacher);
  tell_format(run, teacher);
  tell_second(run, teacher);
  return teacher;
}

}  // namespace gsx
