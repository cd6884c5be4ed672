#include "table/commit/garbage.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "table/commit/manifest_list_cache.h"
#include "table/commit/reachability.h"
#include "table/commit/snapshot_builder.h"

namespace firn::table {
namespace {

constexpr int64_t kRecordBytesMax = 64 * 1024;
constexpr int kRecordVersion = 1;

std::string StagingFolder(const std::string& table_location) {
  return MetadataFolder(table_location) + "/firn-staging";
}

// A run whose process is gone, with its lock in our hands, so that nobody else collects it.
struct DeadRun {
  std::string run;
  std::string record;
  std::string lock_path;
  bool foreign = false;  // of another scope: only its age speaks for its death
  io::ProcessLock lock;
};

struct Record {
  std::string run;
  std::string scope;  // of its lock
  int64_t started_micros = 0;
};

Result<Record> ReadRecord(io::FileStore& files, const std::string& record) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, files.ReadText(record, kRecordBytesMax));
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  const bool ours = json.is_object() && json.contains("version") && json["version"] == kRecordVersion &&
                    json.contains("run") && json["run"].is_string() &&
                    !json["run"].get_ref<const std::string&>().empty();
  if (!ours) return MakeError(Fault::kBadData, "not a staging record of this version: " + record);
  Record read{.run = json["run"].get<std::string>()};
  if (json.contains("scope") && json["scope"].is_string()) read.scope = json["scope"].get<std::string>();
  if (json.contains("started") && json["started"].is_string()) {
    const auto started = ParseTimestamp(json["started"].get<std::string>());
    if (started.ok()) read.started_micros = started->micros;
  }
  return read;
}

std::string LockLocation(const std::string& table_location, const std::string& run) {
  return StagingFolder(table_location) + "/" + run + ".lock";
}

// Runs whose process is gone. Of a run whose lock lies in another scope (another machine, writing to the same object
// store) nobody here can tell; it counts as dead once it is older than any run.
Result<std::vector<DeadRun>> FindDeadRuns(io::FileStore& files, const std::string& table_location, const Clock& clock,
                                          const GarbageOptions& options) {
  std::vector<DeadRun> dead;
  ARROW_ASSIGN_OR_RAISE(const auto listed, files.List(StagingFolder(table_location)));
  for (const io::FileInfo& info : listed) {
    if (!info.location.ends_with(".json")) continue;
    auto record = ReadRecord(files, info.location);
    if (!record.ok()) {
      if (io::IsNotFound(record.status())) continue;  // its run ended just now
      log::Warn("staging record left alone", {{"reason", record.status().message()}});
      continue;
    }
    ARROW_ASSIGN_OR_RAISE(io::LockPlace place, files.LockOf(LockLocation(table_location, record->run)));
    const int64_t age_ms = (clock.Now().micros - std::max(record->started_micros, info.modified_micros)) / 1000;
    const bool foreign = record->scope != place.scope;
    if (age_ms < (foreign ? options.foreign_run_age_ms_min : options.age_ms_min)) continue;
    auto lock = io::ProcessLock::Acquire(place.path);
    if (!lock.ok()) continue;  // alive
    dead.push_back({.run = std::move(record->run),
                    .record = info.location,
                    .lock_path = std::move(place.path),
                    .foreign = foreign,
                    .lock = *std::move(lock)});
  }
  return dead;
}

using Listing = std::map<std::string, io::FileInfo>;

// Files that carry a dead run's id, and all metadata files of the table.
Result<Listing> FilesOf(io::FileStore& files, const std::string& table_location, const std::vector<DeadRun>& dead) {
  Listing found;
  ARROW_ASSIGN_OR_RAISE(const auto listed, files.List(table_location));
  for (const io::FileInfo& info : listed) {
    const std::string name = info.location.substr(info.location.rfind('/') + 1);
    const bool of_dead_run =
        std::ranges::any_of(dead, [&](const DeadRun& run) { return name.find(run.run) != std::string::npos; });
    const bool record = info.location.find("/firn-staging/") != std::string::npos;
    if ((of_dead_run && !record) || name.ends_with(".metadata.json")) found.emplace(info.location, info);
  }
  return found;
}

int64_t AgeMin(const std::string& location, const std::vector<DeadRun>& dead, const GarbageOptions& options) {
  for (const DeadRun& run : dead) {
    if (run.foreign && location.find(run.run, location.rfind('/')) != std::string::npos) {
      return options.foreign_run_age_ms_min;
    }
  }
  if (location.find("/firn-state/") != std::string::npos) return options.state_age_ms_min;
  return location.ends_with(".metadata.json") ? options.metadata_age_ms_min : options.age_ms_min;
}

Status Settle(io::FileStore& files, const DeadRun& run) {
  FIRN_FAILPOINT("garbage.before_settle");
  ARROW_RETURN_NOT_OK(files.Remove(run.record));
  return files.Remove(run.lock_path);
}

}  // namespace

GarbageOptions GarbageOptions::For(const catalog::CatalogTraits& traits) {
  GarbageOptions options;
  if (traits.may_commit_late) options.age_ms_min = options.foreign_run_age_ms_min;
  return options;
}

StagingRecord::StagingRecord(io::FileStore& files, std::string record, std::string lock_path, io::ProcessLock lock)
    : files_(&files), record_(std::move(record)), lock_path_(std::move(lock_path)), lock_(std::move(lock)) {}

Result<StagingRecord> StagingRecord::Begin(io::FileStore& files, const std::string& table_location,
                                           const std::string& run, const Clock& clock) {
  const std::string folder = StagingFolder(table_location);
  ARROW_RETURN_NOT_OK(files.CreateFolder(folder));
  ARROW_ASSIGN_OR_RAISE(io::LockPlace place, files.LockOf(LockLocation(table_location, run)));
  std::string lock_path = std::move(place.path);
  // Lock first: a record whose lock nobody holds is a dead run's.
  ARROW_ASSIGN_OR_RAISE(auto lock, io::ProcessLock::Acquire(lock_path));
  std::string record = folder + "/" + run + ".json";
  nlohmann::ordered_json json = {{"version", kRecordVersion}, {"run", run}, {"started", FormatTimestamp(clock.Now())}};
  if (!place.scope.empty()) json["scope"] = place.scope;
  ARROW_RETURN_NOT_OK(files.WriteAtomic(record, json.dump()));
  FIRN_FAILPOINT("commit.staging_recorded");
  return StagingRecord(files, std::move(record), std::move(lock_path), std::move(lock));
}

Status StagingRecord::End() {
  FIRN_FAILPOINT("commit.before_staging_end");
  ARROW_RETURN_NOT_OK(files_->Remove(record_));
  ARROW_RETURN_NOT_OK(files_->Remove(lock_path_));
  lock_.Release();
  return Status::OK();
}

Result<Garbage> CollectGarbage(io::FileStore& files, const std::string& table_location,
                               const std::function<Result<std::optional<catalog::LoadedTable>>()>& load,
                               const Clock& clock, const GarbageOptions& options) {
  Garbage garbage;
  ARROW_ASSIGN_OR_RAISE(const auto dead, FindDeadRuns(files, table_location, clock, options));
  if (dead.empty()) return garbage;
  ARROW_ASSIGN_OR_RAISE(const Listing listing, FilesOf(files, table_location, dead));
  std::set<std::string> unreferenced;
  for (const auto& [location, info] : listing) unreferenced.insert(location);
  ARROW_ASSIGN_OR_RAISE(const auto table, load());
  if (table) {
    unreferenced.erase(table->metadata_location);
    ManifestListCache lists(files, 200'000);
    const auto contents = MakeManifestContents(files, 4'000'000);
    ARROW_RETURN_NOT_OK(KeepReferenced(lists, *contents, *table->metadata, unreferenced));
  }
  bool some_too_young = false;
  for (const std::string& file : unreferenced) {
    const io::FileInfo& info = listing.at(file);
    if (clock.Now().micros - info.modified_micros < AgeMin(file, dead, options) * 1000) {
      some_too_young = true;
      continue;
    }
    garbage.files.push_back(file);
    garbage.bytes += info.size_bytes;
    FIRN_FAILPOINT("garbage.before_remove");
    if (!options.dry_run) ARROW_RETURN_NOT_OK(files.Remove(file));
  }
  for (const DeadRun& run : dead) {
    garbage.runs.push_back(run.run);
    // A young file is looked at again next time.
    if (!options.dry_run && !some_too_young) ARROW_RETURN_NOT_OK(Settle(files, run));
  }
  return garbage;
}

}  // namespace firn::table
