#pragma once

#include "cli/command.h"

/// One function per command; each is defined in command_<name>.cc.
namespace firn::cli {

Command DemoCommand();
Command InitCommand();
Command ValidateCommand();
Command PlanCommand();
Command PreviewCommand();
Command RunCommand();
Command RetryCommand();
Command CopyCommand();
Command RederiveCommand();
Command StatusCommand();
Command RunsCommand();
Command LogsCommand();
Command SqlCommand();
Command TablesCommand();
Command HistoryCommand();
Command TableMetadataCommand();
Command StateGetCommand();
Command StateSetCommand();
Command StateResetCommand();
Command StateAcceptCommand();
Command DoctorCommand();
Command ConfigShowCommand();
Command EvalCommand();
Command ExplainCommand();
Command SchemaCommand();
Command CompletionCommand();

}  // namespace firn::cli
