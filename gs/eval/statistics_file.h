// Means and covariances of features in the .npz files that pytorch-fid and clean-fid read and
// write: arrays mu [F] and sigma [F,F].
#pragma once
#include <filesystem>

#include "gs/eval/feature_rows.h"

namespace gsx {

void save_statistics(const FeatureMoments&, const std::filesystem::path&);
// Error, naming the file, where its arrays do not belong together or hold values that are not
// finite.
FeatureMoments load_statistics(const std::filesystem::path&);

}  // namespace gsx
