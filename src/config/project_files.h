#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "base/status.h"

/// Which files make the project of a folder.
namespace firn::config {

inline constexpr std::string_view kProjectFile = "firn.yaml";
inline constexpr size_t kProjectFilesMax = 1'000;

/// True for YAML text that is, or was meant to be, of a firn project: firn's keys at its top, or one misspelt. What
/// only has keys of other programs (docker-compose.yaml, mkdocs.yml) is none; `version` alone says nothing. A glance at
/// the lines, so that a file that is no valid YAML is told too.
bool LooksLikeProject(std::string_view text);

/// Returns firn.yaml and the other *.yaml and *.yml files of the folder itself that look like parts of a project,
/// sorted; all YAML files if none does. Hidden files are left out. Errors: kConfig, the message is the reason alone.
Result<std::vector<std::filesystem::path>> ProjectFilesOf(const std::filesystem::path& folder);

}  // namespace firn::config
