#include "pipeline/checks.h"

#include <arrow/array/array_base.h>
#include <arrow/array/array_primitive.h>
#include <arrow/record_batch.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "config/value_text.h"
#include "pipeline/column_naming.h"
#include "query/result_format.h"
#include "query/sql_text.h"
#include "table/commit/ancestry.h"
#include "table/metadata/live_rows.h"

namespace firn::pipeline {
namespace {

using config::CheckConfig;
using Kind = CheckConfig::Kind;

constexpr int kStatesCounted = 10;

std::string Rows(int64_t count) {
  return std::to_string(count) + (count == 1 ? " row" : " rows");
}

std::string TableName(const catalog::TableIdentifier& table) {
  std::string name;
  for (const std::string& part : table.ns) name += query::QuoteName(part) + ".";
  return name + query::QuoteName(table.name);
}

// Numbers as numbers, all else as text that DuckDB casts to the column's type.
std::string BoundText(const std::string& bound) {
  double number = 0;
  const auto parsed = std::from_chars(bound.data(), bound.data() + bound.size(), number);
  const bool is_number = parsed.ec == std::errc() && parsed.ptr == bound.data() + bound.size() &&
                         bound.find_first_not_of("+-.0123456789eE") == std::string::npos;
  return is_number ? bound : query::QuoteText(bound);
}

std::string Condition(const CheckConfig& check, const std::string& column) {
  if (check.kind == Kind::kNotNull) return column + " IS NULL";
  if (check.kind == Kind::kAcceptedValues) {
    std::string list;
    for (const std::string& value : check.values) list += (list.empty() ? "" : ", ") + query::QuoteText(value);
    return column + " IS NOT NULL AND CAST(" + column + " AS VARCHAR) NOT IN (" + list + ")";
  }
  std::string condition;
  if (check.min) condition = column + " < " + BoundText(*check.min);
  if (check.max) condition += (condition.empty() ? "" : " OR ") + column + " > " + BoundText(*check.max);
  return condition;
}

std::string UniqueSql(const std::string& table, const std::vector<std::string>& columns) {
  std::string keys, present;
  for (const std::string& column : columns) {
    keys += (keys.empty() ? "" : ", ") + query::QuoteName(column);
    present += (present.empty() ? "" : " AND ") + query::QuoteName(column) + " IS NOT NULL";
  }
  return "SELECT CAST(coalesce(sum(n - 1), 0) AS BIGINT) FROM (SELECT count(*) AS n FROM " + table + " WHERE " +
         present + " GROUP BY " + keys + " HAVING count(*) > 1)";
}

// One check of a run.
class CheckRun {
 public:
  CheckRun(const CheckConfig& check, const CheckedTable& table, query::Session& session, const Clock& clock,
           std::stop_token stop)
      : check_(check), table_(table), session_(session), clock_(clock), stop_(std::move(stop)) {}

  Result<CheckResult> Run() {
    const Status judged = Judge();
    if (judged.ok()) return result_;
    if (FaultOf(judged) == Fault::kCancelled) return judged;
    const ErrorContext* context = ContextOf(judged);
    if (context != nullptr && context->code == "E0701") return judged;
    // What DuckDB says while it runs may quote a value; what it says of names and types cannot.
    const bool quotes = context == nullptr || context->code == "E0708" || FaultOf(judged) == Fault::kBadData;
    result_.finding = "cannot be run: " + (quotes ? std::string("the query failed") : judged.message());
    if (!quotes && !context->why.empty()) result_.finding += " (" + context->why + ")";
    return result_;
  }

 private:
  Status Judge() {
    result_ = {.name = check_.name, .blocks = check_.on_failure == CheckConfig::OnFailure::kFail};
    if (check_.kind == Kind::kSql) return JudgeQuery();
    std::vector<std::string> columns;
    for (const std::string& path : check_.columns) {
      const schema::Field* column = ColumnOfKey(*table_.schema, path);
      if (column == nullptr) return MakeError(Fault::kConfig, "the table has no column " + path, {.code = "E0912"});
      columns.push_back(column->name);
    }
    ARROW_ASSIGN_OR_RAISE(const auto number, Number(SqlOfCheck(check_, table_.identifier, columns)));
    if (check_.kind == Kind::kRowCount) return JudgeCount(number.value_or(0));
    if (check_.kind == Kind::kFreshness) return JudgeAge(number);
    result_.bad_rows = number.value_or(0);
    result_.passed = *result_.bad_rows == 0;
    if (!result_.passed) result_.finding = Rows(*result_.bad_rows);
    return Status::OK();
  }

  Status JudgeQuery() {
    ARROW_ASSIGN_OR_RAISE(auto rows, session_.Run(check_.sql, stop_));
    int64_t count = 0;
    while (true) {
      ARROW_ASSIGN_OR_RAISE(const auto batch, rows->Next(stop_));
      if (batch == nullptr) break;
      count += batch->num_rows();
    }
    result_.bad_rows = count;
    result_.passed = count == 0;
    if (!result_.passed) result_.finding = Rows(count);
    return Status::OK();
  }

  Status JudgeCount(int64_t rows) {
    if (check_.rows_min && rows < *check_.rows_min) {
      result_.finding = Rows(rows) + ", at least " + std::to_string(*check_.rows_min) + " wanted";
    } else if (check_.rows_max && rows > *check_.rows_max) {
      result_.finding = Rows(rows) + ", at most " + std::to_string(*check_.rows_max) + " wanted";
    } else if (check_.change_percent_max && table_.usual_rows) {
      const int64_t usual = *table_.usual_rows;
      const double percent =
          100.0 * std::abs(static_cast<double>(rows - usual)) / static_cast<double>(std::max<int64_t>(usual, 1));
      if (percent > static_cast<double>(*check_.change_percent_max)) {
        result_.finding = Rows(rows) + ", " + std::to_string(usual) + " are usual, at most " +
                          std::to_string(*check_.change_percent_max) + " % of change wanted";
      }
    }
    result_.passed = result_.finding.empty();
    return Status::OK();
  }

  Status JudgeAge(const std::optional<int64_t>& newest_micros) {
    const int64_t age_ms = newest_micros ? (clock_.LogicalNow().micros - *newest_micros) / 1000 : 0;
    if (!newest_micros) {
      result_.finding = "no row has a value";
    } else if (age_ms > check_.age_ms_max) {
      result_.finding = "the newest row is " + std::to_string(age_ms / 1000) + " s old, at most " +
                        std::to_string(check_.age_ms_max / 1000) + " s wanted";
    }
    result_.passed = result_.finding.empty();
    return Status::OK();
  }

  Result<std::optional<int64_t>> Number(const std::string& sql) {
    ARROW_ASSIGN_OR_RAISE(auto rows, session_.Run(sql, stop_));
    ARROW_ASSIGN_OR_RAISE(const auto batch, rows->Next(stop_));
    if (batch == nullptr || batch->num_rows() != 1 || batch->column(0)->IsNull(0)) return std::nullopt;
    if (batch->column(0)->type_id() != arrow::Type::INT64) return MakeError(Fault::kBug, "a check is no number");
    return static_cast<const arrow::Int64Array&>(*batch->column(0)).Value(0);
  }

  const CheckConfig& check_;
  const CheckedTable& table_;
  query::Session& session_;
  const Clock& clock_;
  const std::stop_token stop_;
  CheckResult result_;
};

}  // namespace

std::string SqlOfCheck(const CheckConfig& check, const catalog::TableIdentifier& table,
                       const std::vector<std::string>& columns) {
  const std::string name = TableName(table);
  if (check.kind == Kind::kUnique) return UniqueSql(name, columns);
  if (check.kind == Kind::kRowCount) return "SELECT count(*) FROM " + name;
  const std::string column = query::QuoteName(columns.at(0));
  if (check.kind == Kind::kFreshness) {
    return "SELECT epoch_us(CAST(max(" + column + ") AS TIMESTAMPTZ)) FROM " + name;
  }
  return "SELECT count(*) FROM " + name + " WHERE " + Condition(check, column);
}

std::optional<int64_t> UsualRows(const table::TableMetadata& metadata, const std::string& run) {
  std::vector<int64_t> counts;
  for (const table::Snapshot* snapshot : table::AncestryOfMain(metadata).snapshots) {
    const auto own = snapshot->summary.find("firn.run");
    if (own != snapshot->summary.end() && own->second == run) continue;
    const auto operation = snapshot->summary.find("operation");
    if (operation != snapshot->summary.end() && operation->second == "replace") continue;
    if (const auto rows = table::LiveRows(*snapshot)) counts.push_back(*rows);
    if (counts.size() == kStatesCounted) break;
  }
  if (counts.empty()) return std::nullopt;
  const auto middle = counts.begin() + static_cast<std::ptrdiff_t>(counts.size() / 2);
  std::nth_element(counts.begin(), middle, counts.end());
  return *middle;
}

Result<std::vector<CheckResult>> RunChecks(const std::vector<CheckConfig>& checks, const CheckedTable& table,
                                           query::Session& session, const Clock& clock, std::stop_token stop) {
  std::vector<CheckResult> results;
  for (const CheckConfig& check : checks) {
    ARROW_ASSIGN_OR_RAISE(auto result, CheckRun(check, table, session, clock, stop).Run());
    results.push_back(std::move(result));
  }
  return results;
}

}  // namespace firn::pipeline
