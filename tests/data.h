// Where the tests find other people's data: images and weights that are not in this repository.
#pragma once
#include <filesystem>
#include <optional>

// The folder named by the environment variable GSX_DATA, else ../shared/data beside the source
// folder; nothing when there is no such folder.
std::optional<std::filesystem::path> data_dir();

// The same for tests tagged [data], which run only where the data is: throws when it is not.
std::filesystem::path require_data();
