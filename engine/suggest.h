// "Did you mean": the known word nearest to a mistyped one.
#pragma once
#include <string>
#include <vector>

namespace gsx {

// Insertions, deletions, replacements and swaps of neighbours that turn a into b.
int edit_distance(const std::string& a, const std::string& b);

// The nearest of the known words; empty when none is near enough to be meant.
std::string nearest(const std::string& word, const std::vector<std::string>& known);

// For the end of a message: "; did you mean WORD?", or nothing.
std::string did_you_mean(const std::string& word, const std::vector<std::string>& known);

}  // namespace gsx
