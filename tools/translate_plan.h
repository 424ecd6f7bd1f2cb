// Which file `gsx translate` makes of which, decided and checked before any is translated.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace gsx::tools {

struct TranslateJob {
  std::filesystem::path in, out;
  std::filesystem::path target;  // the file that `out` is, behind links
};

// Every file to translate with where its result goes. `out` names a file when there is one input
// file and the name has a suffix, else a folder. Changes nothing; an Error when a result would
// replace an input, the model, another result, or what may be an image of the user's. Warns of
// what is left out of folders.
std::vector<TranslateJob> plan_translation(const std::string& model,
                                           const std::vector<std::string>& inputs,
                                           const std::string& out);

// Makes the folders that the results go to and tries whether they can be written.
void prepare_folders(const std::vector<TranslateJob>&);

}  // namespace gsx::tools
