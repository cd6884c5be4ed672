#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "format/json/column.h"

/// From schemas to column trees and back.
namespace firn::format::json {

/// What Field::doc says for the reader of a later run: "firn:sibling json json-elements key=<source key>".
struct FieldNote {
  bool sibling = false;
  bool json = false;           // JSON text
  bool json_elements = false;  // the elements (values) are JSON text
  std::optional<std::string> key;
};
FieldNote ParseNote(std::string_view doc);
std::string FormatNote(const FieldNote& note);

/// Returns the tree of an existing table's schema. Columns of firn's own (IsReservedName) are left out: the reader
/// does not fill them.
std::unique_ptr<Column> PlanFromSchema(const schema::Schema& schema, const TypingContext& context);
/// Returns the schema that a tree stands for.
schema::Schema SchemaOf(const Column& root);
schema::TypePtr TypeOf(const Column& column);

/// Returns a copy without rows, its buffers in `arena`.
std::unique_ptr<Column> ClonePlan(const Column& column, ColumnArena* arena);
/// Sets the arena at every level.
void SetArena(Column& column, ColumnArena* arena);

/// Returns how many leaf columns the subtree has.
int64_t LeafCount(const Column& column);

Kind KindOf(const schema::Type& type);
/// Makes a column of a plain declared type.
std::unique_ptr<Column> ColumnOfType(const schema::Type& type);
std::unique_ptr<Column> NewColumn(Kind kind, std::string name);

/// Takes a name for a column in a struct: `wanted`, or `<wanted>__<n>` if that is empty, reserved, or equal but for
/// case to one that is there. `top`: the struct is the row.
std::string TakeName(Column& structure, const std::string& wanted, bool top);

}  // namespace firn::format::json
