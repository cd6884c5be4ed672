#include "pipeline/table_load.h"

#include <arrow/array/array_primitive.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/failpoint.h"
#include "base/log.h"
#include "config/relation.h"
#include "pipeline/adopt.h"
#include "pipeline/constant_columns.h"
#include "pipeline/delete_verdicts.h"
#include "pipeline/reread.h"
#include "pipeline/run_plan.h"
#include "pipeline/stream_owner.h"
#include "table/commit/writable.h"

namespace firn::pipeline {

namespace json = format::json;

namespace {

// Share of the memory for rows whose types are not decided.
constexpr int64_t kPrefixShare = 4;
// What is held of each file beside its rows while types are not decided: its page, their places, its position.
constexpr int64_t kHeldPerFile = 4096;

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
      stream_id_(StreamIdOf(pipeline, table) +
                 (context.options.backfill ? context.options.backfill->stream_suffix : "")),
      file_columns_(table),
      last_commit_(context.clock.Steady()),
      started_(context.clock.Steady()),
      newest_(table, context.clock.LogicalNow()) {
  result_.pipeline = pipeline.name;
  result_.table = table.name;
  result_.identifier = identifier_.ToString();
  const config::TableConfig* parent = table.replace_children ? pipeline.FindTable(table.parent) : nullptr;
  if (parent != nullptr) relation_ = config::RelationOf(table, *parent);
}

TableLoad::~TableLoad() = default;

bool TableLoad::replaces_all() const {
  return context_.options.full_refresh ||
         (table_.write_disposition == config::WriteDisposition::kReplace && !table_.overwrite_partitions);
}

bool TableLoad::replaces_partitions() const {
  return table_.overwrite_partitions && !replaces_all();
}

bool TableLoad::reads_anew() const {
  return replaces_all() || replaces_partitions();
}

Status TableLoad::Open() {
  ARROW_ASSIGN_OR_RAISE(opened_, context_.committer.OpenStreamOn(branch(), identifier_, stream_id_));
  base_ = opened_.table ? opened_.table->metadata : nullptr;
  if (base_ != nullptr) {
    ARROW_RETURN_NOT_OK(
        Within(identifier_.ToString(), table::CheckWritable(*base_, table_.format_version.value_or(0))));
    const std::string where = context_.project.WhereIs(table_.config_path);
    if (context_.options.command != "copy") {  // whose table is named on the command line, by hand
      ARROW_RETURN_NOT_OK(CheckNotForeign(*base_, identifier_.ToString(), where));
      if (!replaces_all()) ARROW_RETURN_NOT_OK(CheckNotRenamed(*base_, context_.project, pipeline_, table_));
    }
  }
  ARROW_RETURN_NOT_OK(Configure());
  ARROW_RETURN_NOT_OK(CheckWindow());
  state_hash_before_ = opened_.version.hash;
  CollectLeftovers();
  ARROW_ASSIGN_OR_RAISE(before_, ParseStreamDocument(opened_.state));
  ARROW_ASSIGN_OR_RAISE(const std::string fingerprint, FingerprintOf(context_.sources, pipeline_, table_));
  const bool other = !before_.fingerprint.empty() && before_.fingerprint != fingerprint;
  if (other && (!context_.options.full_refresh || context_.options.keep_position)) {
    return MakeError(
        Fault::kConfig,
        "cursor, key, disposition, paging, address or settings of the source changed since the last run, so its "
        "position means nothing",
        {.code = "E0812",
         .where = context_.project.WhereIs(table_.config_path),
         .why = "the position belongs to another request",
         .state = "nothing was changed",
         .next = NextOfOtherRequest(table_)});
  }
  if (other) before_ = {};
  document_ = before_;
  document_.fingerprint = fingerprint;
  if (merges() && !keeps_position()) {
    reread_ = RereadOf(table_, before_, context_.options.reconcile, context_.loaded_at);
  } else if (merges() && context_.options.replays && context_.options.replays->pass) {
    reread_ = source::Reread{.window_ms = context_.options.replays->window_ms};
  }
  result_.position_before = Brief(before_);
  result_.cursor_before = ShortPosition(before_);
  ARROW_ASSIGN_OR_RAISE(auto options, ReaderOptionsOf(context_.project, pipeline_, table_, configured_.table.get(),
                                                      context_.options.threads, context_.pool, row_types()));
  ARROW_RETURN_NOT_OK(AddExpectedTypes(source_, table_, &options));
  options.may_restart = true;
  options.prefix_held_bytes = std::min(options.prefix_held_bytes, context_.budget.total_bytes() / kPrefixShare);
  ARROW_ASSIGN_OR_RAISE(masks_, json::MaskTree::Make(options.masks));
  ARROW_ASSIGN_OR_RAISE(reader_, json::TableReader::Open(std::move(options)));
  binding_ = NewBinding();
  return Status::OK();
}

bool TableLoad::keeps_position() const {
  return context_.options.keep_position || context_.options.from || context_.options.to;
}

// Rows of a window of an append table come again with the next run, or came before.
Status TableLoad::CheckWindow() const {
  const RunOptions& options = context_.options;
  const bool window = (options.from || options.to) && !options.keep_position;
  const bool drops_repeated = table_.dedupe && !table_.dedupe->window_ms;
  if (!window || options.may_repeat_rows || replaces_all() || drops_repeated ||
      table_.write_disposition != config::WriteDisposition::kAppend)
    return Status::OK();
  return MakeError(Fault::kConfig, "--from and --to read rows that other runs read too, and an append keeps them twice",
                   {.code = "E0832",
                    .where = context_.project.WhereIs(table_.config_path),
                    .why = "the position does not move with --from or --to",
                    .state = "nothing was changed",
                    .next = "set a primary_key (write_disposition: merge), or add --yes to take the rows twice"});
}

Status TableLoad::Read(const ReadOptions& options, std::stop_token stop) {
  progress_.phase = TablePhase::kReading;
  source::ReadRequest request{.table = table_.name, .from = context_.options.from, .to = context_.options.to};
  const bool anew = reads_anew() || options.from_beginning;
  if (anew) reread_.reset();
  if (reread_) log::Info("reading again", {{"table", result_.identifier}});
  request.reread = reread_;
  result_.ordinary = !reread_;  // its counts say nothing of usual runs
  if (!anew) request.state = before_.splits;
  if (anew) document_.splits.clear();
  if (options.parents != nullptr) {
    ARROW_ASSIGN_OR_RAISE(request.parents, options.parents->Open());
  }
  ARROW_RETURN_NOT_OK(OpenArchive());
  request.archive = archive_.get();
  ARROW_ASSIGN_OR_RAISE(splits_, source_.Plan(request, stop));
  all_stable_ = !splits_.empty() && std::ranges::all_of(splits_, [](const source::Split& split) {
    return split.resumability == source::Resumability::kStable;
  });
  if (bodies_ != nullptr && options.checkpoint && commits_midway()) bodies_->HoldBack();
  for (const source::Split& split : splits_) {
    ARROW_ASSIGN_OR_RAISE(auto reader, source_.OpenSplit(request, split));
    while (!limited_) {
      FIRN_FAILPOINT("run.read");
      auto event = reader->Next(stop);
      source_ended_early_ = !event.ok();
      ARROW_RETURN_NOT_OK(event.status());
      if (!event->has_value()) break;
      ARROW_RETURN_NOT_OK(OnEvent(split, std::move(**event), options));
    }
  }
  ARROW_RETURN_NOT_OK(PushNames());
  ARROW_RETURN_NOT_OK(reader_->Finish());
  finished_ = true;
  if (reread_ || (table_.merge.reconcile && request.state.empty())) document_.reconciled = context_.loaded_at;
  return Drain({});
}

Status TableLoad::FinishInFlight() {
  if (!source_ended_early_ || in_prefix()) return Status::OK();
  const auto last = std::find_if(in_flight_.rbegin(), in_flight_.rend(),
                                 [](const InFlight& batch) { return batch.position || !batch.later.empty(); });
  ARROW_RETURN_NOT_OK(reader_->Finish());
  for (auto left = std::distance(last, in_flight_.rend()); left > 0; --left) {
    ARROW_ASSIGN_OR_RAISE(auto decoded, reader_->Pop());
    FIRN_CHECK(decoded.has_value());
    ARROW_RETURN_NOT_OK(Consume(std::move(*decoded)));
  }
  return Status::OK();
}

Status TableLoad::OnEvent(const source::Split& split, source::Event event, const ReadOptions& options) {
  if (auto* batch = std::get_if<source::Batch>(&event)) return OnBatch(split, std::move(*batch), options);
  if (auto* idle = std::get_if<source::Progress>(&event)) return OnPosition(split.id, std::move(idle->position));
  if (auto* parent = std::get_if<source::ParentRead>(&event)) return NameParent(*parent, options);
  if (auto* end = std::get_if<source::TransactionEnd>(&event)) return OnPosition(split.id, std::move(end->position));
  return MakeError(Fault::kBug, "this source sent an event that tables of this kind do not take");
}

Status TableLoad::OnPosition(const std::string& split, source::Position position) {
  if (!in_flight_.empty()) {
    in_flight_.back().later.emplace_back(split, std::move(position));
    in_flight_.back().num_bodies = num_bodies();
    return Status::OK();
  }
  bodies_covered_ = num_bodies();
  if (!guessed_.empty()) {
    guessed_.back().later.emplace_back(split, position);
    guessed_.back().num_bodies = bodies_covered_;
  }
  document_.Set(split, std::move(position));
  rows_past_position_ = 0;
  return ReleaseBodies();
}

// Cuts a batch at --max-rows; true if it did. Of an append all of it goes, because a row behind the last position would
// come again with the next run.
bool TableLoad::LimitRows(source::JsonRows* rows) {
  const auto limit = context_.options.max_rows ? context_.options.max_rows : context_.project.limits.max_rows;
  if (!limit) return false;
  const int64_t left = std::max<int64_t>(0, *limit - result_.rows.read);
  if (static_cast<int64_t>(rows->rows.size()) <= left) return false;
  const bool appends = table_.write_disposition == config::WriteDisposition::kAppend && !replaces_all();
  rows->rows.resize(appends ? 0 : static_cast<size_t>(left));
  limited_ = true;
  return true;
}

Status TableLoad::OnBatch(const source::Split& split, source::Batch batch, const ReadOptions& options) {
  auto* rows = std::get_if<source::JsonRows>(&batch.rows);
  if (rows == nullptr) {
    auto typed = std::get<std::shared_ptr<arrow::RecordBatch>>(std::move(batch.rows));
    return OnArrow(split, std::move(typed), std::move(batch), options);
  }
  if (fitting_ != nullptr) {
    return MakeError(Fault::kConfig, "some files of the table hold text, others Parquet",
                     {.code = "E0497", .state = "nothing of this file was loaded", .next = "make two tables of them"});
  }
  if (LimitRows(rows)) batch.position.reset();
  if (failpoint::SeededBug("state_before_flush") && batch.position && options.checkpoint && progress_is_safe()) {
    document_.Set(split.id, *batch.position);
    ARROW_RETURN_NOT_OK(options.checkpoint());
  }
  const std::string where = context_.project.WhereIs(table_.config_path + ".delete_when");
  if (table_.on_error == config::OnError::kFail) ARROW_RETURN_NOT_OK(CheckDecided(*rows, where));
  result_.rows.read += static_cast<int64_t>(rows->rows.size());
  ARROW_ASSIGN_OR_RAISE(source::JsonRows complete, WithConstants(std::move(*rows), context_.pool));
  std::vector<json::QuarantinedRow> undecided = TakeOutUndecided(masks_.get(), &complete);
  ARROW_RETURN_NOT_OK(SpillParents(complete, options.children));
  progress_.bytes += batch.num_bytes;
  ARROW_RETURN_NOT_OK(PushRows(split.id, std::move(complete), std::move(undecided), std::move(batch)));
  progress_.requests = source_.stats(table_.name).num_requests;
  return Drain(options);
}

// In pieces of `batch_rows`; the position belongs to the last, and so do rows that are not to come again.
Status TableLoad::PushRows(const std::string& split, source::JsonRows rows, std::vector<json::QuarantinedRow> undecided,
                           source::Batch batch) {
  if (batch.origin != nullptr && std::exchange(held_file_, split) != split) reader_->Hold(kHeldPerFile);
  const auto most = static_cast<size_t>(table_.write.batch_rows_max);
  for (size_t begin = 0; begin + most < rows.rows.size(); begin += most) {
    const auto from = rows.rows.begin() + static_cast<std::ptrdiff_t>(begin);
    in_flight_.push_back({.split = split,
                          .position = std::nullopt,
                          .deleted = rows.deleted,
                          .undecided = {},
                          .num_bytes = 0,
                          .origin = batch.origin});
    std::vector<uint32_t> piece(from, from + static_cast<std::ptrdiff_t>(most));
    ARROW_RETURN_NOT_OK(reader_->Push(rows.page, std::move(piece), next_tag_++));
  }
  if (rows.rows.size() > most) {
    const size_t left = (rows.rows.size() - 1) % most + 1;
    rows.rows.erase(rows.rows.begin(), rows.rows.end() - static_cast<std::ptrdiff_t>(left));
  }
  in_flight_.push_back({.split = split,
                        .position = std::move(batch.position),
                        .deleted = std::move(rows.deleted),
                        .undecided = std::move(undecided),
                        .num_bytes = batch.num_bytes,
                        .origin = std::move(batch.origin),
                        .num_bodies = num_bodies()});
  return reader_->Push(std::move(rows.page), std::move(rows.rows), next_tag_++);
}

Status TableLoad::SpillParents(const source::JsonRows& rows, ParentSpill* spill) {
  if (spill == nullptr) return Status::OK();
  std::string text;
  for (const uint32_t row : rows.rows) {
    if (std::ranges::binary_search(rows.deleted, row)) continue;
    text.clear();
    rows.page->AppendRecord(row, text);
    ARROW_RETURN_NOT_OK(spill->Append(text));
  }
  return Status::OK();
}

Status TableLoad::Drain(const ReadOptions& options) {
  for (;;) {
    auto decoded = PopDecoded();
    ARROW_RETURN_NOT_OK(decoded.status());
    if (*decoded && (*decoded)->restart) StartOver();
    if (!in_prefix()) ARROW_RETURN_NOT_OK(TypesAreDecided());
    if (!*decoded) return Status::OK();
    ARROW_RETURN_NOT_OK(Consume(std::move(**decoded)));
    ARROW_RETURN_NOT_OK(MaybeCheckpoint(options));
  }
}

// Forgets all rows so far: their types were guessed and they come again.
void TableLoad::StartOver() {
  log::Info("types were guessed wrong, starting over", {{"table", result_.identifier}, {"rows", rows_since_commit_}});
  sink_.reset();
  binding_ = NewBinding();
  bound_.reset();
  document_ = before_guess_;
  bodies_covered_ = bodies_covered_before_guess_;
  progress_.rows -= rows_since_commit_;
  result_.rows.quarantined = 0;
  counters_ = {};
  rows_since_commit_ = bytes_since_commit_ = rows_past_position_ = 0;
  in_flight_.insert(in_flight_.begin(), std::make_move_iterator(guessed_.begin()),
                    std::make_move_iterator(guessed_.end()));
  guessed_.clear();
  guessed_quarantined_.clear();
  guessed_rejected_.clear();
}

Status TableLoad::Consume(json::DecodedRows rows) {
  if (guessed_.empty() && in_prefix()) {
    before_guess_ = document_;
    bodies_covered_before_guess_ = bodies_covered_;
  }
  InFlight info = std::move(in_flight_.front());
  in_flight_.pop_front();
  rows.quarantined.insert(rows.quarantined.end(), info.undecided.begin(), info.undecided.end());
  if (info.origin != nullptr) ARROW_RETURN_NOT_OK(AddOrigin(*info.origin, &rows));
  if (rows.schema != nullptr && rows.schema != bound_) {
    ARROW_RETURN_NOT_OK(BindRows(rows));
  }
  if (info.names) {
    if (in_prefix()) guessed_.push_back(info);
    if (rows.batch == nullptr || rows.batch->num_rows() == 0) return Status::OK();
    ARROW_ASSIGN_OR_RAISE(auto bound, binding_->Apply(*rows.batch, context_.loaded_at, context_.run_id, context_.pool));
    return Name(bound);
  }
  result_.rows.quarantined += static_cast<int64_t>(rows.quarantined.size());
  counters_.duplicate_keys += rows.counters.duplicate_keys;
  counters_.sibling_values += rows.counters.sibling_values;
  counters_.discarded_values += rows.counters.discarded_values;
  counters_.deferred_values += rows.counters.deferred_values;
  ARROW_RETURN_NOT_OK(QuarantineRows(rows.quarantined));
  if (rows.batch != nullptr && rows.batch->num_rows() > 0) {
    ARROW_ASSIGN_OR_RAISE(auto bound, binding_->Apply(*rows.batch, context_.loaded_at, context_.run_id, context_.pool));
    ARROW_RETURN_NOT_OK(Append(info, bound, rows.rows));
    rows_since_commit_ += bound->num_rows();
    progress_.rows += bound->num_rows();
  }
  bytes_since_commit_ += info.num_bytes;
  rows_past_position_ += rows.batch == nullptr ? 0 : rows.batch->num_rows();
  if (info.position) document_.Set(info.split, *info.position);
  for (const auto& [split, position] : info.later) document_.Set(split, position);
  if (info.position || !info.later.empty()) {
    rows_past_position_ = 0;
    bodies_covered_ = info.num_bodies;
  }
  if (in_prefix()) guessed_.push_back(std::move(info));
  return ReleaseBodies();
}

Status TableLoad::Close() {
  if (bodies_ != nullptr && bodies_->has_unstaged()) AbandonBodies();
  if (!staging_) return Status::OK();
  return staging_->End();
}

TableResult TableLoad::Outcome(const Status& error) const {
  TableResult out = result_;
  out.error = error;
  out.state = error.ok()                            ? TableState::kCompleted
              : FaultOf(error) == Fault::kCancelled ? TableState::kCancelled
                                                    : TableState::kFailed;
  out.requests = source_.stats(table_.name);
  out.position_after = Brief(before_);
  out.cursor_after = ShortPosition(before_);
  out.fresh_to = newest_.committed();
  out.reconcile_pass = reread_.has_value();
  out.reconciled_at = before_.reconciled;
  out.next_pass = NextPass(table_, before_, context_.loaded_at);
  out.seconds = std::chrono::duration<double>(context_.clock.Steady() - started_).count();
  return out;
}

}  // namespace firn::pipeline
