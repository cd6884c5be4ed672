#include "query/syntax_tree.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>

#include "query/sql_tokens.h"

namespace firn::query {
namespace {

using Json = nlohmann::json;
using Names = std::set<std::string>;  // CTE names in scope, lower case

constexpr int kDepthMax = 2000;
constexpr size_t kInMax = 10'000;     // constants of an IN list that is looked at
constexpr uint64_t kScaleMax = 1000;  // of a constant; DuckDB has 38

std::string Text(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const Json* Member(const Json& node, const char* key) {
  const auto found = node.find(key);
  return found != node.end() && !found->is_null() ? &*found : nullptr;
}

std::optional<Condition::Op> OpOf(const std::string& type) {
  if (type == "COMPARE_EQUAL") return Condition::Op::kEqual;
  if (type == "COMPARE_LESSTHAN") return Condition::Op::kLess;
  if (type == "COMPARE_LESSTHANOREQUALTO") return Condition::Op::kLessOrEqual;
  if (type == "COMPARE_GREATERTHAN") return Condition::Op::kGreater;
  if (type == "COMPARE_GREATERTHANOREQUALTO") return Condition::Op::kGreaterOrEqual;
  return std::nullopt;
}

Condition::Op Mirrored(Condition::Op op) {
  switch (op) {
    case Condition::Op::kLess:
      return Condition::Op::kGreater;
    case Condition::Op::kLessOrEqual:
      return Condition::Op::kGreaterOrEqual;
    case Condition::Op::kGreater:
      return Condition::Op::kLess;
    case Condition::Op::kGreaterOrEqual:
      return Condition::Op::kLessOrEqual;
    default:
      return op;
  }
}

// The column's own name, if the expression is a column of the only table in the FROM clause.
std::optional<std::string> ColumnOf(const Json& node) {
  if (Text(node, "type") != "COLUMN_REF") return std::nullopt;
  const Json* names = Member(node, "column_names");
  // "a.b" may be table.column or column.field: only single names are certain.
  if (names == nullptr || !names->is_array() || names->size() != 1 || !(*names)[0].is_string()) return std::nullopt;
  return (*names)[0].get<std::string>();
}

// 125 with scale 1 is "12.5".
std::string DecimalText(int64_t unscaled, size_t scale) {
  std::string digits = std::to_string(unscaled);
  const bool negative = digits.starts_with('-');
  if (negative) digits.erase(0, 1);
  if (digits.size() <= scale) digits.insert(0, scale + 1 - digits.size(), '0');
  if (scale > 0) digits.insert(digits.size() - scale, ".");
  return (negative ? "-" : "") + digits;
}

// The text of a number as Condition has it; false for one that is too wide for 64 bits.
bool NumberOf(const std::string& id, const Json& type, const Json& constant, Condition& condition) {
  if ((id == "INTEGER" || id == "BIGINT") && constant.is_number_integer()) {
    condition.value = std::to_string(constant.get<int64_t>());
    return true;
  }
  if (id == "DOUBLE" && constant.is_number()) {
    condition.kind = Condition::Kind::kDouble;
    condition.value = constant.dump();
    return true;
  }
  const Json* info = Member(type, "type_info");
  const Json* scale = info == nullptr ? nullptr : Member(*info, "scale");
  if (id != "DECIMAL" || scale == nullptr || !scale->is_number_unsigned() || !constant.is_number_integer())
    return false;
  if (constant.is_number_unsigned() && constant.get<uint64_t>() > INT64_MAX) return false;
  if (scale->get<uint64_t>() > kScaleMax) return false;
  condition.value = DecimalText(constant.get<int64_t>(), scale->get<size_t>());
  return true;
}

// A number or string; a cast of a string to a date or timestamp counts as the string.
bool ConstantOf(const Json& node, Condition& condition) {
  if (Text(node, "type") == "OPERATOR_CAST") {
    const Json* target = Member(node, "cast_type");
    const Json* child = Member(node, "child");
    if (target == nullptr || child == nullptr) return false;
    const std::string id = Text(*target, "id");
    const bool time = id == "DATE" || id == "TIMESTAMP" || id == "TIMESTAMP WITH TIME ZONE";
    return time && Text(*child, "type") == "VALUE_CONSTANT" && ConstantOf(*child, condition) &&
           condition.kind == Condition::Kind::kText;
  }
  if (Text(node, "type") != "VALUE_CONSTANT") return false;
  const Json* value = Member(node, "value");
  if (value == nullptr || !value->is_object()) return false;
  const Json* is_null = Member(*value, "is_null");
  if (is_null == nullptr || !is_null->is_boolean() || is_null->get<bool>()) return false;
  const Json* type = Member(*value, "type");
  const Json* constant = Member(*value, "value");
  if (type == nullptr || constant == nullptr) return false;
  const std::string id = Text(*type, "id");
  if (id != "VARCHAR" || !constant->is_string()) return NumberOf(id, *type, *constant, condition);
  condition.kind = Condition::Kind::kText;
  condition.value = constant->get<std::string>();
  return true;
}

// `column IN (constants)`; a list with anything else in it says nothing.
void AddIn(const Json& node, std::vector<Condition>& out) {
  const Json* children = Member(node, "children");
  if (children == nullptr || !children->is_array() || children->size() < 2 || children->size() > kInMax) return;
  const auto column = ColumnOf((*children)[0]);
  if (!column) return;
  Condition in{.column = *column, .op = Condition::Op::kIn, .value = ""};
  for (size_t i = 1; i < children->size(); ++i) {
    Condition equal{.column = *column, .op = Condition::Op::kEqual, .value = ""};
    if (!ConstantOf((*children)[i], equal)) return;
    in.any_of.push_back(std::move(equal));
  }
  out.push_back(std::move(in));
}

void AddComparison(const Json& left, const Json& right, Condition::Op op, std::vector<Condition>& out) {
  Condition condition{.column = "", .op = op, .value = ""};
  if (const auto column = ColumnOf(left); column && ConstantOf(right, condition)) {
    condition.column = *column;
    out.push_back(condition);
  } else if (const auto other = ColumnOf(right); other && ConstantOf(left, condition)) {
    condition.column = *other;
    condition.op = Mirrored(op);
    out.push_back(condition);
  }
}

void Conditions(const Json& node, int depth, std::vector<Condition>& out) {
  if (depth > kDepthMax || !node.is_object()) return;
  const std::string type = Text(node, "type");
  const Json* left = Member(node, "left");
  const Json* right = Member(node, "right");
  if (type == "CONJUNCTION_AND") {
    if (const Json* children = Member(node, "children")) {
      for (const Json& child : *children) Conditions(child, depth + 1, out);
    }
  } else if (type == "COMPARE_BETWEEN") {
    const Json* input = Member(node, "input");
    const Json* lower = Member(node, "lower");
    const Json* upper = Member(node, "upper");
    if (input == nullptr || lower == nullptr || upper == nullptr) return;
    AddComparison(*input, *lower, Condition::Op::kGreaterOrEqual, out);
    AddComparison(*input, *upper, Condition::Op::kLessOrEqual, out);
  } else if (type == "OPERATOR_IS_NULL" || type == "OPERATOR_IS_NOT_NULL") {
    const Json* children = Member(node, "children");
    if (children == nullptr || children->size() != 1) return;
    if (const auto column = ColumnOf((*children)[0])) {
      const bool is_null = type == "OPERATOR_IS_NULL";
      const auto test = is_null ? Condition::Op::kIsNull : Condition::Op::kIsNotNull;
      out.push_back({.column = *column, .op = test, .value = ""});
    }
  } else if (type == "COMPARE_IN") {
    AddIn(node, out);
  } else if (const auto op = OpOf(type); op && left != nullptr && right != nullptr) {
    AddComparison(*left, *right, *op, out);
  }
}

class Walker {
 public:
  explicit Walker(TreeResult& result) : result_(result) {}

  Status Walk(const Json& node, const Names& names, int depth) {
    if (depth > kDepthMax) return MakeError(Fault::kConfig, "the query is nested too deeply", {.code = "E0707"});
    if (node.is_array()) {
      for (const Json& child : node) ARROW_RETURN_NOT_OK(Walk(child, names, depth + 1));
      return Status::OK();
    }
    if (!node.is_object()) return Status::OK();
    const std::string type = Text(node, "type");
    if (type == "BASE_TABLE") return AddTable(node, names, nullptr);
    if (type == "SHOW_REF") NoteShow(node);
    if (type == "SELECT_NODE") return WalkSelect(node, names, depth);
    Names scope = names;
    if (type == "RECURSIVE_CTE_NODE") scope.insert(LowerName(Text(node, "cte_name")));
    ARROW_RETURN_NOT_OK(WalkCtes(node, scope, depth));
    return WalkMembers(node, scope, depth);
  }

 private:
  Status WalkMembers(const Json& node, const Names& names, int depth) {
    for (const auto& [key, child] : node.items()) {
      if (key != "cte_map" && child.is_structured()) ARROW_RETURN_NOT_OK(Walk(child, names, depth + 1));
    }
    return Status::OK();
  }

  // A CTE sees those before it; the node sees them all.
  Status WalkCtes(const Json& node, Names& scope, int depth) {
    const Json* ctes = Member(node, "cte_map");
    const Json* map = ctes != nullptr ? Member(*ctes, "map") : nullptr;
    if (map == nullptr || !map->is_array()) return Status::OK();
    for (const Json& entry : *map) {
      if (const Json* value = Member(entry, "value")) ARROW_RETURN_NOT_OK(Walk(*value, scope, depth + 1));
      scope.insert(LowerName(Text(entry, "key")));
    }
    return Status::OK();
  }

  // The conditions of a WHERE clause hold for the rows of a table that stands alone in its FROM clause.
  Status WalkSelect(const Json& node, const Names& names, int depth) {
    Names scope = names;
    ARROW_RETURN_NOT_OK(WalkCtes(node, scope, depth));
    for (const auto& [key, child] : node.items()) {
      if (key == "cte_map" || !child.is_structured()) continue;
      if (key == "from_table" && Text(child, "type") == "BASE_TABLE") {
        ARROW_RETURN_NOT_OK(AddTable(child, scope, &node));
      } else {
        ARROW_RETURN_NOT_OK(Walk(child, scope, depth + 1));
      }
    }
    return Status::OK();
  }

  Status AddTable(const Json& node, const Names& names, const Json* select) {
    TreeTable table{.catalog = Text(node, "catalog_name"),
                    .schema = Text(node, "schema_name"),
                    .table = Text(node, "table_name"),
                    .alias = Text(node, "alias")};
    const Json* at = Member(node, "at_clause");
    if (table.catalog.empty() && table.schema.empty() && names.contains(LowerName(table.table))) return Status::OK();
    const Json* location = Member(node, "query_location");
    if (location == nullptr || !location->is_number_unsigned()) {
      return MakeError(Fault::kBug, "DuckDB does not say where a table is named: " + table.table);
    }
    table.location = location->get<size_t>();
    table.has_at = at != nullptr;
    table.at_version = at != nullptr && Text(*at, "unit") == "VERSION";
    // A sample of the table must see all rows; column aliases would make the names in conditions mean others.
    const Json* renamed = Member(node, "column_name_alias");
    const bool plain = Member(node, "sample") == nullptr && (renamed == nullptr || renamed->empty());
    const Json* where = select != nullptr && plain ? Member(*select, "where_clause") : nullptr;
    if (where != nullptr && Member(*select, "sample") == nullptr) Conditions(*where, 0, table.conditions);
    result_.tables.push_back(std::move(table));
    return Status::OK();
  }

  void NoteShow(const Json& node) {
    const std::string name = LowerName(Text(node, "table_name"));
    const bool lists = name == "tables" || name == "\"tables\"" || name == "__show_tables_expanded";
    if (Member(node, "query") == nullptr && lists) result_.show_tables = true;
  }

  TreeResult& result_;
};

}  // namespace

Result<TreeResult> ReadSyntaxTree(std::string_view json) {
  const Json root = Json::parse(json, nullptr, /*allow_exceptions=*/false);
  if (!root.is_object()) return MakeError(Fault::kBug, "DuckDB's syntax tree is no JSON object");
  TreeResult result;
  const Json* error = Member(root, "error");
  if (error == nullptr || !error->is_boolean())
    return MakeError(Fault::kBug, "DuckDB's tree does not say if it is one");
  if (error->get<bool>()) {
    result.error.push_back({.message = Text(root, "error_message"),
                            .only_select = Text(root, "error_type") == "not implemented" &&
                                           Text(root, "error_message").find("Only SELECT") != std::string::npos});
    return result;
  }
  const Json* statements = Member(root, "statements");
  if (statements == nullptr || !statements->is_array())
    return MakeError(Fault::kBug, "DuckDB's tree has no statements");
  result.num_statements = statements->size();
  ARROW_RETURN_NOT_OK(Walker(result).Walk(*statements, {}, 0));
  std::stable_sort(result.tables.begin(), result.tables.end(),
                   [](const TreeTable& a, const TreeTable& b) { return a.location < b.location; });
  return result;
}

}  // namespace firn::query
