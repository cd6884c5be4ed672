// The part of TableLoad that knows where its files are: data files of the sink, the raw archive, what dead runs left.
#include <utility>

#include "base/log.h"
#include "io/raw_archive.h"
#include "pipeline/archive_mark.h"
#include "pipeline/new_partition_spec.h"
#include "pipeline/quarantine_staging.h"
#include "pipeline/raw_keys.h"
#include "pipeline/rederive.h"
#include "pipeline/run_columns.h"
#include "pipeline/run_plan.h"
#include "pipeline/table_load.h"
#include "table/commit/stream_state.h"

namespace firn::pipeline {
namespace {

// Share of the run's memory for rows of one table that are being written.
constexpr int64_t kWriterShare = 4;
// Level 3 costs three times the time of level 1 for files that are a few percent smaller, or not at all.
constexpr int kZstdLevel = 1;

}  // namespace

std::string TableLoad::location() const {
  return base_ != nullptr ? base_->location : context_.catalog.DefaultLocation(identifier_);
}

// Files of runs that died. What cannot be removed now is tried again by the next run.
void TableLoad::CollectLeftovers() {
  const auto load = [this] { return context_.catalog.LoadTable(identifier_); };
  const auto garbage = table::CollectGarbage(context_.files, location(), load, context_.clock,
                                             table::GarbageOptions::For(context_.catalog.traits()));
  if (!garbage.ok()) {
    log::Warn("files of earlier runs not collected",
              {{"table", result_.identifier}, {"reason", garbage.status().message()}});
  } else if (!garbage->files.empty()) {
    log::Info("files of earlier runs removed", {{"table", result_.identifier}, {"files", garbage->files.size()}});
  }
}

Status TableLoad::OpenArchive() {
  if (table_.raw.mode == config::RawConfig::Mode::kOff) return Status::OK();
  ARROW_ASSIGN_OR_RAISE(auto keys, RawKeysForWriting(context_, pipeline_, table_));
  if (keys.made) {
    made_raw_key_ = true;
    log::Info("key of raw archives made", {{"file", RawKeyFile(context_.project)}});
  }
  raw_keys_ = std::move(keys.keys);
  if (table_.raw.mode == config::RawConfig::Mode::kTable) {
    const std::string suffix = context_.options.backfill ? context_.options.backfill->stream_suffix : "";
    if (context_.quarantine_staging != nullptr) context_.quarantine_staging->Collect(RawTableOf(pipeline_, table_));
    ARROW_ASSIGN_OR_RAISE(auto bodies, RawTableWriter::Open(context_, pipeline_, table_, suffix, raw_keys_));
    bodies_ = bodies.get();
    archive_ = std::move(bodies);
    return Status::OK();
  }
  ARROW_ASSIGN_OR_RAISE(archive_,
                        io::RawArchiveWriter::Open(context_.files, ArchivePlaceOf(pipeline_, table_, context_.run_id),
                                                   {.keys = raw_keys_}));
  return Status::OK();
}

int64_t TableLoad::num_bodies() const {
  return archive_ == nullptr ? 0 : archive_->num_entries();
}

// While types are guessed, rows may all come again, and a commit may then come earlier.
Status TableLoad::ReleaseBodies() {
  return bodies_ == nullptr || in_prefix() ? Status::OK() : bodies_->Release(bodies_covered_);
}

Result<std::optional<table::StagedTable>> TableLoad::StageBodies(const table::StagedTable& staged, bool at_end,
                                                                 std::stop_token stop) {
  if (bodies_ == nullptr) return std::nullopt;
  // What an append read past its position will come again.
  const bool all = at_end && !(limited_ && commits_midway());
  return bodies_->Stage(all ? num_bodies() : bodies_covered_,
                        MarkOf(table::NextVersion(staged.from, staged.state).hash), std::move(stop));
}

void TableLoad::AbandonBodies() {
  if (bodies_ != nullptr) bodies_->Abandon();
}

// Of such a run the table has the keys that it gave, with their values, and no others.
bool TableLoad::is_whole_listing() const {
  return lists_all() && ListingsTellAll(table_) && WhyNotWhole().empty();
}

// Says which archived runs were committed, and how far: only those are read by `rederive`.
Status TableLoad::MarkArchived() {
  if (archive_ == nullptr || bodies_ != nullptr) return Status::OK();  // of bodies in a table it is in their commit
  const std::string folder = io::RawRunFolder(ArchivePlaceOf(pipeline_, table_, context_.run_id));
  const io::RawKey* key = raw_keys_.write ? &*raw_keys_.write : nullptr;
  return context_.files.WriteAtomic(folder + "/" + kArchiveMark, WriteArchiveMark(MarkOf(opened_.version.hash), key));
}

ArchiveMark TableLoad::MarkOf(const std::string& state_hash) const {
  return {.run = context_.run_id,
          .table_uuid = base_ == nullptr ? "" : base_->table_uuid,
          .from = state_hash_before_,
          .to = state_hash,
          .complete = finished_ || bodies_ != nullptr,  // a raw table has what was committed and no more
          .backfill = context_.options.backfill.has_value(),
          .anew = replaces_all() || is_whole_listing(),
          .loaded_at = FormatTimestamp(context_.loaded_at),
          .listed = lists_all() && WhyNotWhole().empty(),
          .pass = reread_ && table_.merge.missing && WhyNotWhole().empty(),
          .window_ms = reread_ ? reread_->window_ms.value_or(-1) : -1,
          .entries = archived_entries_};
}

Status TableLoad::OpenSink() {
  if (sink_ != nullptr) return Status::OK();
  if (!staging_) {
    ARROW_ASSIGN_OR_RAISE(staging_,
                          table::StagingRecord::Begin(context_.files, location(), context_.run_id, context_.clock));
  }
  table::TableWriterOptions options;
  options.schema = binding_->table_schema();
  options.location = location();
  options.stream = context_.run_id;
  options.epoch = opened_.epoch;
  ARROW_ASSIGN_OR_RAISE(layout_, LayoutOfLoad(table_, base_.get(), *binding_->table_schema(), context_.project));
  options.target_file_bytes = layout_.files.target_file_bytes;
  options.order = layout_.files.order;
  options.bloom_filters = layout_.files.bloom_filters;
  options.file_rows_max = table_.write.file_rows_max.value_or(0);
  options.memory_bytes = context_.budget.total_bytes() / kWriterShare;
  options.threads = context_.options.threads;
  options.zstd_level = kZstdLevel;
  options.pool = context_.pool;
  options.clock = &context_.clock;
  ARROW_RETURN_NOT_OK(ChooseSpec());
  if (spec_) {
    options.spec = spec_->spec;
  } else {
    ARROW_ASSIGN_OR_RAISE(options.spec, NewPartitionSpec(table_, *binding_->table_schema(), context_.project));
  }
  ARROW_ASSIGN_OR_RAISE(sink_, MakeSink(std::move(options)));
  return Status::OK();
}

}  // namespace firn::pipeline
