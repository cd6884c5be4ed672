#include <algorithm>
#include <iostream>
#include <iterator>

#include "cli/app.h"
#include "cli/commands.h"
#include "cli/overrides.h"
#include "config/diagnostic.h"
#include "connector/airbyte/declaration.h"
#include "source/registry.h"

namespace firn::cli {
namespace {

struct Findings {
  config::Diagnostics diagnostics;
  size_t num_tables = 0;
  std::vector<std::string> files;
};

// Loads and lowers everything, offline; all findings of both steps.
Status Check(const source::SourceRegistry& sources, const Arguments& arguments, bool offline, Findings* findings) {
  config::LoadOptions options = config::LoadOptions::FromProcess();
  options.config = arguments.Text("--config", arguments.Text("PROJECT"));
  options.connector_declaration = connector::airbyte::DeclarationAt;
  options.environment = arguments.Text("--env");
  if (options.config == "-") options.stdin_text.assign(std::istreambuf_iterator<char>(std::cin), {});
  options.resolve_secrets = !offline;
  ARROW_ASSIGN_OR_RAISE(options.overrides, OverridesOf(arguments));
  const auto project = config::LoadProject(options, &findings->diagnostics);
  if (!project.ok()) return findings->diagnostics.has_errors() ? Status::OK() : project.status();
  findings->files = project->files;
  for (const auto& pipeline : project->pipelines) {
    findings->num_tables += pipeline.tables.size();
    const Status checked =
        sources.Validate({.project = &*project, .pipeline = &pipeline, .diagnostics = &findings->diagnostics});
    if (!checked.ok() && !findings->diagnostics.has_errors()) return checked;
  }
  return Status::OK();
}

std::string FilesText(const std::vector<std::string>& files) {
  constexpr size_t kShown = 3;
  std::string text;
  for (size_t i = 0; i < std::min(files.size(), kShown); ++i) text += (i > 0 ? ", " : "") + files[i];
  return text + (files.size() > kShown ? " and " + std::to_string(files.size() - kShown) + " more files" : "");
}

}  // namespace

Command ValidateCommand() {
  Command command{
      .name = "validate", .group = "Author", .summary = "check the project without touching network or lake"};
  command.options = {
      {.name = "PROJECT", .kind = Option::Kind::kPositional, .help = "project file or folder"},
      {.name = "--offline", .kind = Option::Kind::kFlag, .help = "secrets need not be there (for pull requests)"},
      {.name = "--diagnostics", .help = "form of the findings", .choices = {"text", "json", "github", "sarif"}},
  };
  command.run = [](App& app, const Arguments& arguments) -> Result<int> {
    Findings findings;
    ARROW_RETURN_NOT_OK(Check(app.sources(), arguments, arguments.Flag("--offline"), &findings));
    ARROW_ASSIGN_OR_RAISE(const auto format, config::ParseDiagnosticFormat(arguments.Text("--diagnostics", "text")));
    const std::string text = config::Render(findings.diagnostics, {.format = format, .color = app.color()});
    const bool machine = format == config::DiagnosticFormat::kJson || format == config::DiagnosticFormat::kSarif;
    if (machine) {
      ARROW_RETURN_NOT_OK(app.Print(text));
    } else {
      app.Say(text);
    }
    if (findings.diagnostics.has_errors()) return 2;
    if (findings.files.empty()) {
      return MakeError(Fault::kConfig, "there is no project here: no firn.yaml in this folder or above it",
                       {.code = "E0110", .next = "firn init URL, or firn validate FILE"});
    }
    if (!app.quiet()) {
      app.Say("ok: " + std::to_string(findings.num_tables) + " tables, " +
              std::to_string(findings.diagnostics.num_warnings()) + " warnings (" + FilesText(findings.files) + ")\n");
    }
    return 0;
  };
  return command;
}

}  // namespace firn::cli
