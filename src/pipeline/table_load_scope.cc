// The part of TableLoad that knows of which rows a load speaks beyond those it has: what is not there is gone.
#include <arrow/compute/cast.h>
#include <arrow/record_batch.h>
#include <arrow/type.h>

#include <numeric>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/failpoint.h"
#include "base/log.h"
#include "config/relation.h"
#include "format/json/page.h"
#include "pipeline/column_naming.h"
#include "pipeline/merge_rules.h"
#include "pipeline/reread.h"
#include "pipeline/run_columns.h"
#include "pipeline/table_load.h"
#include "schema/arrow_mapping.h"

namespace firn::pipeline {

namespace {

constexpr size_t kNamesBytesMax = 1 << 20;  // of JSON text that waits

}  // namespace

bool TableLoad::merges() const {
  return table_.write_disposition == config::WriteDisposition::kMerge && !replaces_all();
}

// A key that this run does not give ends, so the run has to give all. A source with positions gives what is new.
bool TableLoad::lists_all() const {
  if (!merges() || !table_.merge.missing || table_.incremental) return false;
  if (context_.options.replays) return context_.options.replays->listed;
  return !keeps_position() && before_.splits.empty();
}

bool TableLoad::replaces_children() const {
  return merges() && !relation_.empty() && base_ != nullptr;
}

void TableLoad::AddDependant(TableLoad* child) {
  if (!child->relation_.empty()) dependants_.push_back(child);
}

LoadKind TableLoad::kind() const {
  LoadKind kind{.rereads = reread_ || lists_all() || replaces_children() || context_.options.backfill,
                .tells_gone = !dependants_.empty() && merges()};
  if (context_.options.backfill && table_.incremental) kind.older_than = table_.incremental->cursor;
  return kind;
}

Result<table::RetireScope> TableLoad::Scope(const schema::Schema& schema) {
  table::RetireScope scope;
  if (!merges() || base_ == nullptr) return scope;
  if (replaces_children()) {
    scope.kind = table::RetireScope::Kind::kNamed;
    for (const auto& [column, path] : relation_) {
      const schema::Field* field = ColumnOfKey(schema, column);
      if (field == nullptr || field->type->is_nested()) {
        return MakeError(Fault::kConfig, "no row has the column `" + column + "`, which says whose child it is",
                         {.code = "E0820",
                          .where = context_.project.WhereIs(table_.config_path + ".include"),
                          .state = "nothing was committed"});
      }
      scope.named.push_back(field->id);
    }
  } else if (lists_all()) {
    scope.kind = table::RetireScope::Kind::kAll;
  } else if (reread_ && table_.merge.missing) {
    PassScope pass = ScopeOfPass(table_, *reread_, schema, context_.loaded_at);
    scope = std::move(pass.scope);
    why_not_deleted_ = std::move(pass.why_none);
  }
  scope.sequence_max = base_->last_sequence_number;
  return scope;
}

// Why keys that this load does not have may still be at the source; empty: they are gone.
std::string TableLoad::WhyNotWhole() const {
  if (!finished_ || limited_) return "the reading was cut";
  const auto& replays = context_.options.replays;
  if (replays && !replays->listed && !replays->pass) return "the run that is repeated did not give all";
  const bool counts = !failpoint::SeededBug("delete_what_was_not_read");
  if (counts && result_.rows.quarantined > 0)
    return std::to_string(result_.rows.quarantined) + " rows went to quarantine";
  const source::ReadStats stats = source_.stats(table_.name);
  if (!replaces_children() && stats.num_empty > 0) {
    return std::to_string(stats.num_empty) + " requests had an answer that means `no rows`";
  }
  if (stats.num_skipped > 0)
    return std::to_string(stats.num_skipped) + " requests were skipped by a rule of `on_response`";
  if (stats.num_later_rows > 0) return std::to_string(stats.num_later_rows) + " rows were left for a later run";
  return why_not_deleted_;
}

Status TableLoad::ApproveDeletions(const table::MergeCounts& counts) const {
  const int64_t most = table_.merge.missing ? table_.merge.missing->percent_max : 100;
  const bool few =
      static_cast<double>(counts.retired) * 100 <= static_cast<double>(most) * static_cast<double>(counts.in_scope);
  if (counts.retired > 0) {
    log::Info("keys are missing at the source",
              {{"table", result_.identifier}, {"missing", counts.retired}, {"of", counts.in_scope}});
  }
  if (few || context_.options.may_delete_many) return Status::OK();
  return MakeError(Fault::kContract,
                   std::to_string(counts.retired) + " of " + std::to_string(counts.in_scope) +
                       " keys that the table has" + (reread_ && reread_->window_ms ? " in the window" : "") +
                       " are missing at the source, and at most " + std::to_string(most) + " % may be",
                   {.code = "E0874",
                    .where = context_.project.WhereIs(table_.config_path + ".deletes"),
                    .why = "an answer with a part missing is more often a fault than that many deletions",
                    .state = "the table is unchanged",
                    .next = "look at the source; if they are gone: firn run --select " + table_.name +
                            (context_.options.reconcile ? " --reconcile" : "") +
                            " --yes, or deletes: {mode: missing, max_percent: …}"});
}

// Of a parent row whose children were all given: its key, as the children's columns have it.
Status TableLoad::NameParent(const source::ParentRead& parent, const ReadOptions& options) {
  if (!replaces_children()) return Status::OK();
  std::string row;
  for (const auto& [column, path] : relation_) {
    for (const auto& [name, json] : parent.constants) {
      if (name == column) row += (row.empty() ? "{" : ",") + nlohmann::json(name).dump() + ":" + json;
    }
  }
  if (row.empty()) return Status::OK();
  names_ += (names_.empty() ? "" : ",") + row + "}";
  if (names_.size() < kNamesBytesMax) return Status::OK();
  ARROW_RETURN_NOT_OK(PushNames());
  return Drain(options);
}

Status TableLoad::PushNames() {
  if (names_.empty()) return Status::OK();
  format::json::PageOptions options;
  options.layout = format::json::PageLayout::kDocument;
  options.pool = context_.pool;
  const std::string text = "[" + std::exchange(names_, {}) + "]";
  ARROW_ASSIGN_OR_RAISE(auto page, format::json::Page::Parse(std::string_view(text), options));
  std::vector<uint32_t> rows(page->num_records());
  std::iota(rows.begin(), rows.end(), 0);
  in_flight_.push_back({.names = true});
  return reader_->Push(std::move(page), std::move(rows), next_tag_++);
}

Status TableLoad::Name(const std::shared_ptr<arrow::RecordBatch>& batch) {
  ARROW_RETURN_NOT_OK(OpenSink());
  return sink_->Name(batch);
}

// Rows of the parent that are gone take their children along. `keys`: the columns of the parent's key, in its order.
Status TableLoad::NameGone(const std::shared_ptr<arrow::RecordBatch>& keys) {
  // The committer plans a parent again after its children were decided: then these were named before.
  if (!replaces_children() || decided_ || keys->num_rows() == 0) return Status::OK();
  ARROW_RETURN_NOT_OK(OpenWithoutRows());
  std::vector<std::shared_ptr<arrow::Field>> fields;
  std::vector<std::shared_ptr<arrow::Array>> columns;
  for (size_t i = 0; i < relation_.size(); ++i) {
    const schema::Field* field = ColumnOfKey(*binding_->table_schema(), relation_[i].first);
    if (field == nullptr) return Status::OK();
    schema::Field optional = *field;
    optional.required = false;
    fields.push_back(schema::ToArrowSchema({.fields = {optional}})->field(0));
    const auto& values = keys->column(static_cast<int>(i));
    auto cast = arrow::compute::Cast(*values, fields.back()->type());
    if (!cast.ok()) {
      return MakeError(Fault::kConfig,
                       "the column `" + field->name + "` cannot be compared with the parent's `" + relation_[i].second +
                           "`: " + cast.status().message(),
                       {.code = "E0875",
                        .where = context_.project.WhereIs(table_.config_path + ".replace_children"),
                        .state = "nothing was committed",
                        .next = "declare both of one type under `columns:`"});
    }
    columns.push_back(std::move(*cast));
  }
  return sink_->Name(arrow::RecordBatch::Make(arrow::schema(std::move(fields)), keys->num_rows(), std::move(columns)));
}

// A load without a row can still say that rows are gone.
Status TableLoad::OpenWithoutRows() {
  if (sink_ != nullptr) return Status::OK();
  if (bound_ == nullptr) {
    const schema::Schema known = WithoutRunColumns(*binding_->table_schema(), OwnColumns(table_));
    ARROW_RETURN_NOT_OK(binding_->Bind(known));
  }
  return OpenSink();
}

}  // namespace firn::pipeline
