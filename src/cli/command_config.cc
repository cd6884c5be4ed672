#include "cli/app.h"
#include "cli/commands.h"
#include "config/explain.h"
#include "config/project.h"
#include "config/steps_fields.h"
#include "pipeline/result_schema.h"

namespace firn::cli {

Command ConfigShowCommand() {
  return {.name = "config show",
          .reads_source = false,
          .group = "Author",
          .summary = "print the project as firn reads it, secrets hidden",
          .options = {{.name = "--resolved", .kind = Option::Kind::kFlag, .help = "with defaults and derived values"},
                      {.name = "--why", .kind = Option::Kind::kFlag, .help = "with the place each value came from"}},
          .run = [](App& app, const Arguments& arguments) -> Result<int> {
            ARROW_ASSIGN_OR_RAISE(const config::Project* project, app.Project());
            ARROW_RETURN_NOT_OK(app.Print(config::ShowConfig(
                *project, {.resolved = arguments.Flag("--resolved"), .why = arguments.Flag("--why")})));
            return 0;
          }};
}

Command SchemaCommand() {
  return {
      .name = "schema",
      .group = "Author",
      .summary = "print the JSON Schema of project files (for editors), of workflows, or of results",
      .options = {{.name = "WHAT",
                   .kind = Option::Kind::kPositional,
                   .help = "steps: of workflow files; result: of what --json prints of runs"},
                  {.name = "--reference", .kind = Option::Kind::kFlag, .help = "the reference as Markdown instead"}},
      .run = [](App& app, const Arguments& arguments) -> Result<int> {
        const std::string what = arguments.Text("WHAT", "project");
        if (what == "result") {
          ARROW_RETURN_NOT_OK(app.Print(pipeline::ResultSchema()));
          return 0;
        }
        if (what == "steps") {
          ARROW_RETURN_NOT_OK(app.Print(config::RenderWorkflowSchema()));
          return 0;
        }
        if (what != "project") {
          return MakeError(Fault::kConfig, "there is no schema of `" + what + "`",
                           {.next = "firn schema, firn schema steps, or firn schema result"});
        }
        ARROW_RETURN_NOT_OK(
            app.Print(arguments.Flag("--reference") ? config::RenderReference() : config::RenderJsonSchema()));
        return 0;
      }};
}

Command ExplainCommand() {
  return {
      .name = "explain",
      .group = "Author",
      .summary = "explain an error code",
      .options = {{.name = "CODE", .kind = Option::Kind::kPositional, .help = "for example E0201", .required = true}},
      .run = [](App& app, const Arguments& arguments) -> Result<int> {
        ARROW_ASSIGN_OR_RAISE(const std::string page, config::RenderExplanation(arguments.Text("CODE")));
        ARROW_RETURN_NOT_OK(app.Print(page));
        return 0;
      }};
}

}  // namespace firn::cli
