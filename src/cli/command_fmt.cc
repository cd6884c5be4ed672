#include <filesystem>
#include <iostream>
#include <iterator>
#include <utility>

#include "cli/app.h"
#include "cli/commands.h"
#include "config/file_text.h"
#include "config/project_files.h"
#include "config/yaml_format.h"
#include "config/yaml_tree.h"

namespace firn::cli {
namespace {

namespace fs = std::filesystem;

Result<std::vector<fs::path>> FilesToFormat(const Arguments& arguments) {
  std::vector<fs::path> files;
  for (const std::string& file : arguments.All("FILE")) files.emplace_back(file);
  if (files.empty() && arguments.Given("--config")) files.emplace_back(arguments.Text("--config"));
  std::error_code error;
  if (files.size() > 1 || (files.size() == 1 && !fs::is_directory(files.front(), error))) return files;
  ARROW_ASSIGN_OR_RAISE(auto found, config::ProjectFilesOf(files.empty() ? fs::path(".") : files.front()));
  if (!found.empty()) return found;
  return MakeError(Fault::kConfig, "there is no *.yaml file here to lay out",
                   {.code = "E0110", .next = "firn fmt FILE, or run it in a project's folder"});
}

// JSON is YAML, but its layout is its own.
bool IsYaml(const fs::path& path) {
  return path.extension() == ".yaml" || path.extension() == ".yml";
}

Result<int> FormatInput(App& app) {
  std::string text(std::istreambuf_iterator<char>(std::cin), {});
  ARROW_ASSIGN_OR_RAISE(const std::string formatted,
                        config::FormatYaml(config::WithoutByteOrderMark(std::move(text)), "<stdin>"));
  ARROW_RETURN_NOT_OK(app.Print(formatted));
  return 0;
}

Result<int> FormatFiles(App& app, const Arguments& arguments) {
  if (arguments.All("FILE") == std::vector<std::string>{"-"}) return FormatInput(app);
  ARROW_ASSIGN_OR_RAISE(const auto paths, FilesToFormat(arguments));
  const bool check = arguments.Flag("--check");
  int changed = 0;
  for (const fs::path& path : paths) {
    if (!IsYaml(path)) {
      return MakeError(Fault::kConfig, path.string() + " is no YAML file: only *.yaml and *.yml are laid out",
                       {.code = "E0110"});
    }
    const auto text = config::ReadFileText(path.string(), config::YamlLimits{}.document_bytes_max);
    if (!text.ok()) {
      return MakeError(Fault::kConfig, path.lexically_normal().string() + ": " + text.status().message(),
                       {.code = "E0110"});
    }
    const auto formatted = config::FormatYaml(*text, path.lexically_normal().string());
    ARROW_RETURN_NOT_OK(formatted.status());
    if (*formatted == *text) continue;
    ++changed;
    if (!check)
      ARROW_RETURN_NOT_OK(app.files().WriteAtomic(fs::absolute(path).lexically_normal().string(), *formatted));
    if (!app.quiet()) app.Say(path.lexically_normal().string() + (check ? " would change\n" : "\n"));
  }
  return check && changed > 0 ? 1 : 0;
}

}  // namespace

Command FmtCommand() {
  return {.name = "fmt",
          .group = "Author",
          .summary = "lay out the project's files; what they say stays the same",
          .options = {{.name = "FILE",
                       .kind = Option::Kind::kPositionals,
                       .help = "files, or - for stdin to stdout (all of the project)"},
                      {.name = "--check",
                       .kind = Option::Kind::kFlag,
                       .help = "write nothing, exit 1 if a file would change (for pull requests)"}},
          .run = FormatFiles};
}

}  // namespace firn::cli
