// What fuzzing starts from: small whole files of every kind, made when they are asked for.
#pragma once
#include <string>
#include <vector>

namespace fuzz {

std::vector<std::string> seeds(const std::string& target);

}  // namespace fuzz
