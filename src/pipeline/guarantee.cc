#include "pipeline/guarantee.h"

#include <array>

namespace firn::pipeline {
namespace {

using config::WriteDisposition;
using Level = Guarantee::Level;

struct Rule {
  WriteDisposition disposition;
  bool incremental;
  bool keyed;
  Level level;
  const char* why;
};

// The first matching rule counts.
constexpr std::array kRules = {
    Rule{WriteDisposition::kReplace, false, false, Level::kExactlyOnce,
         "the table is rebuilt aside and published in one overwrite"},
    Rule{WriteDisposition::kMerge, true, true, Level::kEffectivelyOnceByKey,
         "a row read again is an upsert of its key; position and rows are one commit"},
    Rule{WriteDisposition::kMerge, false, true, Level::kEffectivelyOnceByKey,
         "a row read again is an upsert of its key"},
    Rule{WriteDisposition::kAppend, true, true, Level::kExactlyOnce,
         "position and rows are one commit; rows of the overlap are removed by key and content"},
    Rule{WriteDisposition::kAppend, true, false, Level::kExactlyOnce,
         "position and rows are one commit; rows of the overlap are removed by content"},
    Rule{WriteDisposition::kAppend, false, false, Level::kAtLeastOnce,
         "without a cursor every run reads everything and appends it again"},
};

const Rule& RuleOf(WriteDisposition disposition, bool incremental, bool keyed) {
  for (const Rule& rule : kRules) {
    if (rule.disposition != disposition) continue;
    if (disposition == WriteDisposition::kReplace) return rule;
    if (rule.incremental == incremental && (rule.keyed == keyed || !incremental)) return rule;
  }
  return kRules.back();
}

// What holds instead of a rule because of how rows are compared; null: the rule.
struct Comparison {
  Level level = Level::kEffectivelyOnceByKey;
  const char* why = nullptr;
};

Comparison ComparisonOf(const config::TableConfig& table) {
  using config::MergeStrategy;
  if (table.overwrite_partitions) {
    return {Level::kExactlyOnce, "the partitions of the load are replaced in one overwrite"};
  }
  if (table.dedupe && !table.dedupe->window_ms) {
    return {Level::kEffectivelyOnceByKey, "a row whose dedupe_key the table has is dropped"};
  }
  if (table.write_disposition != WriteDisposition::kMerge) return {};
  switch (table.merge.strategy) {
    case MergeStrategy::kUpsert:
      if (table.merge.sequence_by.empty()) return {};
      return {Level::kEffectivelyOnceByKey, "a row read again, or late, is not newer than that of its key"};
    case MergeStrategy::kInsertOnly:
      return {Level::kEffectivelyOnceByKey, "a row read again has a known key and is skipped"};
    case MergeStrategy::kDeleteInsert:
      return {Level::kEffectivelyOnceByKey, "rows read again replace those of their merge_key"};
    case MergeStrategy::kScd2:
      return {Level::kEffectivelyOnceByKey, "a row read again is no new version"};
  }
  return {};
}

// A row that moves to a page already read is missed, whatever its cursor is: no lookback of fixed length finds it.
const char* WhenPagesShift(WriteDisposition disposition) {
  switch (disposition) {
    case WriteDisposition::kMerge:
      return "a row can be missed until it changes again, none is doubled";
    case WriteDisposition::kReplace:
      return "a row can be missed or doubled until the next load";
    case WriteDisposition::kAppend:
      break;
  }
  return "a row can be missed or doubled";
}

}  // namespace

const char* ToString(Level level) {
  switch (level) {
    case Level::kExactlyOnce:
      return "exactly once";
    case Level::kEffectivelyOnceByKey:
      return "effectively once by key";
    case Level::kAtLeastOnce:
      return "at least once";
  }
  return "";
}

Guarantee GuaranteeOf(const config::TableConfig& table, const source::TableTraits& traits) {
  const Rule& rule = RuleOf(table.write_disposition, table.incremental.has_value(), !table.primary_key.empty());
  Guarantee guarantee{.level = rule.level, .why = rule.why};
  const Comparison comparison = ComparisonOf(table);
  // An append with a position is exact already; by its key it also drops what the source itself repeats.
  if (comparison.why != nullptr && !(table.dedupe && rule.level == Level::kExactlyOnce)) {
    guarantee = {.level = comparison.level, .why = comparison.why};
  }
  const bool appends = table.write_disposition == WriteDisposition::kAppend;
  if (!traits.why_once.empty() && appends) guarantee = {.level = Level::kExactlyOnce, .why = traits.why_once};
  if (!traits.guarantee_note.empty()) {
    if (table.write_disposition == WriteDisposition::kAppend) guarantee.level = Level::kAtLeastOnce;
    guarantee.why += "; but " + traits.guarantee_note + ": " + WhenPagesShift(table.write_disposition);
  }
  guarantee.keeps_progress = table.write_disposition == WriteDisposition::kAppend && table.parent.empty() &&
                             traits.resumability == source::Resumability::kStable;
  guarantee.progress_why = guarantee.keeps_progress && !traits.why_once.empty() ? "what was read of each file is known"
                           : guarantee.keeps_progress                           ? "rows come in the order of the cursor"
                           : table.write_disposition == WriteDisposition::kReplace ? "a replace publishes at its end"
                           : table.write_disposition == WriteDisposition::kMerge   ? "a merge commits at its end"
                           : !table.parent.empty() ? "parents and children commit together"
                                                   : "this paging cannot resume in the middle";
  return guarantee;
}

std::string GuaranteeTable() {
  std::string out = "| write disposition | incremental | primary key | guarantee | why |\n|---|---|---|---|---|\n";
  for (const Rule& rule : kRules) {
    const bool replace = rule.disposition == WriteDisposition::kReplace;
    out += "| " + std::string(config::ToString(rule.disposition)) + " | " +
           (replace            ? "any"
            : rule.incremental ? "yes"
                               : "no") +
           " | " +
           (replace            ? "any"
            : rule.keyed       ? "yes"
            : rule.incremental ? "no"
                               : "any") +
           " | " + ToString(rule.level) + " | " + rule.why + " |\n";
  }
  return out;
}

}  // namespace firn::pipeline
