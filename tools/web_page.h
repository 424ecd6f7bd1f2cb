// The page that runs a model in a browser: gsx compiled to WebAssembly and what surrounds it, as
// the build has laid them beside the program (tools/web).
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace gsx::tools {

// The files of an exported folder, the page first and the model last.
std::vector<std::string> web_files();

// Error, with what to do, where this gsx came without them.
void check_web();

// All files but the model, by name, with `title` as the page's.
std::vector<std::pair<std::string, std::string>> web_page(const std::string& title);

}  // namespace gsx::tools
