#include "config/fields.h"

namespace firn::config {
namespace {

constexpr int64_t kDayMs = 86'400'000;

ObjectTypePtr ValuesType() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "accepted_values",
                 .doc = "Values a column may have; null passes.",
                 .fields = {Text("column").Required().Doc("Path of the column.").Example("status"),
                            List("values", Text("")).Required().AtLeast(1).Doc("Compared as text.").Example("[a, b]")},
                 .foreign = {{"field", "write `column:`"}}});
  return type;
}

ObjectTypePtr RangeType() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "range",
                 .doc = "Bounds of a column, both inclusive; null passes.",
                 .fields = {Text("column").Required().Doc("Path of the column.").Example("total"),
                            Text("min").Doc("A number, date or time.").Example("0"),
                            Text("max").Doc("A number, date or time.").Example("2030-01-01")},
                 .foreign = {{"min_value", "write `min:`"}, {"max_value", "write `max:`"}}});
  return type;
}

ObjectTypePtr RowCountType() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "row_count",
                 .doc = "How many rows the table may have.",
                 .fields = {Int("min").AtLeast(0).Doc("At least.").Example("1"), Int("max").AtLeast(0).Doc("At most."),
                            Int("change_percent")
                                .Range(0, 1'000'000)
                                .Doc("How far the count may be from the median of the last 10 published states.")
                                .Example("50")}});
  return type;
}

ObjectTypePtr FreshnessType() {
  static const auto type = std::make_shared<const ObjectType>(
      ObjectType{.name = "freshness",
                 .doc = "The newest value of a time column must not be old.",
                 .fields = {Text("column").Required().Doc("Path of the column.").Example("updated_at"),
                            Duration("max_age").Required().Range(0, 36'500 * kDayMs).Doc("At most.").Example("1d")}});
  return type;
}

}  // namespace

ObjectTypePtr CheckType() {
  static const auto type = std::make_shared<const ObjectType>(ObjectType{
      .name = "check",
      .doc = "What must hold of the table after a load. Each check has exactly one of the kinds.",
      .fields =
          {Text("name").Doc("In results and errors; default: made from the kind.").Example("paid_has_date"),
           Enum("on_failure", {{"fail", "the table fails; with `publish: audit` nothing is published"},
                               {"warn", "the run says so and goes on"}})
               .Doc("Default: fail with `publish: audit`, else warn."),
           OneOf("not_null", {Text(""), List("", Text("")).AtLeast(1)}).Doc("Columns without nulls.").Example("[id]"),
           OneOf("unique", {Text(""), List("", Text("")).AtLeast(1)})
               .Doc("Columns that together have no value twice; rows with a null pass.")
               .Example("id"),
           Object("accepted_values", ValuesType())
               .Doc("Values a column may have.")
               .Example("{column: status, values: [open, paid]}"),
           Object("range", RangeType()).Doc("Bounds of a column.").Example("{column: total, min: 0}"),
           Object("row_count", RowCountType())
               .Doc("How many rows the table may have.")
               .Example("{min: 1, change_percent: 50}"),
           Object("freshness", FreshnessType())
               .Doc("How old the newest row may be.")
               .Example("{column: updated_at, max_age: 1d}"),
           Text("sql")
               .Doc("A query; each row it returns is a failure. It sees the new state of the group's tables.")
               .Example("select 1 from shop.orders where paid and paid_at is null")},
      .foreign = {{"severity", "write `on_failure: warn` or `fail`"},
                  {"relationships", "write a query: `sql: select 1 from … anti join …`"},
                  {"expression", "write `sql:`"}}});
  return type;
}

}  // namespace firn::config
