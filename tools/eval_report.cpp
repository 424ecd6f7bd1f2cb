// The figures of an evaluation; see eval_report.h.
#include "tools/eval_report.h"

#include <iostream>
#include <sstream>

#include "tools/options.h"
#include "tools/progress.h"
#include "tools/text.h"

namespace gsx::tools {

namespace {

Json to_json(const ColourShift& s) {
  return {{"red", s.mean[0]}, {"green", s.mean[1]}, {"blue", s.mean[2]}, {"largest", s.largest}};
}

// A value that may be unknown.
Json known(double value, bool is) { return is ? Json(value) : Json(nullptr); }

template <class Estimate>
Json mean_of(const std::optional<Estimate>& e) {
  return e ? Json(e->mean) : Json(nullptr);
}

template <class Estimate>
Json deviation_of(const std::optional<Estimate>& e) {
  return e ? Json(e->deviation) : Json(nullptr);
}

Json intervals_json(const FeatureResult& r) {
  Json all = Json::object();
  for (const auto& [name, interval] : r.intervals) all[name] = {interval.low, interval.high};
  return all;
}

// " [LOW, HIGH]", or nothing.
std::string interval_text(const FeatureResult& r, const std::string& name) {
  const auto found = r.intervals.find(name);
  if (found == r.intervals.end()) return "";
  std::ostringstream text;
  text << " [" << found->second.low << ", " << found->second.high << "]";
  return text.str();
}

void print_features(const FeatureResult& q) {
  if (q.frechet_distance >= 0) {
    const std::string conventions = q.protocol ? name_of(*q.protocol) : for_stdout(q.frechet_name);
    std::cout << (q.protocol ? "FID                " : "Frechet distance   ") << q.frechet_distance
              << interval_text(q, "frechet_distance") << " to " << for_stdout(q.frechet_reference)
              << " (" << conventions << ")\n";
    if (q.r_f > 0)
      std::cout << "  of the teacher   " << q.teacher_frechet_distance
                << interval_text(q, "teacher_frechet_distance") << ", r_f " << q.r_f
                << interval_text(q, "r_f") << '\n';
  } else {
    std::cout << "Frechet distance   not known: it takes two translated and two real images\n";
  }
  if (q.kid) {
    std::cout << "KID                " << q.kid->mean << interval_text(q, "kid")
              << ", deviation over subsets " << q.kid->deviation << '\n';
    if (q.teacher_kid)
      std::cout << "  of the teacher   " << q.teacher_kid->mean << interval_text(q, "teacher_kid")
                << '\n';
  }
  if (q.score) {
    std::cout << "IS                 " << q.score->mean << interval_text(q, "inception_score")
              << ", deviation over splits " << q.score->deviation << '\n';
    if (q.teacher_score)
      std::cout << "  of the teacher   " << q.teacher_score->mean
                << interval_text(q, "teacher_inception_score") << '\n';
  }
}

}  // namespace

Json to_json(const EvalReport& r) {
  const Ratios ratio = r.has_teacher ? ratios(r.teacher, r.model) : Ratios();
  const Evaluation::Result& q = r.quality;
  const bool has_features = !r.feature_net.empty();
  return {{"model", r.model_name},
          {"device", r.device},
          {"images", q.sources},
          {"skipped", r.skipped},
          {"input", std::vector<int64_t>(r.input.begin(), r.input.end())},
          {"macs_true", r.model.macs_true},
          {"macs_paper", r.model.macs_paper},
          {"params", r.model.params},
          {"file_bytes", r.model.file_bytes},
          {"weight_bytes", r.model.weight_bytes},
          {"ms_per_image", r.model.ms_per_image},
          {"ms_least", r.model.ms_least},
          {"teacher_ms_per_image", known(r.teacher.ms_per_image, r.has_teacher)},
          {"teacher_ms_least", known(r.teacher.ms_least, r.has_teacher)},
          {"r_s", known(ratio.r_s, r.has_teacher)},
          {"r_c", known(ratio.r_c, r.has_teacher)},
          {"r_s_paper", known(ratio.r_s_paper, r.has_teacher)},
          {"r_c_paper", known(ratio.r_c_paper, r.has_teacher)},
          {"feature_net", has_features ? Json(r.feature_net) : Json(nullptr)},
          {"frechet_name", has_features ? Json(q.frechet_name) : Json(nullptr)},
          {"frechet_reference", has_features ? Json(q.frechet_reference) : Json(nullptr)},
          {"frechet_distance", known(q.frechet_distance, q.frechet_distance >= 0)},
          {"teacher_frechet_distance",
           known(q.teacher_frechet_distance, q.teacher_frechet_distance >= 0)},
          {"r_f", known(q.r_f, q.r_f > 0)},
          {"fid_protocol", q.protocol ? Json(name_of(*q.protocol)) : Json(nullptr)},
          {"kid", mean_of(q.kid)},
          {"kid_deviation", deviation_of(q.kid)},
          {"teacher_kid", mean_of(q.teacher_kid)},
          {"inception_score", mean_of(q.score)},
          {"inception_score_deviation", deviation_of(q.score)},
          {"teacher_inception_score", mean_of(q.teacher_score)},
          {"lpips_to_teacher", known(q.lpips_to_teacher, q.lpips_to_teacher >= 0)},
          {"mean_abs_to_teacher", known(q.mean_abs_to_teacher, r.has_teacher)},
          {"psnr_to_teacher", known(q.psnr_to_teacher, r.has_teacher)},
          {"intervals", intervals_json(q)},
          {"shift", r.has_teacher ? to_json(q.shift) : Json(nullptr)},
          {"command", command_line()}};
}

void print_report(const EvalReport& r) {
  // Transposed convolutions counted at the size of their output, weights alone, units of 2^30 and
  // 2^20 (PAPER.md 2.8).
  constexpr double kBinaryGiga = 1 << 30, kBinaryMega = 1 << 20;
  const Evaluation::Result& q = r.quality;
  std::cout << "device             " << r.device << "\nimages             " << q.sources;
  if (r.skipped > 0) std::cout << " (" << r.skipped << " skipped)";
  std::cout << "\nMACs per image     " << format_si(r.model.macs_true) << " at " << r.made[3]
            << " x " << r.made[2] << "\nfile               " << format_bytes(r.model.file_bytes)
            << "\nms per image       " << r.model.ms_per_image << '\n';
  if (r.has_teacher) {
    const Ratios ratio = ratios(r.teacher, r.model);
    std::cout << "against teacher    r_s " << ratio.r_s << ", r_c " << ratio.r_c << ", "
              << r.teacher.ms_per_image / r.model.ms_per_image << "x as fast"
              << scatter_text(r.teacher, r.model) << '\n'
              << "paper's counts     r_s " << ratio.r_s_paper << ", r_c " << ratio.r_c_paper << ": "
              << r.model.macs_paper / kBinaryGiga << " G MACs, "
              << static_cast<double>(r.model.weight_bytes) / kBinaryMega << " MB\n"
              << "difference         " << q.mean_abs_to_teacher
              << interval_text(q, "mean_abs_to_teacher") << " grey levels, PSNR "
              << q.psnr_to_teacher << interval_text(q, "psnr_to_teacher")
              << " dB\nbrighter           " << q.shift.largest << " at most, red "
              << q.shift.mean[0] << ", green " << q.shift.mean[1] << ", blue " << q.shift.mean[2]
              << " grey levels on average\n";
  }
  if (q.lpips_to_teacher >= 0)
    std::cout << "LPIPS to teacher   " << q.lpips_to_teacher << interval_text(q, "lpips_to_teacher")
              << '\n';
  print_features(q);
  std::cout.flush();
}

}  // namespace gsx::tools
