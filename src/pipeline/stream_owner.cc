#include "pipeline/stream_owner.h"

#include <algorithm>
#include <set>
#include <string>

#include "pipeline/copy_project.h"
#include "pipeline/run_context.h"
#include "pipeline/run_plan.h"
#include "table/commit/stream_token.h"
#include "table/metadata/live_rows.h"

namespace firn::pipeline {
namespace {

bool HasRows(const table::TableMetadata& metadata) {
  const table::Snapshot* snapshot = metadata.CurrentSnapshot();
  return snapshot != nullptr && table::LiveRows(*snapshot) != 0;
}

// Keys of the streams that ever committed to the table, as far as it still says so.
std::set<std::string> StreamKeysOf(const table::TableMetadata& metadata) {
  std::set<std::string> keys;
  const auto take = [&](const auto& entries) {
    for (const auto& [key, value] : entries) {
      if (key.starts_with(table::kStreamKeyPrefix)) keys.insert(key);
    }
  };
  take(metadata.properties);
  for (const auto& snapshot : metadata.snapshots) take(snapshot.summary);
  return keys;
}

}  // namespace

Status CheckNotRenamed(const table::TableMetadata& metadata, const config::Project& project,
                       const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  const std::set<std::string> keys = StreamKeysOf(metadata);
  if (!HasRows(metadata) || keys.contains(table::StreamKey(StreamIdOf(pipeline, table)))) return Status::OK();
  std::set<std::string> known;
  for (const auto& one : project.pipelines) {
    for (const auto& other : one.tables) known.insert(table::StreamKey(StreamIdOf(one, other)));
  }
  const auto orphan = std::ranges::find_if(keys, [&](const std::string& key) {
    const std::string stream = key.substr(sizeof table::kStreamKeyPrefix - 1);
    return !known.contains(key) && !stream.starts_with(kCopyPipeline) &&
           stream.find(kBackfillMark) == std::string::npos;
  });
  if (orphan == keys.end()) return Status::OK();
  const std::string stream = orphan->substr(sizeof table::kStreamKeyPrefix - 1);
  return MakeError(
      Fault::kConfig,
      "the rows of the table, and their position, are of `" + stream + "`, which the project does not have",
      {.code = "E0818",
       .where = project.WhereIs(table.config_path),
       .why = "if the pipeline or table was renamed, reading from the beginning would load all rows once more",
       .state = "nothing was changed",
       .next = "firn state accept " + table.name + " --of " + stream +
               " --yes   (the same rows under a new name; else firn " + "state reset " + table.name +
               ": a stream beside it, from the beginning)"});
}

}  // namespace firn::pipeline
