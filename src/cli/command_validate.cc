#include <iostream>
#include <iterator>

#include "cli/app.h"
#include "cli/commands.h"
#include "config/diagnostic.h"
#include "connector/native/lower.h"

namespace firn::cli {
namespace {

struct Findings {
  config::Diagnostics diagnostics;
  size_t num_tables = 0;
};

// Loads and lowers everything, offline; all findings of both steps.
Status Check(const Arguments& arguments, bool offline, Findings* findings) {
  config::LoadOptions options = config::LoadOptions::FromProcess();
  options.config = arguments.Text("--config", arguments.Text("PROJECT"));
  options.environment = arguments.Text("--env");
  if (options.config == "-") options.stdin_text.assign(std::istreambuf_iterator<char>(std::cin), {});
  options.resolve_secrets = !offline;
  const auto project = config::LoadProject(options, &findings->diagnostics);
  if (!project.ok()) return findings->diagnostics.has_errors() ? Status::OK() : project.status();
  for (const auto& pipeline : project->pipelines) {
    findings->num_tables += pipeline.tables.size();
    const auto plan = connector::LowerNative(*project, pipeline, &findings->diagnostics);
    if (!plan.ok() && !findings->diagnostics.has_errors()) return plan.status();
  }
  return Status::OK();
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
    ARROW_RETURN_NOT_OK(Check(arguments, arguments.Flag("--offline"), &findings));
    ARROW_ASSIGN_OR_RAISE(const auto format, config::ParseDiagnosticFormat(arguments.Text("--diagnostics", "text")));
    const std::string text = config::Render(findings.diagnostics, {.format = format, .color = app.color()});
    const bool machine = format == config::DiagnosticFormat::kJson || format == config::DiagnosticFormat::kSarif;
    if (machine) {
      ARROW_RETURN_NOT_OK(app.Print(text));
    } else {
      app.Say(text);
    }
    if (findings.diagnostics.has_errors()) return 2;
    if (!app.quiet()) {
      app.Say("ok: " + std::to_string(findings.num_tables) + " tables, " +
              std::to_string(findings.diagnostics.num_warnings()) + " warnings\n");
    }
    return 0;
  };
  return command;
}

}  // namespace firn::cli
