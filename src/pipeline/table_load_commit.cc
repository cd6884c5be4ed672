// The part of TableLoad that turns what was written into a share of a commit.
#include <algorithm>
#include <chrono>
#include <utility>

#include "base/failpoint.h"
#include "pipeline/arrow_fitting.h"
#include "pipeline/column_naming.h"
#include "pipeline/inference_text.h"
#include "pipeline/merge_rules.h"
#include "pipeline/new_partition_spec.h"
#include "pipeline/raw_keys.h"
#include "pipeline/rederive.h"
#include "pipeline/run_columns.h"
#include "pipeline/run_plan.h"
#include "pipeline/table_load.h"
#include "table/metadata/live_rows.h"
#include "table/write/key_hasher.h"
#include "table/write/vanished_keys.h"

namespace firn::pipeline {

namespace json = format::json;

namespace {

constexpr int64_t kRefreshShare = 4;     // of the memory, for keys; the rows are written by then
constexpr int64_t kCommitsHeldMax = 16;  // times commit_bytes that a commit waits for larger files

}  // namespace

bool TableLoad::progress_is_safe() const {
  return !limited_ && !in_prefix() && position_covers_rows();
}

bool TableLoad::position_covers_rows() const {
  return rows_past_position_ == 0 && commits_midway();
}

// A commit may come before the end of the reading, at a position that covers all rows.
bool TableLoad::commits_midway() const {
  if (replaces_all() || context_.options.from || context_.options.to) return false;
  if (table_.write_disposition != config::WriteDisposition::kAppend || !table_.parent.empty()) return false;
  return all_stable_;
}

Status TableLoad::MaybeCheckpoint(const ReadOptions& options) {
  if (!options.checkpoint || rows_since_commit_ == 0 || !progress_is_safe()) return Status::OK();
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(context_.clock.Steady() - last_commit_);
  const bool due = EnoughForCommit() || passed.count() >= table_.write.commit_interval_ms;
  return due ? options.checkpoint() : Status::OK();
}

// Unless the project says how much a commit takes, small files wait for more rows.
bool TableLoad::EnoughForCommit() const {
  if (bytes_since_commit_ < table_.write.commit_bytes) return false;
  const bool waits = !table_.write.commit_bytes_written && sink_ != nullptr &&
                     bytes_since_commit_ / kCommitsHeldMax < table_.write.commit_bytes;
  const int64_t average = waits ? sink_->average_file_bytes() : 0;
  return average == 0 || average >= layout_.files.target_file_bytes / 2;
}

// A replace that read nothing would silently empty the table, and one that was cut would pass for the whole.
Status TableLoad::CheckMayPublish(int64_t num_rows) const {
  const table::Snapshot* snapshot = base_ == nullptr ? nullptr : base_->CurrentSnapshot();
  // Of an append the rows behind the last position would come again, even into a table that is new.
  const bool appends_later = table_.write_disposition == config::WriteDisposition::kAppend;
  const bool must_be_whole = replaces_all() || replaces_partitions() || lists_all();
  if (must_be_whole && limited_ && (snapshot != nullptr || appends_later)) {
    return MakeError(Fault::kConfig,
                     "--max-rows (or limits.max_rows) cut the reading, and a part is not published as the whole",
                     {.code = "E0833", .state = "the table is unchanged", .next = "firn preview " + table_.name});
  }
  const bool empties = replaces_all() || lists_all();
  if (!empties || num_rows > 0 || table_.allow_empty || snapshot == nullptr) return Status::OK();
  const auto total = table::LiveRows(*snapshot);
  if (total == 0) return Status::OK();
  const std::string has = "the table has " + (total ? std::to_string(*total) + " rows" : std::string("rows"));
  if (result_.rows.quarantined > 0) {
    return MakeError(Fault::kContract,
                     "all " + std::to_string(result_.rows.quarantined) +
                         " rows of the source went to quarantine, and " + has + "; it is not replaced",
                     {.code = "E0830",
                      .where = context_.project.WhereIs(table_.config_path),
                      .state = "the table is unchanged",
                      .next = "firn run --select " + table_.name + " with `on_error: fail` shows the first reason"});
  }
  return MakeError(Fault::kContract, "the source gave 0 rows and " + has + "; it is not replaced",
                   {.code = "E0830",
                    .where = context_.project.WhereIs(table_.config_path),
                    .why = "an empty answer is more often a fault than the truth",
                    .state = "the table is unchanged",
                    .next = "set `allow_empty: true` for " + table_.name + " if the source really is empty"});
}

// A refresh gives what the source still has, and that may be a part of what the table holds.
Status TableLoad::CheckRefresh(std::stop_token stop) const {
  const table::Snapshot* snapshot = base_ == nullptr ? nullptr : base_->CurrentSnapshot();
  const bool refreshes = context_.options.full_refresh && !context_.options.keep_position;
  if (!refreshes || context_.options.may_delete_many || snapshot == nullptr) return Status::OK();
  const int64_t before = table::LiveRows(*snapshot).value_or(0);
  int64_t after = 0;
  for (const table::DataFile& file : staged_.added) {
    after += file.content == table::FileContent::kData ? file.record_count : -file.record_count;
  }
  ARROW_RETURN_NOT_OK(CheckFewVanish(before - after, before, "rows"));
  return CheckRefreshedKeys(stop);
}

// Other rows in place of those that are gone leave their number as it was.
Status TableLoad::CheckRefreshedKeys(std::stop_token stop) const {
  const schema::Schema& schema = *binding_->table_schema();
  std::vector<int32_t> ids;
  for (const std::string& key : table_.primary_key) {
    const schema::Field* column = ColumnOfKey(schema, key);
    if (column == nullptr || column->type->is_nested() || base_->schema().FindById(column->id) == nullptr) {
      return Status::OK();  // the table has no such key to compare
    }
    ids.push_back(column->id);
  }
  if (ids.empty()) return Status::OK();
  table::VanishedKeysOptions options{.memory_bytes = context_.budget.total_bytes() / kRefreshShare,
                                     .pool = context_.pool};
  ARROW_ASSIGN_OR_RAISE(options.key_schema, table::KeySchema(schema, ids));
  const auto found = table::FindVanishedKeys(context_.files, base_, staged_.added, options, stop);
  if (found.ok()) return CheckFewVanish(found->num_vanished, found->num_keys, "keys");
  if (FaultOf(found.status()) == Fault::kCancelled) return found.status();
  return MakeError(FaultOf(found.status()),
                   "it cannot be told which keys would be gone after the refresh: " + found.status().message(),
                   {.code = "E0926",
                    .where = context_.project.WhereIs(table_.config_path),
                    .why = "the keys of the table are compared with those that came",
                    .state = "the table is unchanged",
                    .next = "firn doctor; to replace the table whatever it holds: firn run --select " + table_.name +
                            " --full-refresh --yes"});
}

Status TableLoad::CheckFewVanish(int64_t gone, int64_t before, const std::string& what) const {
  constexpr int64_t kPercentMax = 20;  // as `deletes: missing` has it
  const int64_t most = table_.merge.missing ? table_.merge.missing->percent_max : kPercentMax;
  if (static_cast<double>(gone) * 100 <= static_cast<double>(most) * static_cast<double>(before)) return Status::OK();
  return MakeError(
      Fault::kContract,
      std::to_string(gone) + " of " + std::to_string(before) + " " + what +
          " that the table has would be gone after the refresh, and at most " + std::to_string(most) + " % may be",
      {.code = "E0922",
       .where = context_.project.WhereIs(table_.config_path),
       .why = "a source that gives a part, or keeps no old rows, is more often the reason than that many "
              "deletions",
       .state = "the table is unchanged",
       .next = "look at the source; if they may go: firn run --select " + table_.name + " --full-refresh --yes"});
}

Result<std::optional<table::StagedTable>> TableLoad::Stage(bool at_end, std::stop_token stop) {
  progress_.phase = TablePhase::kWriting;
  FIRN_FAILPOINT("run.stage");
  if (archive_ != nullptr) {
    archived_entries_ = archive_->num_entries();  // before: reading may go on meanwhile
    ARROW_RETURN_NOT_OK(archive_->Sync());
  }
  ARROW_ASSIGN_OR_RAISE(auto staged, StageTable(at_end, stop));
  if (at_end) AddWarnings();
  progress_.phase = TablePhase::kCommitting;
  return staged;
}

// True if a commit now does not move the position. A merge that was cut takes its rows again.
bool TableLoad::StaysWhereItWas() const {
  return keeps_position() || (limited_ && !replaces_all() && !position_covers_rows());
}

Result<std::optional<table::StagedTable>> TableLoad::StageTable(bool at_end, std::stop_token stop) {
  if (at_end) {
    ARROW_RETURN_NOT_OK(CheckMayPublish(rows_since_commit_));
    // Without a single row there is no sink yet, and all keys end.
    const bool all_end = lists_all() && base_ != nullptr && base_->CurrentSnapshot() != nullptr;
    if (all_end || (reread_ && table_.merge.missing)) ARROW_RETURN_NOT_OK(OpenWithoutRows());
  }
  if (limited_ && context_.options.backfill) {
    return MakeError(Fault::kConfig, "limits.max_rows cut a slice of the backfill, and the rest would never be read",
                     {.code = "E0876", .state = "the slice was not committed", .next = "choose a shorter --step"});
  }
  const bool appends = table_.write_disposition == config::WriteDisposition::kAppend && !replaces_all();
  const bool resumes = result_.rows.read > 0 && (rows_since_commit_ == 0 || position_covers_rows());
  if (limited_ && appends && !resumes) {
    return MakeError(Fault::kConfig,
                     "--max-rows cut the reading where it cannot resume, so the rows would be appended again",
                     {.code = "E0831", .state = "nothing was committed", .next = "firn preview " + table_.name});
  }
  const StreamDocument& positions = StaysWhereItWas() ? before_ : document_;
  const bool same_state = positions.splits == before_.splits && positions.reconciled == before_.reconciled;
  const bool ends_slice = context_.options.backfill && table_.parent.empty();
  const bool says_nothing = same_state && !replaces_all() && !configured_.changed && !ends_slice;
  if (sink_ == nullptr && (base_ == nullptr || says_nothing)) return std::nullopt;
  staged_ = {};
  const bool plans_on_parent = (ComparesRows(table_) && !replaces_all()) || replaces_partitions();
  table::StagedTable out;
  if (sink_ != nullptr) {
    const catalog::LoadedTable* parent = plans_on_parent && opened_.table ? &*opened_.table : nullptr;
    sink_->SetWhole(at_end && WhyNotWhole().empty());
    ARROW_ASSIGN_OR_RAISE(staged_, sink_->Finish(parent, stop));
    decided_ = true;
    ARROW_RETURN_NOT_OK(CheckRefresh(stop));
  }
  out.identifier = identifier_;
  if (base_ != nullptr) {
    out.base = base_;
    out.format_version = table_.format_version.value_or(0);
    out.layout = layout_.change;
    StageEvolution(&out);
  } else {
    ARROW_ASSIGN_OR_RAISE(auto spec, NewPartitionSpec(table_, *binding_->table_schema(), context_.project));
    const int32_t version = table_.format_version.value_or(kFormatVersionOfNewTables);
    ARROW_ASSIGN_OR_RAISE(auto schema,
                          ConfigureNewSchema(context_.project, pipeline_, table_, *binding_->table_schema(), version));
    out.create = table::CreateTable{.schema = std::move(schema),
                                    .spec = std::move(spec),
                                    .sort_order = layout_.change.sort_order.value_or(table::SortOrder{}),
                                    .properties = layout_.change.properties,
                                    .format_version = version};
  }
  out.mode = replaces_all()    ? table::WriteMode::kOverwriteAll
             : plans_on_parent ? table::WriteMode::kRowDelta
                               : table::WriteMode::kAppend;
  out.added = staged_.added;
  out.removed = staged_.removed;
  if (out.mode == table::WriteMode::kRowDelta) {
    out.replan = [this](const catalog::LoadedTable& parent, std::stop_token token) -> Result<table::RowDelta> {
      if (sink_ == nullptr) return table::RowDelta{};
      ARROW_ASSIGN_OR_RAISE(staged_, sink_->Finish(&parent, token));
      return table::RowDelta{.added = staged_.added, .removed = staged_.removed};
    };
  }
  out.branch = branch();
  out.stream_id = stream_id_;
  out.epoch = opened_.epoch;
  out.from = opened_.version;
  out.state = ends_slice ? context_.options.backfill->state : WriteStreamDocument(positions);
  out.run = context_.run_id;
  out.rows = rows_since_commit_;
  if (context_.options.keep_position) out.extra_summary[kRederivedKey] = "true";
  return out;
}

Status TableLoad::Committed(const table::CommittedTable* committed) {
  FIRN_FAILPOINT("run.committed");
  if (committed != nullptr) {
    opened_.table = committed->table;
    opened_.version = committed->version;
    base_ = committed->table.metadata;
    const table::Snapshot* snapshot = base_->FindSnapshot(committed->snapshot_id);
    if (sink_ != nullptr && snapshot != nullptr) sink_->Committed(*snapshot);
    result_.snapshot_id = committed->snapshot_id.value;
    ++result_.num_commits;
    ++progress_.commits;
    result_.rows.appended += staged_.rows_appended;
    result_.rows.inserted += staged_.rows_inserted;
    result_.rows.updated += staged_.rows_updated;
    result_.rows.deleted += staged_.rows_deleted;
    result_.rows.duplicates += staged_.rows_superseded;
    result_.rows.skipped += staged_.rows_skipped;
    result_.data_bytes += staged_.data_bytes;
    for (auto& change : configured_.changes) result_.schema_changes.push_back(std::move(change));
    for (auto& change : binding_->TakeChanges()) result_.schema_changes.push_back(std::move(change));
    if (spec_ && spec_->changed) result_.schema_changes.push_back("~ partitions " + PartitionText(table_.partition_by));
    ARROW_RETURN_NOT_OK(Configure());
    binding_ = NewBinding();
    bound_.reset();
    sink_.reset();
    decided_ = false;
  }
  newest_.Committed();
  ARROW_RETURN_NOT_OK(MarkArchived());
  rows_since_commit_ = 0;
  bytes_since_commit_ = 0;
  last_commit_ = context_.clock.Steady();
  progress_.phase = TablePhase::kReading;
  if (StaysWhereItWas()) return Status::OK();
  for (const source::Split& split : splits_) {
    const source::Position* position = document_.Find(split.id);
    if (position != nullptr) ARROW_RETURN_NOT_OK(source_.Acknowledge(table_.name, split, *position));
  }
  before_ = document_;
  return Status::OK();
}

void TableLoad::AddWarnings() {
  json::InferenceReport report = reader_->report();
  for (auto& note : report.notes) note.column = binding_->NameOf(note.column);
  const std::string kept = replaces_all() ? "" : result_.identifier;  // whose columns the next load finds as they are
  result_.warnings = RunNotes(report, counters_, kept);
  if (counters_.sibling_values > 0) AddSiblingNotes(*binding_->table_schema(), kept, &result_.warnings);
  const bool speaks = replaces_children() || lists_all() || (reread_ && table_.merge.missing);
  if (const std::string why = WhyNotWhole(); speaks && base_ != nullptr && !why.empty()) {
    result_.warnings.push_back("what is missing at the source was not deleted: " + why);
  }
  if (merges() && table_.merge.missing && !table_.incremental && !before_.splits.empty()) {
    result_.warnings.push_back("`deletes: missing` deletes nothing here: this source gives only what is new");
  }
  if (limited_) {
    result_.warnings.push_back("--max-rows (or limits.max_rows) cut the reading after " +
                               std::to_string(result_.rows.read) + " rows: the table is a part of the source");
  }
  const source::ReadStats stats = source_.stats(table_.name);
  result_.rows.skipped += stats.num_known_rows;
  if (made_raw_key_) {
    result_.warnings.push_back("raw bodies are encrypted with the new key " + RawKeyFile(context_.project) +
                               ": back it up, without it the archive cannot be read");
  }
  for (std::string& note : ReadNotes(stats)) result_.warnings.push_back(std::move(note));
  if (fitting_ == nullptr) return;
  for (std::string& note : fitting_->notes()) result_.warnings.push_back(std::move(note));
}

}  // namespace firn::pipeline
