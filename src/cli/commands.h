#pragma once

#include "cli/command.h"

/// One function per command; each is defined in command_<name>.cc.
namespace firn::cli {

Command DemoCommand();
Command InitCommand();
Command ConnectorsCommand();
Command AuthLoginCommand();
Command NewConnectorCommand();
Command ImportAirbyteCommand();
Command ImportDltCommand();
Command ImportSlingCommand();
Command ValidateCommand();
Command FmtCommand();
Command GenerateCommand();
Command PlanCommand();
Command PreviewCommand();
Command RunCommand();
Command TestCommand();
Command RecordCommand();
Command ReplayCommand();
Command RetryCommand();
Command BackfillCommand();
Command CopyCommand();
Command RederiveCommand();
Command RawListCommand();
Command RawPruneCommand();
Command StatusCommand();
Command RunsCommand();
Command LogsCommand();
Command SqlCommand();
Command TablesCommand();
Command HistoryCommand();
Command TableMetadataCommand();
Command TableMaintainCommand();
Command TableAlterCommand();
Command TableRetypeCommand();
Command TableRenameCommand();
Command TableAdoptCommand();
Command TableBranchCommand();
Command TableTagCommand();
Command TableRollbackCommand();
Command TableCherryPickCommand();
Command TablePublishCommand();
Command TableDiscardCommand();
Command DiffCommand();
Command StateGetCommand();
Command StateSetCommand();
Command StateResetCommand();
Command StateAcceptCommand();
Command StateUnlockCommand();
Command DoctorCommand();
Command ConfigShowCommand();
Command EvalCommand();
Command ExplainCommand();
Command SchemaCommand();
Command CompletionCommand();
Command ImportDltStateCommand();
Command LakeRelocateCommand();
Command BackupCommand();
Command RestoreCommand();
Command CatalogRebuildCommand();
Command CatalogServeCommand();
Command ConnectCommand();
Command AirbyteSpecCommand();
Command AirbyteCheckCommand();
Command AirbyteDiscoverCommand();
Command AirbyteReadCommand();

}  // namespace firn::cli
