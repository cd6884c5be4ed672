#include "pipeline/table_load.h"

#include <arrow/array/array_primitive.h>
#include <arrow/array/builder_primitive.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "pipeline/archive_mark.h"
#include "pipeline/constant_columns.h"
#include "pipeline/reader_options.h"
#include "pipeline/run_columns.h"
#include "pipeline/run_plan.h"

namespace firn::pipeline {
namespace {

namespace json = format::json;

// Shares of the run's memory for one table: rows being written, and keys of a merge.
constexpr int64_t kWriterShare = 4;
constexpr int64_t kKeyShare = 4;

std::string Brief(const StreamDocument& document) {
  if (document.splits.empty()) return "";
  std::string text = document.splits.front().second.json;
  constexpr size_t kShown = 200;
  if (text.size() > kShown) text = text.substr(0, kShown) + "…";
  return text;
}

Result<std::shared_ptr<arrow::BooleanArray>> DeleteFlags(const std::vector<uint32_t>& rows,
                                                         const std::vector<uint32_t>& deleted,
                                                         arrow::MemoryPool* pool) {
  arrow::BooleanBuilder builder(pool);
  ARROW_RETURN_NOT_OK(builder.Reserve(static_cast<int64_t>(rows.size())));
  for (const uint32_t row : rows) builder.UnsafeAppend(std::binary_search(deleted.begin(), deleted.end(), row));
  std::shared_ptr<arrow::BooleanArray> flags;
  ARROW_RETURN_NOT_OK(builder.Finish(&flags));
  return flags;
}

}  // namespace

TableLoad::TableLoad(const RunContext& context, const config::PipelineConfig& pipeline,
                     const config::TableConfig& table, source::Source& source, Quarantine& quarantine,
                     TableProgress& progress)
    : context_(context),
      pipeline_(pipeline),
      table_(table),
      source_(source),
      quarantine_(quarantine),
      progress_(progress),
      identifier_(IdentifierOf(pipeline, table)),
      stream_id_(StreamIdOf(pipeline, table)),
      last_commit_(context.clock.Steady()),
      started_(context.clock.Steady()) {
  result_.pipeline = pipeline.name;
  result_.table = table.name;
  result_.identifier = identifier_.ToString();
}

TableLoad::~TableLoad() = default;

bool TableLoad::replaces_all() const {
  return context_.options.full_refresh || table_.write_disposition == config::WriteDisposition::kReplace;
}

Status TableLoad::Open() {
  ARROW_ASSIGN_OR_RAISE(opened_, context_.committer.OpenStream(identifier_, stream_id_));
  base_ = opened_.table ? opened_.table->metadata : nullptr;
  state_hash_before_ = opened_.version.hash;
  CollectLeftovers();
  ARROW_ASSIGN_OR_RAISE(before_, ParseStreamDocument(opened_.state));
  const std::string fingerprint = FingerprintOf(pipeline_, table_);
  const bool other = !before_.fingerprint.empty() && before_.fingerprint != fingerprint;
  if (other && (!context_.options.full_refresh || context_.options.keep_position)) {
    return MakeError(Fault::kConfig,
                     "cursor, key, paging or address changed since the last run, so its position means nothing",
                     {.code = "E0812",
                      .where = context_.project.WhereIs(table_.config_path),
                      .why = "the position belongs to another request",
                      .state = "nothing was changed",
                      .next = "firn run --select " + table_.name + " --full-refresh"});
  }
  if (other) before_ = {};
  document_ = before_;
  document_.fingerprint = fingerprint;
  result_.position_before = Brief(before_);
  ARROW_ASSIGN_OR_RAISE(auto options, ReaderOptionsOf(context_.project, pipeline_, table_, base_.get(),
                                                      context_.options.threads, context_.pool));
  ARROW_ASSIGN_OR_RAISE(reader_, json::TableReader::Open(std::move(options)));
  binding_ = std::make_unique<ColumnBinding>(base_.get());
  return Status::OK();
}

Status TableLoad::Read(const ReadOptions& options, std::stop_token stop) {
  progress_.phase = TablePhase::kReading;
  source::ReadRequest request{.table = table_.name, .from = context_.options.from, .to = context_.options.to};
  const bool anew = replaces_all() || options.from_beginning;
  if (!anew) request.state = before_.splits;
  if (anew) document_.splits.clear();
  if (options.parents != nullptr) {
    ARROW_ASSIGN_OR_RAISE(request.parents, options.parents->Open());
  }
  ARROW_RETURN_NOT_OK(OpenArchive());
  request.archive = archive_.get();
  ARROW_ASSIGN_OR_RAISE(splits_, source_.Plan(request, stop));
  for (const source::Split& split : splits_) {
    ARROW_ASSIGN_OR_RAISE(auto reader, source_.OpenSplit(request, split));
    while (!limited_) {
      FIRN_FAILPOINT("run.read");
      ARROW_ASSIGN_OR_RAISE(auto event, reader->Next(stop));
      if (!event) break;
      ARROW_RETURN_NOT_OK(OnEvent(split, std::move(*event), options));
    }
  }
  ARROW_RETURN_NOT_OK(reader_->Finish());
  finished_ = true;
  return Drain({});
}

Status TableLoad::OnEvent(const source::Split& split, source::Event event, const ReadOptions& options) {
  if (auto* batch = std::get_if<source::Batch>(&event)) return OnBatch(split, std::move(*batch), options);
  if (auto* idle = std::get_if<source::Progress>(&event)) return OnPosition(split.id, std::move(idle->position));
  if (auto* end = std::get_if<source::TransactionEnd>(&event)) return OnPosition(split.id, std::move(end->position));
  return MakeError(Fault::kBug, "this source sent an event that tables of this kind do not take");
}

Status TableLoad::OnPosition(const std::string& split, source::Position position) {
  if (in_flight_.empty()) {
    document_.Set(split, std::move(position));
    rows_past_position_ = 0;
  } else {
    in_flight_.back().split = split;
    in_flight_.back().position = std::move(position);
  }
  return Status::OK();
}

// Cuts a batch at --max-rows; true if it did.
bool TableLoad::LimitRows(source::JsonRows* rows) {
  const auto limit = context_.options.max_rows ? context_.options.max_rows : context_.project.limits.max_rows;
  if (!limit) return false;
  const int64_t left = std::max<int64_t>(0, *limit - result_.rows.read);
  if (static_cast<int64_t>(rows->rows.size()) <= left) return false;
  rows->rows.resize(static_cast<size_t>(left));
  limited_ = true;
  return true;
}

Status TableLoad::OnBatch(const source::Split& split, source::Batch batch, const ReadOptions& options) {
  auto* rows = std::get_if<source::JsonRows>(&batch.rows);
  if (rows == nullptr) return MakeError(Fault::kBug, "Arrow batches come with the database sources");
  if (LimitRows(rows)) batch.position.reset();
  result_.rows.read += static_cast<int64_t>(rows->rows.size());
  result_.rows.skipped += static_cast<int64_t>(rows->page->num_records()) - static_cast<int64_t>(rows->rows.size());
  ARROW_ASSIGN_OR_RAISE(source::JsonRows complete, WithConstants(std::move(*rows), context_.pool));
  ARROW_RETURN_NOT_OK(SpillParents(complete, options.children));
  in_flight_.push_back({.split = split.id,
                        .position = std::move(batch.position),
                        .deleted = std::move(complete.deleted),
                        .num_bytes = batch.num_bytes});
  ARROW_RETURN_NOT_OK(reader_->Push(std::move(complete.page), std::move(complete.rows), next_tag_++));
  progress_.bytes += batch.num_bytes;
  progress_.requests = source_.stats(table_.name).num_requests;
  return Drain(options);
}

Status TableLoad::SpillParents(const source::JsonRows& rows, ParentSpill* spill) {
  if (spill == nullptr) return Status::OK();
  for (const uint32_t row : rows.rows) {
    if (std::binary_search(rows.deleted.begin(), rows.deleted.end(), row)) continue;
    ARROW_RETURN_NOT_OK(spill->Append(rows.page->RecordText(row)));
  }
  return Status::OK();
}

Status TableLoad::Drain(const ReadOptions& options) {
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(auto decoded, reader_->Pop());
    if (!decoded) return Status::OK();
    ARROW_RETURN_NOT_OK(Consume(std::move(*decoded)));
    ARROW_RETURN_NOT_OK(MaybeCheckpoint(options));
  }
}

Status TableLoad::Consume(json::DecodedRows rows) {
  const InFlight info = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (rows.schema != nullptr && rows.schema != bound_) {
    ARROW_RETURN_NOT_OK(binding_->Bind(*rows.schema));
    bound_ = rows.schema;
    if (sink_ != nullptr) ARROW_RETURN_NOT_OK(sink_->SetSchema(binding_->table_schema()));
  }
  result_.rows.quarantined += static_cast<int64_t>(rows.quarantined.size());
  ARROW_RETURN_NOT_OK(quarantine_.Add(table_.name, rows.quarantined));
  if (rows.batch != nullptr && rows.batch->num_rows() > 0) {
    ARROW_ASSIGN_OR_RAISE(auto bound, binding_->Apply(*rows.batch, context_.loaded_at, context_.run_id, context_.pool));
    ARROW_RETURN_NOT_OK(OpenSink());
    std::shared_ptr<arrow::BooleanArray> deletes;
    if (!info.deleted.empty()) {
      ARROW_ASSIGN_OR_RAISE(deletes, DeleteFlags(rows.rows, info.deleted, context_.pool));
    }
    ARROW_ASSIGN_OR_RAISE(const RejectedRows rejected, sink_->Append(bound, deletes.get()));
    if (rejected != nullptr) {
      result_.rows.quarantined += rejected->num_rows();
      ARROW_RETURN_NOT_OK(quarantine_.Add(table_.name, *rejected, "the primary key is null"));
    }
    rows_since_commit_ += bound->num_rows();
    progress_.rows += bound->num_rows();
  }
  bytes_since_commit_ += info.num_bytes;
  rows_past_position_ += rows.batch == nullptr ? 0 : rows.batch->num_rows();
  if (info.position) {
    document_.Set(info.split, *info.position);
    rows_past_position_ = 0;
  }
  return Status::OK();
}

bool TableLoad::progress_is_safe() const {
  if (rows_past_position_ > 0 || replaces_all() || limited_ || context_.options.from || context_.options.to ||
      reader_->in_prefix())
    return false;
  if (table_.write_disposition != config::WriteDisposition::kAppend || !table_.parent.empty()) return false;
  return !splits_.empty() && std::all_of(splits_.begin(), splits_.end(), [](const source::Split& split) {
    return split.resumability == source::Resumability::kStable;
  });
}

Status TableLoad::MaybeCheckpoint(const ReadOptions& options) {
  if (!options.checkpoint || rows_since_commit_ == 0 || !progress_is_safe()) return Status::OK();
  const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(context_.clock.Steady() - last_commit_);
  const bool due =
      bytes_since_commit_ >= table_.write.commit_bytes || passed.count() >= table_.write.commit_interval_ms;
  return due ? options.checkpoint() : Status::OK();
}

Result<table::PartitionSpec> TableLoad::NewSpec() const {
  table::PartitionSpec spec;
  for (const auto& partition : table_.partition_by) {
    const schema::Field* column = binding_->table_schema()->Find(partition.column);
    if (column == nullptr) {
      return MakeError(Fault::kConfig, "partition_by names the column `" + partition.column + "`, which no row has",
                       {.code = "E0821",
                        .where = context_.project.WhereIs(table_.config_path + ".partition_by"),
                        .state = "nothing was committed",
                        .next = "firn preview " + table_.name});
    }
    using Source = config::PartitionConfig::Transform;
    using Kind = table::Transform::Kind;
    constexpr std::pair<Source, Kind> kKinds[] = {
        {Source::kIdentity, Kind::kIdentity}, {Source::kBucket, Kind::kBucket}, {Source::kTruncate, Kind::kTruncate},
        {Source::kYear, Kind::kYear},         {Source::kMonth, Kind::kMonth},   {Source::kDay, Kind::kDay},
        {Source::kHour, Kind::kHour}};
    table::PartitionField field{.source_id = column->id};
    field.field_id = table::kPartitionFieldIdBase + 1 + static_cast<int32_t>(spec.fields.size());
    field.transform.parameter = partition.argument;
    for (const auto& [from, to] : kKinds) {
      if (from == partition.transform) field.transform.kind = to;
    }
    const std::string transform = table::ToString(field.transform);
    field.name = field.transform.kind == Kind::kIdentity
                     ? column->name
                     : column->name + "_" + transform.substr(0, transform.find('['));
    spec.fields.push_back(std::move(field));
  }
  return spec;
}

std::string TableLoad::location() const {
  return base_ != nullptr ? base_->location : context_.catalog.DefaultLocation(identifier_);
}

// Files of runs that died. What cannot be removed now is tried again by the next run.
void TableLoad::CollectLeftovers() {
  const auto load = [this] { return context_.catalog.LoadTable(identifier_); };
  const auto garbage = table::CollectGarbage(context_.files, location(), load, context_.clock, {});
  if (!garbage.ok()) {
    log::Warn("files of earlier runs not collected",
              {{"table", result_.identifier}, {"reason", garbage.status().message()}});
  } else if (!garbage->files.empty()) {
    log::Info("files of earlier runs removed", {{"table", result_.identifier}, {"files", garbage->files.size()}});
  }
}

Status TableLoad::Close() {
  if (!staging_) return Status::OK();
  return staging_->End();
}

Status TableLoad::OpenArchive() {
  if (table_.raw.mode == config::RawConfig::Mode::kOff) return Status::OK();
  const io::RawArchivePlace place{
      .root = table_.raw.location, .pipeline = pipeline_.name, .table = table_.name, .run = context_.run_id};
  ARROW_ASSIGN_OR_RAISE(archive_, io::RawArchiveWriter::Open(context_.files, place));
  return Status::OK();
}

// Says which archived runs were committed, and how far: only those are read by `rederive`.
Status TableLoad::MarkArchived() {
  if (archive_ == nullptr) return Status::OK();
  const std::string folder = io::RawRunFolder(
      {.root = table_.raw.location, .pipeline = pipeline_.name, .table = table_.name, .run = context_.run_id});
  const ArchiveMark mark{.run = context_.run_id,
                         .from = state_hash_before_,
                         .to = opened_.version.hash,
                         .complete = finished_,
                         .anew = replaces_all()};
  return context_.files.WriteAtomic(folder + "/" + kArchiveMark, WriteArchiveMark(mark));
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
  options.target_file_bytes = table_.write.file_bytes_max;
  options.memory_bytes = context_.budget.total_bytes() / kWriterShare;
  options.threads = context_.options.threads;
  options.pool = context_.pool;
  options.clock = &context_.clock;
  if (base_ != nullptr) {
    options.spec = base_->default_spec();
  } else {
    ARROW_ASSIGN_OR_RAISE(options.spec, NewSpec());
  }
  if (table_.write_disposition == config::WriteDisposition::kMerge) {
    ARROW_ASSIGN_OR_RAISE(sink_, MakeMergeSink(context_.files, std::move(options), table_.primary_key,
                                               context_.budget.total_bytes() / kKeyShare));
  } else {
    ARROW_ASSIGN_OR_RAISE(sink_, MakeAppendSink(context_.files, std::move(options)));
  }
  return Status::OK();
}

// A replace that read nothing would silently empty the table.
Status TableLoad::CheckMayPublish(int64_t num_rows) const {
  const table::Snapshot* snapshot = base_ == nullptr ? nullptr : base_->CurrentSnapshot();
  if (!replaces_all() || num_rows > 0 || table_.allow_empty || snapshot == nullptr) return Status::OK();
  const auto total = snapshot->summary.find("total-records");
  if (total == snapshot->summary.end() || total->second == "0") return Status::OK();
  return MakeError(Fault::kContract,
                   "the source gave 0 rows and the table has " + total->second + "; it is not replaced",
                   {.code = "E0830",
                    .where = context_.project.WhereIs(table_.config_path),
                    .why = "an empty answer is more often a fault than the truth",
                    .state = "the table is unchanged",
                    .next = "set `allow_empty: true` for " + table_.name + " if the source really is empty"});
}

Result<std::optional<table::StagedTable>> TableLoad::Stage(bool at_end, std::stop_token stop) {
  progress_.phase = TablePhase::kWriting;
  FIRN_FAILPOINT("run.stage");
  if (archive_ != nullptr) ARROW_RETURN_NOT_OK(archive_->Sync());
  ARROW_ASSIGN_OR_RAISE(auto staged, StageTable(at_end, stop));
  if (at_end) AddWarnings();
  progress_.phase = TablePhase::kCommitting;
  return staged;
}

Result<std::optional<table::StagedTable>> TableLoad::StageTable(bool at_end, std::stop_token stop) {
  if (at_end) ARROW_RETURN_NOT_OK(CheckMayPublish(rows_since_commit_));
  const bool appends = table_.write_disposition == config::WriteDisposition::kAppend && !replaces_all();
  if (limited_ && appends && document_ == before_) {
    return MakeError(Fault::kConfig,
                     "--max-rows cut the reading where it cannot resume, so the rows would be appended again",
                     {.code = "E0831", .state = "nothing was committed", .next = "firn preview " + table_.name});
  }
  const bool keeps_position = context_.options.keep_position || context_.options.from || context_.options.to;
  const StreamDocument& positions = keeps_position || (limited_ && !replaces_all()) ? before_ : document_;
  if (sink_ == nullptr && (base_ == nullptr || (positions.splits == before_.splits && !replaces_all())))
    return std::nullopt;
  staged_ = {};
  const bool merges = table_.write_disposition == config::WriteDisposition::kMerge && !replaces_all();
  table::StagedTable out;
  if (sink_ != nullptr) {
    const catalog::LoadedTable* parent = merges && opened_.table ? &*opened_.table : nullptr;
    ARROW_ASSIGN_OR_RAISE(staged_, sink_->Finish(parent, stop));
  }
  out.identifier = identifier_;
  if (base_ != nullptr) {
    out.base = base_;
    if (binding_->changed()) out.new_schema = binding_->table_schema();
  } else {
    ARROW_ASSIGN_OR_RAISE(auto spec, NewSpec());
    out.create = table::CreateTable{.schema = *binding_->table_schema(), .spec = std::move(spec)};
  }
  out.mode = replaces_all()               ? table::WriteMode::kOverwriteAll
             : merges && base_ != nullptr ? table::WriteMode::kRowDelta
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
  out.stream_id = stream_id_;
  out.epoch = opened_.epoch;
  out.from = opened_.version;
  out.state = WriteStreamDocument(positions);
  out.run = context_.run_id;
  out.rows = rows_since_commit_;
  return out;
}

Status TableLoad::Committed(const table::CommittedTable* committed) {
  FIRN_FAILPOINT("run.committed");
  if (committed != nullptr) {
    opened_.table = committed->table;
    opened_.version = committed->version;
    base_ = committed->table.metadata;
    result_.snapshot_id = committed->snapshot_id.value;
    ++result_.num_commits;
    ++progress_.commits;
    result_.rows.appended += staged_.rows_appended;
    result_.rows.inserted += staged_.rows_inserted;
    result_.rows.updated += staged_.rows_updated;
    result_.rows.deleted += staged_.rows_deleted;
    result_.rows.duplicates += staged_.rows_superseded;
    result_.data_bytes += staged_.data_bytes;
    for (auto& change : binding_->TakeChanges()) result_.schema_changes.push_back(std::move(change));
    binding_ = std::make_unique<ColumnBinding>(base_.get());
    bound_.reset();
    sink_.reset();
  }
  ARROW_RETURN_NOT_OK(MarkArchived());
  rows_since_commit_ = 0;
  bytes_since_commit_ = 0;
  last_commit_ = context_.clock.Steady();
  progress_.phase = TablePhase::kReading;
  for (const source::Split& split : splits_) {
    for (const auto& [id, position] : document_.splits) {
      if (id == split.id) ARROW_RETURN_NOT_OK(source_.Acknowledge(table_.name, split, position));
    }
  }
  before_ = document_;
  return Status::OK();
}

void TableLoad::AddWarnings() {
  for (const auto& note : reader_->report().notes) {
    if (note.kind != json::InferenceNote::Kind::kSibling) continue;
    result_.warnings.push_back("some values of " + note.path + " have another type and are in column " + note.column +
                               "; declare it: columns: {" + note.path + ": {type: …}}");
  }
}

TableResult TableLoad::Outcome(const Status& error) const {
  TableResult out = result_;
  out.error = error;
  out.state = error.ok()                            ? TableState::kCompleted
              : FaultOf(error) == Fault::kCancelled ? TableState::kCancelled
                                                    : TableState::kFailed;
  out.requests = source_.stats(table_.name);
  out.position_after = Brief(before_);
  out.seconds = std::chrono::duration<double>(context_.clock.Steady() - started_).count();
  return out;
}

}  // namespace firn::pipeline
