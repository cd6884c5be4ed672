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
  if (!traits.guarantee_note.empty() && rule.level == Level::kExactlyOnce &&
      table.write_disposition == WriteDisposition::kAppend) {
    guarantee.level = Level::kAtLeastOnce;
    guarantee.why = traits.guarantee_note;
  }
  guarantee.keeps_progress = table.write_disposition == WriteDisposition::kAppend && table.parent.empty() &&
                             traits.resumability == source::Resumability::kStable;
  guarantee.progress_why = guarantee.keeps_progress ? "rows come in the order of the cursor"
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
