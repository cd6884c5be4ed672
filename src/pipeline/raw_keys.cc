#include "pipeline/raw_keys.h"

#include <optional>
#include <utility>
#include <vector>

#include "io/file_store.h"
#include "io/raw_archive.h"
#include "pipeline/raw_table.h"
#include "pipeline/raw_table_reader.h"
#include "pipeline/run_plan.h"

namespace firn::pipeline {
namespace {

using Mode = config::RawConfig::Mode;

struct NewestRun {
  io::RawArchivePlace place;
  io::RawSeal seal;
};

// What the newest bodies are sealed with, and whose they are for people.
struct NewestSeal {
  std::string run;
  std::string of;  // "run 0198… of shop.orders", or the raw table
  io::RawSeal seal;
};

// Of the runs that have a segment. `of_state`: of those that the state folder's key sealed.
Result<std::optional<NewestRun>> FindNewest(io::FileStore& files, io::RawArchivePlace place, bool of_state) {
  ARROW_ASSIGN_OR_RAISE(const auto runs, io::ListRawRuns(files, place));
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    place.run = *run;
    ARROW_ASSIGN_OR_RAISE(const auto seal, io::SealOfRun(files, place));
    if (seal && (!of_state || seal->of_state)) return NewestRun{.place = place, .seal = *seal};
  }
  return std::nullopt;
}

// Of a raw table. The states of its streams tell the newest run alone, the rows tell all.
Result<std::optional<SealedRun>> FindNewestInTable(const RunContext& context, const config::PipelineConfig& pipeline,
                                                   const config::TableConfig& table, bool of_state) {
  if (!of_state) return NewestRawTableSeal(context, pipeline, table);
  ARROW_ASSIGN_OR_RAISE(const RawTable raw,
                        RawTable::Open(context.catalog, context.files, RawTableOf(pipeline, table)));
  for (auto run = raw.runs().rbegin(); run != raw.runs().rend(); ++run) {
    if (run->second.seal.of_state) return SealedRun{.run = run->first, .seal = run->second.seal};
  }
  return std::nullopt;
}

// An archive and a raw table may follow each other: the newest is in either. `of_state`: of those that the state
// folder's key sealed.
Result<std::optional<NewestSeal>> FindNewestSeal(const RunContext& context, const config::PipelineConfig& pipeline,
                                                 const config::TableConfig& table, bool of_state) {
  std::optional<NewestSeal> newest;
  ARROW_ASSIGN_OR_RAISE(const auto run, FindNewest(context.files, ArchivePlaceOf(pipeline, table, ""), of_state));
  if (run) {
    newest = {.run = run->place.run,
              .of = "run " + run->place.run + " of " + pipeline.name + "." + table.name,
              .seal = run->seal};
  }
  // An archive in plain asks the catalog for nothing.
  if (table.raw.mode != Mode::kTable && !table.raw.sealed) return newest;
  ARROW_ASSIGN_OR_RAISE(const auto in_table, FindNewestInTable(context, pipeline, table, of_state));
  if (!in_table || (newest && newest->run > in_table->run)) return newest;
  return NewestSeal{.run = in_table->run, .of = RawTableOf(pipeline, table).ToString(), .seal = in_table->seal};
}

// A state folder that was lost has no key, and what the lost one sealed lies there still.
Status CheckNothingLost(const RunContext& context) {
  for (const auto& pipeline : context.project.pipelines) {
    for (const auto& table : pipeline.tables) {
      if (table.raw.mode == Mode::kOff) continue;
      ARROW_ASSIGN_OR_RAISE(const auto newest, FindNewestSeal(context, pipeline, table, true));
      if (!newest) continue;
      return MakeError(Fault::kConfig, "the key of the raw archive is gone: " + RawKeyFile(context.project),
                       {.code = "E0867",
                        .why = newest->of + " was sealed with it (key " + newest->seal.key_id + ")",
                        .state = "nothing was read, nothing was changed",
                        .next = "put the file back from a backup; if it is lost for good: firn raw prune " +
                                table.name + " --all --yes (of each table), then firn run --full-refresh"});
    }
  }
  return Status::OK();
}

Status CheckNewest(const RunContext& context, const config::PipelineConfig& pipeline, const config::TableConfig& table,
                   const io::RawKeys& keys) {
  ARROW_ASSIGN_OR_RAISE(const auto newest, FindNewestSeal(context, pipeline, table, false));
  if (!newest || newest->seal.key_id.empty() || keys.Find(newest->seal.key_id) != nullptr) return Status::OK();
  return io::RawKeyMissing(newest->seal.key_id, keys);
}

}  // namespace

std::string RawKeyFile(const config::Project& project) {
  return project.state_folder + "/keys/raw.key";
}

Result<io::RawKeys> RawKeysOf(const config::Project& project, const config::TableConfig& table) {
  io::RawKeys keys;
  const bool local = project.state_location.empty();
  keys.where = RawKeyFile(project);
  if (!table.raw.key.empty()) {
    ARROW_ASSIGN_OR_RAISE(auto key, io::ParseRawKey(table.raw.key));
    keys.read.push_back(std::move(key));
    keys.where = project.WhereIs(table.config_path + ".raw.key");
  }
  for (const std::string& text : table.raw.previous_keys) {
    ARROW_ASSIGN_OR_RAISE(auto key, io::ParseRawKey(text));
    keys.read.push_back(std::move(key));
  }
  std::optional<io::RawKey> own;
  if (local) {
    ARROW_ASSIGN_OR_RAISE(own, io::ReadRawKeyFile(RawKeyFile(project)));
    if (own) keys.read.push_back(*own);
  }
  if (table.raw.sealed) keys.write = table.raw.key.empty() ? own : std::optional(keys.read.front());
  return keys;
}

Result<RawWriteKeys> RawKeysForWriting(const RunContext& context, const config::PipelineConfig& pipeline,
                                       const config::TableConfig& table) {
  RawWriteKeys out;
  ARROW_ASSIGN_OR_RAISE(out.keys, RawKeysOf(context.project, table));
  if (table.raw.sealed && !out.keys.write) {
    if (!context.project.state_location.empty()) {
      return MakeError(Fault::kConfig,
                       "the raw archive is encrypted, and a state that is not on this machine keeps no key",
                       {.code = "E0867",
                        .where = context.project.WhereIs(table.config_path),
                        .state = "nothing was read, nothing was changed",
                        .next = "set raw.key, made by: openssl rand -hex 32"});
    }
    ARROW_RETURN_NOT_OK(CheckNothingLost(context));
    ARROW_ASSIGN_OR_RAISE(auto key, io::MakeRawKeyFile(RawKeyFile(context.project)));
    out.made = true;
    out.keys.read.push_back(key);
    out.keys.write = std::move(key);
  }
  ARROW_RETURN_NOT_OK(CheckNewest(context, pipeline, table, out.keys));
  return out;
}

Result<std::string> TryRawTableKeys(const config::Project& project, io::FileStore& files, catalog::Catalog& catalog,
                                    const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  ARROW_ASSIGN_OR_RAISE(const RawTable raw, RawTable::Open(catalog, files, RawTableOf(pipeline, table)));
  if (raw.runs().empty()) return "";
  ARROW_ASSIGN_OR_RAISE(io::RawKeys keys, RawKeysOf(project, table));
  const auto& [id, run] = *raw.runs().rbegin();
  ARROW_ASSIGN_OR_RAISE(const auto reader, raw.OpenRun(RawTablePlace(pipeline, table, id), {.keys = std::move(keys)}));
  ARROW_RETURN_NOT_OK(reader->Next().status());
  return run.seal.key_id.empty() ? "plain" : run.seal.key_id;
}

Result<std::string> TryRawKeys(const config::Project& project, io::FileStore& files,
                               const config::PipelineConfig& pipeline, const config::TableConfig& table) {
  ARROW_ASSIGN_OR_RAISE(const auto run, FindNewest(files, ArchivePlaceOf(pipeline, table, ""), false));
  if (!run) return "";
  ARROW_ASSIGN_OR_RAISE(io::RawKeys keys, RawKeysOf(project, table));
  ARROW_ASSIGN_OR_RAISE(const auto reader, io::RawArchiveReader::Open(files, run->place, {.keys = std::move(keys)}));
  ARROW_RETURN_NOT_OK(reader->Next().status());
  return run->seal.key_id.empty() ? "plain" : run->seal.key_id;
}

}  // namespace firn::pipeline
