#include "pipeline/merge_rules.h"

#include <string_view>
#include <utility>

#include "pipeline/column_naming.h"
#include "pipeline/run_columns.h"
#include "pipeline/system_columns.h"

namespace firn::pipeline {
namespace {

using config::Deletes;
using config::MergeStrategy;
using config::WriteDisposition;

/// Finds the columns of one table.
class Columns {
 public:
  Columns(const config::TableConfig& table, const schema::Schema& schema, const config::Project& project)
      : table_(table), schema_(schema), project_(project) {}

  /// `path`: of the source. `setting`: that names it.
  Result<const schema::Field*> Named(const std::string& path, std::string_view setting) const {
    const schema::Field* field = ColumnOfKey(schema_, path);
    if (field != nullptr && !field->type->is_nested()) return field;
    return MakeError(
        Fault::kConfig,
        field == nullptr ? "no row has the column `" + path + "`" : "the column `" + path + "` is no plain value",
        {.code = "E0820",
         .where = project_.WhereIs(table_.config_path + "." + std::string(setting)),
         .why = "`" + std::string(setting) + "` compares rows by it",
         .state = "nothing was committed",
         .next = "firn preview " + table_.name});
  }

  Result<std::vector<int32_t>> Ids(const std::vector<std::string>& paths, std::string_view setting) const {
    std::vector<int32_t> ids;
    for (const std::string& path : paths) {
      ARROW_ASSIGN_OR_RAISE(const schema::Field* field, Named(path, setting));
      ids.push_back(field->id);
    }
    return ids;
  }

  /// A column that firn adds.
  int32_t Added(const std::string& name) const {
    const schema::Field* field = schema_.Find(name);
    FIRN_CHECK(field != nullptr);
    return field->id;
  }

  void Require(const std::vector<std::string>& paths, const std::string& role, MergeRules* rules) const {
    for (const std::string& path : paths) {
      const schema::Field* field = ColumnOfKey(schema_, path);
      rules->required.push_back({.name = field == nullptr ? path : field->name, .role = role});
    }
  }

 private:
  const config::TableConfig& table_;
  const schema::Schema& schema_;
  const config::Project& project_;
};

Result<table::MergeStrategyPtr> UpsertOf(const config::TableConfig& table, const LoadKind& kind, const Columns& columns,
                                         Timestamp now) {
  const config::MergeConfig& merge = table.merge;
  const std::string& sequence = merge.sequence_by.empty() ? kind.older_than : merge.sequence_by;
  const bool plain = sequence.empty() && merge.deletes == Deletes::kHard && !merge.missing && !table.replace_children;
  if (plain && !kind.rereads && !kind.tells_gone) return nullptr;
  table::UpsertRules rules{.now_micros = now.micros, .skips_unchanged = kind.rereads};
  if (!sequence.empty()) {
    ARROW_ASSIGN_OR_RAISE(const schema::Field* field,
                          columns.Named(sequence, merge.sequence_by.empty() ? "incremental.cursor" : "sequence_by"));
    rules.sequence_field_id = field->id;
  }
  if (merge.deletes == Deletes::kSoft) rules.deleted_at_field_id = columns.Added(merge.deleted_at);
  for (const schema::Field& field : SystemFields(table.system_columns)) {
    rules.untracked.push_back(columns.Added(field.name));
  }
  return table::MakeUpsert(rules);
}

Result<table::MergeStrategyPtr> HistoryOf(const config::TableConfig& table, const Columns& columns, Timestamp now) {
  const config::HistoryConfig& history = table.merge.history;
  table::HistoryRules rules{.valid_from = columns.Added(history.valid_from),
                            .valid_to = columns.Added(history.valid_to),
                            .is_current = columns.Added(history.is_current),
                            .surrogate = columns.Added(history.surrogate_key),
                            .now_micros = now.micros};
  ARROW_ASSIGN_OR_RAISE(rules.untracked, columns.Ids(table.primary_key, "primary_key"));
  if (!history.changed_at.empty()) {
    ARROW_ASSIGN_OR_RAISE(const schema::Field* field, columns.Named(history.changed_at, "scd2.changed_at"));
    rules.changed_at = field->id;
    rules.untracked.push_back(field->id);
  }
  for (const schema::Field& field : OwnColumns(table)) rules.untracked.push_back(columns.Added(field.name));
  for (const std::string& path : history.track) {
    ARROW_ASSIGN_OR_RAISE(const auto ids, columns.Ids({path}, "scd2.track"));
    rules.tracked.push_back(ids.front());
  }
  return table::MakeHistory(std::move(rules));
}

Result<table::MergeStrategyPtr> DedupeOf(const config::DedupeConfig& dedupe, const schema::Schema& schema,
                                         const Columns& columns) {
  table::DedupeRules rules;
  if (dedupe.window_ms) {
    const schema::Field* field = schema.Find(kLoadedAtColumn);
    if (!dedupe.by.empty()) {
      ARROW_ASSIGN_OR_RAISE(field, columns.Named(dedupe.by, "dedupe_by"));
    }
    FIRN_CHECK(field != nullptr);
    rules = {.time_field_id = field->id, .time_type = field->type, .window_micros = *dedupe.window_ms * 1000};
  }
  return table::MakeDedupe(std::move(rules));
}

std::vector<std::string> Names(const schema::Schema& schema, const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) {
    const schema::Field* field = ColumnOfKey(schema, path);
    names.push_back(field == nullptr ? path : field->name);
  }
  return names;
}

}  // namespace

bool ComparesRows(const config::TableConfig& table) {
  return table.write_disposition == WriteDisposition::kMerge || table.dedupe.has_value();
}

std::vector<schema::Field> OwnColumns(const config::TableConfig& table) {
  std::vector<schema::Field> columns = SettingColumns(table);
  for (schema::Field& field : SystemFields(table.system_columns)) columns.push_back(std::move(field));
  return columns;
}

std::vector<schema::Field> SettingColumns(const config::TableConfig& table) {
  if (table.write_disposition != WriteDisposition::kMerge) return {};
  const config::MergeConfig& merge = table.merge;
  if (merge.strategy == MergeStrategy::kScd2) {
    return {{.name = merge.history.valid_from, .type = schema::TimestampTz()},
            {.name = merge.history.valid_to, .type = schema::TimestampTz()},
            {.name = merge.history.is_current, .type = schema::Boolean()},
            {.name = merge.history.surrogate_key, .type = schema::String()}};
  }
  if (merge.deletes == Deletes::kSoft) return {{.name = merge.deleted_at, .type = schema::TimestampTz()}};
  return {};
}

Result<table::RowLevelMode> RowLevelModeOf(const config::TableConfig& table, const table::TableMetadata* base,
                                           const MergeRules& rules, const config::Project& project) {
  using table::RowLevelMode;
  if (table.write_disposition != WriteDisposition::kMerge) return RowLevelMode::kMergeOnRead;
  if (table.merge.mode) {
    const bool copies = *table.merge.mode == config::MergeMode::kCopyOnWrite;
    return copies ? RowLevelMode::kCopyOnWrite : RowLevelMode::kMergeOnRead;
  }
  const bool removes = table.merge.strategy != MergeStrategy::kInsertOnly;
  if (base == nullptr || !removes) return RowLevelMode::kMergeOnRead;
  ARROW_ASSIGN_OR_RAISE(const auto asked, table::RowLevelModeOf(base->properties));
  if (!asked || asked->mode == RowLevelMode::kMergeOnRead) return RowLevelMode::kMergeOnRead;
  if (rules.strategy == nullptr) return RowLevelMode::kCopyOnWrite;
  return MakeError(Fault::kConfig, "the table asks for copy-on-write, which these merge settings cannot do",
                   {.code = "E0829",
                    .where = project.WhereIs(table.config_path),
                    .why = "its property " + asked->property +
                           " is copy-on-write; only `merge_strategy: upsert` without "
                           "`sequence_by` and with hard deletes writes files again",
                    .state = "nothing was committed",
                    .next = "write `merge_mode: merge_on_read` at the table if its readers apply deletes"});
}

Result<MergeRules> MergeRulesOf(const config::TableConfig& table, const schema::Schema& schema, Timestamp now,
                                const config::Project& project, const LoadKind& kind) {
  const Columns columns(table, schema, project);
  MergeRules rules;
  if (table.dedupe) {
    ARROW_ASSIGN_OR_RAISE(const auto ids, columns.Ids(table.dedupe->key, "dedupe_key"));
    FIRN_CHECK(!ids.empty());
    rules.key = Names(schema, table.dedupe->key);
    ARROW_ASSIGN_OR_RAISE(rules.strategy, DedupeOf(*table.dedupe, schema, columns));
    return rules;
  }
  const config::MergeConfig& merge = table.merge;
  rules.key = Names(schema, table.primary_key);
  columns.Require(table.primary_key, "primary key", &rules);
  switch (merge.strategy) {
    case MergeStrategy::kUpsert: {
      ARROW_ASSIGN_OR_RAISE(rules.strategy, UpsertOf(table, kind, columns, now));
      if (!merge.sequence_by.empty()) {
        columns.Require({merge.sequence_by}, "sequence", &rules);
      } else if (!kind.older_than.empty()) {
        columns.Require({kind.older_than}, "cursor", &rules);
      }
      return rules;
    }
    case MergeStrategy::kInsertOnly:
      rules.strategy = table::MakeInsertOnly();
      return rules;
    case MergeStrategy::kDeleteInsert: {
      ARROW_ASSIGN_OR_RAISE(auto merge_key, columns.Ids(merge.merge_key, "merge_key"));
      ARROW_ASSIGN_OR_RAISE(auto primary_key, columns.Ids(table.primary_key, "primary_key"));
      columns.Require(merge.merge_key, "merge key", &rules);
      rules.strategy = table::MakeDeleteInsert(std::move(merge_key), std::move(primary_key));
      return rules;
    }
    case MergeStrategy::kScd2: {
      ARROW_ASSIGN_OR_RAISE(rules.strategy, HistoryOf(table, columns, now));
      if (!merge.history.changed_at.empty()) columns.Require({merge.history.changed_at}, "changed_at", &rules);
      return rules;
    }
  }
  return rules;
}

}  // namespace firn::pipeline
