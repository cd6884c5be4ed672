#pragma once

#include <string>

#include "base/status.h"
#include "config/project.h"
#include "io/raw_key.h"
#include "pipeline/run_context.h"

/// The keys of raw archives: from the configuration, or from the state folder (docs/guide/raw.md).
namespace firn::pipeline {

/// Where the key is that firn makes itself.
std::string RawKeyFile(const config::Project& project);

/// Returns the keys there are, and makes none. Errors: kConfig for a key that cannot be read.
Result<io::RawKeys> RawKeysOf(const config::Project& project, const config::TableConfig& table);

struct RawWriteKeys {
  io::RawKeys keys;
  bool made = false;  // by this call
};
/// Returns the keys for archiving into the table; makes the state folder's where one is needed and none was.
/// Errors: kConfig E0866 when the newest archived run was sealed with a key that is not there any more; E0867 when the
/// state folder's key is gone, and there are runs it sealed.
Result<RawWriteKeys> RawKeysForWriting(const RunContext& context, const config::PipelineConfig& pipeline,
                                       const config::TableConfig& table);

/// Opens the newest archived run of a table, for `doctor`: "" when there is none, "plain", or the id of its key.
/// Errors: kConfig E0866; kBadData when what is there is damaged.
Result<std::string> TryRawKeys(const config::Project& project, io::FileStore& files,
                               const config::PipelineConfig& pipeline, const config::TableConfig& table);
/// The same of the newest run in a raw table.
Result<std::string> TryRawTableKeys(const config::Project& project, io::FileStore& files, catalog::Catalog& catalog,
                                    const config::PipelineConfig& pipeline, const config::TableConfig& table);

}  // namespace firn::pipeline
