// Tables of text for people.
#pragma once
#include <string>
#include <vector>

namespace gsx {

// A line per row, all of as many cells, in columns as wide as their widest cell: the first `left`
// to the left, the others to the right.
std::string text_table(const std::vector<std::vector<std::string>>& rows, size_t left);

}  // namespace gsx
