#include <algorithm>
#include <array>

#include "config/fields.h"
#include "config/lowering.h"

namespace firn::config {
namespace {

using Kind = CheckConfig::Kind;

constexpr std::array kKinds = {"not_null", "unique", "accepted_values", "range", "row_count", "freshness", "sql"};

std::string Joined(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
  return text;
}

std::optional<std::string> OptionalText(const ObjectView& view, std::string_view name) {
  if (!view.Has(name)) return std::nullopt;
  return view.Text(name);
}

class CheckLowering {
 public:
  CheckLowering(const ObjectView& view, std::string path, bool audit, const LoweringContext& context)
      : view_(view), context_(context) {
    check_.config_path = std::move(path);
    check_.on_failure = audit ? CheckConfig::OnFailure::kFail : CheckConfig::OnFailure::kWarn;
    if (view.Has("on_failure")) {
      check_.on_failure =
          view.Text("on_failure") == "warn" ? CheckConfig::OnFailure::kWarn : CheckConfig::OnFailure::kFail;
    }
  }

  void Lower(std::vector<CheckConfig>& out) {
    const auto given = std::count_if(kKinds.begin(), kKinds.end(), [&](const char* kind) { return view_.Has(kind); });
    if (given != 1) {
      Error(given == 0 ? "the check says nothing to check" : "a check has exactly one kind").help =
          "one of not_null, unique, accepted_values, range, row_count, freshness, sql per list item";
      return;
    }
    if (view_.Has("not_null")) return LowerNotNull(out);
    if (view_.Has("unique")) LowerUnique();
    if (view_.Has("accepted_values")) LowerValues();
    if (view_.Has("range")) LowerRange();
    if (view_.Has("row_count")) LowerRowCount();
    if (view_.Has("freshness")) LowerFreshness();
    if (view_.Has("sql")) LowerSql();
    if (view_.Has("name")) check_.name = view_.Text("name");
    out.push_back(std::move(check_));
  }

 private:
  Diagnostic& Error(std::string message) { return context_.Error("E0422", check_.config_path, std::move(message)); }

  // One check per column, so that a failure names the column.
  void LowerNotNull(std::vector<CheckConfig>& out) {
    const std::vector<std::string> columns = view_.TextList("not_null");
    for (const std::string& column : columns) {
      CheckConfig check = check_;
      check.columns = {column};
      check.name = "not_null(" + column + ")";
      if (view_.Has("name")) check.name = view_.Text("name") + (columns.size() > 1 ? "(" + column + ")" : "");
      out.push_back(std::move(check));
    }
  }

  void LowerUnique() {
    check_.kind = Kind::kUnique;
    check_.columns = view_.TextList("unique");
    check_.name = "unique(" + Joined(check_.columns) + ")";
  }

  void LowerValues() {
    const ObjectView values = view_.Object("accepted_values");
    check_.kind = Kind::kAcceptedValues;
    check_.columns = {values.Text("column")};
    check_.values = values.TextList("values");
    check_.name = "accepted_values(" + check_.columns[0] + ")";
  }

  void LowerRange() {
    const ObjectView range = view_.Object("range");
    check_.kind = Kind::kRange;
    check_.columns = {range.Text("column")};
    check_.min = OptionalText(range, "min");
    check_.max = OptionalText(range, "max");
    check_.name = "range(" + check_.columns[0] + ")";
    if (!check_.min && !check_.max) Error("a range needs `min` or `max`").help = "range: {column: total, min: 0}";
  }

  void LowerRowCount() {
    const ObjectView count = view_.Object("row_count");
    check_.kind = Kind::kRowCount;
    check_.rows_min = count.OptionalInt("min");
    check_.rows_max = count.OptionalInt("max");
    check_.change_percent_max = count.OptionalInt("change_percent");
    check_.name = "row_count";
    if (!check_.rows_min && !check_.rows_max && !check_.change_percent_max) {
      Error("row_count needs `min`, `max` or `change_percent`").help = "row_count: {min: 1, change_percent: 50}";
    }
  }

  void LowerFreshness() {
    const ObjectView freshness = view_.Object("freshness");
    check_.kind = Kind::kFreshness;
    check_.columns = {freshness.Text("column")};
    check_.age_ms_max = freshness.Int("max_age");
    check_.name = "freshness(" + check_.columns[0] + ")";
  }

  void LowerSql() {
    check_.kind = Kind::kSql;
    check_.sql = view_.Text("sql");
    check_.name = "sql";
  }

  const ObjectView& view_;
  const LoweringContext& context_;
  CheckConfig check_;
};

}  // namespace

std::vector<CheckConfig> LowerChecks(const ObjectView& table, const std::string& path, bool audit,
                                     const LoweringContext& context) {
  std::vector<CheckConfig> checks;
  const Node* list = table.Find("checks");
  if (list == nullptr) return checks;
  for (size_t i = 0; i < list->items.size(); ++i) {
    const ObjectView view(&list->items[i], *CheckType());
    CheckLowering(view, path + "." + std::to_string(i), audit, context).Lower(checks);
  }
  return checks;
}

void JudgePublishing(const std::vector<TableConfig>& tables, const LoweringContext& context) {
  for (const TableConfig& table : tables) {
    const auto parent = std::ranges::find(tables, table.parent, &TableConfig::name);
    if (table.parent.empty() || parent == tables.end() || parent->audit == table.audit) continue;
    context
        .Error("E0423", table.config_path + ".publish",
               "`" + table.name + "` and its parent `" + parent->name + "` are committed together and must be " +
                   "published alike")
        .help = "write `publish: audit` for both";
  }
}

}  // namespace firn::config
