#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/catalog.h"
#include "config/project.h"
#include "pipeline/copy_target.h"
#include "pipeline/run_context.h"
#include "pipeline/run_result.h"
#include "source/registry.h"

/// The projects that `firn copy` works with, though nobody wrote one: one for the URL it reads, one for the table it
/// writes.
namespace firn::pipeline {

/// How the pipelines of `firn copy` begin, in the ids of their streams.
inline constexpr char kCopyPipeline[] = "firn-copy";

/// Name of the one table of the source made for a copy.
inline constexpr char kCopyTable[] = "rows";

/// Makes a source that reads a URL: records and paging are found out. Its table is called `table`. No I/O. What
/// `services` names outlives the source. Registers the URL's secrets in the redactor.
Result<std::unique_ptr<source::Source>> MakeUrlSource(const UrlRequest& url, const std::string& table,
                                                      const source::SourceRegistry& sources,
                                                      const source::Services& services);

enum class CopyMode { kReplace, kAppend, kMerge };

/// Returns a project that has the lake, state folder and limits of `around` and one table: the target of a copy.
/// The stream's name says that a copy wrote the rows, and how. `keys`: of kMerge.
Result<config::Project> MakeTargetProject(const config::Project& around, const CopyTarget& target, CopyMode mode,
                                          const std::vector<std::string>& keys);

/// Checks that a copy may write to the table as it is now: it must be new, or have been written by copies alone.
/// `loaded`: nullopt if there is none. Errors: kConfig E0842 naming the pipeline it belongs to.
Status CheckCopyMayWrite(const std::optional<catalog::LoadedTable>& loaded, const std::string& name);

/// Copies all rows of the source's table (named as the target's) into the target table of `context.project`, which
/// MakeTargetProject made. Where others write the same table it is tried again from what the table holds then, if the
/// source `can_reread` (stdin cannot). Errors: as CheckCopyMayWrite; what happens after that is in the result, kBusy if
/// others were always faster.
Result<TableResult> CopyToTable(const RunContext& context, source::Source& source, bool can_reread,
                                std::stop_token stop);

}  // namespace firn::pipeline
