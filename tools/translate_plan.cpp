// Inputs, results and what must not be replaced; see translate_plan.h.
#include "tools/translate_plan.h"

#include <cctype>
#include <map>
#include <set>

#include "engine/error.h"
#include "engine/io/atomic_file.h"
#include "engine/io/image_folder.h"
#include "tools/command_line.h"
#include "tools/outputs.h"
#include "tools/text.h"

namespace gsx::tools {

namespace fs = std::filesystem;

namespace {

struct Inputs {
  std::vector<fs::path> files;
  FileSet folders;  // those given, and those that files lie in
  FileSet given;    // folders alone
  bool folder_given = false;
  std::string only_folders;  // one given that holds nothing but others
};

void add_folder(Inputs& inputs, const fs::path& folder) {
  const ImageFolder found = open_image_folder(folder);
  inputs.folder_given = true;
  inputs.folders.add(folder);
  inputs.given.add(folder);
  inputs.files.insert(inputs.files.end(), found.images.begin(), found.images.end());
  inputs.files.insert(inputs.files.end(), found.tensors.begin(), found.tensors.end());
  if (found.images.empty() && found.tensors.empty() && found.left_out.empty() &&
      found.folders > 0) {
    inputs.only_folders = folder.string();
    return;
  }
  const std::string left_out = left_out_text(found);
  if (!left_out.empty()) warn(left_out);
}

Inputs find_inputs(const std::vector<std::string>& named) {
  Inputs inputs;
  for (const std::string& name : named) {
    std::error_code error;
    const fs::file_status status = fs::status(name, error);
    GSX_CHECK(status.type() != fs::file_type::not_found, "no such file or folder: ", name);
    GSX_CHECK(!error, "cannot read ", name, ": ", error.message());
    if (status.type() == fs::file_type::directory) {
      add_folder(inputs, name);
    } else {
      inputs.files.emplace_back(name);
      inputs.folders.add(folder_of(name));
    }
  }
  GSX_CHECK(!inputs.files.empty() || inputs.only_folders.empty(), inputs.only_folders,
            " holds folders alone, and gsx translate looks into none below those given; give the ",
            "folder that holds the images");
  GSX_CHECK(!inputs.files.empty(), "no images (", image_formats("and"),
            ") or .npy tensors in the folders given");
  return inputs;
}

fs::path result_name(const fs::path& in) {
  return in.stem().string() + (is_tensor_name(in) ? ".npy" : ".png");
}

bool same_suffix(const fs::path& a, const fs::path& b) {
  const std::string x = a.extension().string(), y = b.extension().string();
  return x.size() == y.size() &&
         std::equal(x.begin(), x.end(), y.begin(),
                    [](uint8_t c, uint8_t d) { return std::tolower(c) == std::tolower(d); });
}

std::vector<TranslateJob> into_folder(const Inputs& inputs, const fs::path& out) {
  std::error_code ignored;
  const fs::path folder = behind_links(out);
  const bool there = fs::exists(folder, ignored);
  const size_t count = inputs.files.size();
  if (there && !fs::is_directory(folder, ignored)) {
    const std::string suffix = result_name(inputs.files[0]).extension().string();
    GSX_CHECK(inputs.folder_given || count > 1, "--out: ", out.string(), " is a file without the ",
              "suffix ", suffix, " of a result; name a folder, or a file that ends in ", suffix);
    fail("--out: ", count, count == 1 ? " result needs" : " results need", " a folder, and ",
         out.string(), " is a file; name another");
  }
  if (!there && looks_like_a_image(out))
    throw Misuse("--out", std::to_string(count) +
                              (count == 1 ? " input of a folder needs" : " inputs need") +
                              " a folder, and " + out.string() +
                              " is named as an image; leave its suffix out");
  // Else results would be inputs when the same command is given again.
  GSX_CHECK(inputs.given.find(folder).empty(), "--out: ", out.string(),
            " is a folder of inputs, among which the results would be translated too the next ",
            "time; choose another folder");
  std::vector<TranslateJob> jobs;
  for (const fs::path& in : inputs.files) {
    check_links("--out", folder / result_name(in));
    jobs.push_back({in, out / result_name(in), behind_links(folder / result_name(in))});
  }
  return jobs;
}

void check_against_each_other(const std::vector<TranslateJob>& jobs) {
  std::map<fs::path, fs::path> taken;
  for (const TranslateJob& job : jobs) {
    std::error_code ignored;
    const fs::path target = fs::weakly_canonical(job.target, ignored);
    const auto [it, fresh] = taken.try_emplace(ignored ? job.target : target, job.in);
    GSX_CHECK(fresh || !fs::equivalent(it->second, job.in, ignored), job.in.string(),
              " is given twice; leave one out");
    GSX_CHECK(fresh, "both ", it->second.string(), " and ", job.in.string(),
              " would be written to ", job.out.string(), "; translate them into different folders");
  }
}

}  // namespace

std::vector<TranslateJob> plan_translation(const std::string& model,
                                           const std::vector<std::string>& named,
                                           const std::string& out_text) {
  const Inputs inputs = find_inputs(named);
  const fs::path out(out_text);
  check_links("--out", out);
  std::error_code ignored;
  const bool one_file = inputs.files.size() == 1 && !inputs.folder_given && out.has_extension() &&
                        !fs::is_directory(out, ignored);
  std::vector<TranslateJob> jobs;
  if (one_file) {
    const fs::path want = result_name(inputs.files[0]);
    if (!same_suffix(out, want))
      throw Misuse("--out", "the result of " + inputs.files[0].string() + " is a " +
                                want.extension().string() + " file, got " + out.string());
    jobs = {{inputs.files[0], out, behind_links(out)}};
  } else {
    jobs = into_folder(inputs, out);
  }
  check_against_each_other(jobs);
  FileSet read, models;
  for (const fs::path& in : inputs.files) read.add(in);
  add_model(models, model);
  for (const TranslateJob& job : jobs) {
    const fs::path input = read.find(job.target);
    GSX_CHECK(input.empty(), "--out: the result of ", job.in.string(), " would replace the input ",
              input.string(), "; choose another --out");
    GSX_CHECK(models.find(job.target).empty(), "--out: the result of ", job.in.string(),
              " would replace ", job.out.string(), ", a file of the model; choose another --out");
    check_replaceable("--out", job.target);
    GSX_CHECK(one_file || !fs::exists(job.target, ignored) ||
                  inputs.folders.find(folder_of(job.target)).empty(),
              "--out: ", job.out.string(), " is there already, among the inputs, and may be a ",
              "image of yours; choose another folder");
  }
  return jobs;
}

void prepare_folders(const std::vector<TranslateJob>& jobs) {
  std::set<fs::path> folders;
  for (const TranslateJob& job : jobs) folders.insert(folder_of(job.target));
  for (const fs::path& folder : folders) make_output_folder("--out", folder);
}

}  // namespace gsx::tools
