// The other direction of a teacher, as a dense run leaves it beside the teacher's file.
#pragma once
#include <string>

namespace gsx {

namespace way_back {
inline constexpr const char* kGenerator = "reverse.safetensors";
inline constexpr const char* kDiscriminator = "reverse_discriminator.safetensors";
}  // namespace way_back

// Whether a teacher's file has both beside it.
bool has_way_back(const std::string& teacher);

}  // namespace gsx
