#include "config/project_files.h"

#include <algorithm>
#include <string>
#include <system_error>

#include "base/edit_distance.h"
#include "config/fields.h"
#include "config/file_text.h"
#include "config/yaml_tree.h"

namespace firn::config {
namespace {

namespace fs = std::filesystem;

// The key of a line that begins a top-level entry, or "".
std::string_view KeyOf(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos || (colon + 1 < line.size() && line[colon + 1] > ' ')) return {};
  std::string_view key = line.substr(0, colon);
  while (!key.empty() && key.back() == ' ') key.remove_suffix(1);
  const bool quoted = key.size() > 1 && (key.front() == '"' || key.front() == '\'') && key.back() == key.front();
  return quoted ? key.substr(1, key.size() - 2) : key;
}

bool IsFirns(std::string_view key) {
  if (key.empty() || key == "version") return false;
  if (ProjectType().FindField(std::string(key)) != nullptr) return true;
  static const std::vector<std::string> telling = {"pipelines", "environments"};
  return Nearest(key, telling).has_value();
}

}  // namespace

bool LooksLikeProject(std::string_view text) {
  if (const size_t first = text.find_first_not_of(" \t\r\n"); first != std::string_view::npos && text[first] == '{') {
    return text.find("pipelines") != std::string_view::npos;
  }
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    if (IsFirns(KeyOf(text.substr(0, end)))) return true;
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return false;
}

Result<std::vector<fs::path>> ProjectFilesOf(const fs::path& folder) {
  std::error_code error;
  std::vector<fs::path> all;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string extension = it->path().extension().string();
    const bool hidden = it->path().filename().string().starts_with('.');
    std::error_code ignored;
    const bool yaml = extension == ".yaml" || extension == ".yml";
    if (yaml && !hidden && it->is_regular_file(ignored)) all.push_back(it->path());
    if (all.size() > kProjectFilesMax) {
      return MakeError(Fault::kConfig, "the folder has more than " + std::to_string(kProjectFilesMax) + " YAML files");
    }
  }
  if (error) return MakeError(Fault::kConfig, "the folder cannot be read: " + error.message());
  std::sort(all.begin(), all.end());
  std::vector<fs::path> files;
  for (const fs::path& path : all) {
    const auto text = path.filename() == kProjectFile ? Result<std::string>(std::string())
                                                      : ReadFileText(path.string(), YamlLimits{}.document_bytes_max);
    // What cannot be read is told of when it is read as a part of the project.
    if (path.filename() == kProjectFile || !text.ok() || LooksLikeProject(*text)) files.push_back(path);
  }
  return files.empty() ? all : files;
}

}  // namespace firn::config
