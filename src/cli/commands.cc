#include "cli/commands.h"

namespace firn::cli {

std::vector<Command> AllCommands() {
  return {
      DemoCommand(),     InitCommand(),       ValidateCommand(),    ConfigShowCommand(), SchemaCommand(),
      ExplainCommand(),  EvalCommand(),       CompletionCommand(),  PlanCommand(),       PreviewCommand(),
      CopyCommand(),     RunCommand(),        RetryCommand(),       RederiveCommand(),   StateGetCommand(),
      StateSetCommand(), StateResetCommand(), StateAcceptCommand(), StatusCommand(),     RunsCommand(),
      LogsCommand(),     SqlCommand(),        TablesCommand(),      HistoryCommand(),    TableMetadataCommand(),
      DoctorCommand(),
  };
}

}  // namespace firn::cli
