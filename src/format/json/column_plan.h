#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "format/json/column.h"

/// From schemas to column trees and back.
namespace firn::format::json {

/// What Field::doc says for the reader of a later run: "firn:sibling json json-elements key=<source key>", and in the
/// lines behind it what people say of the column. A doc that does not begin with "firn:" is people's alone.
struct FieldNote {
  bool sibling = false;
  bool json = false;           // JSON text
  bool json_elements = false;  // the elements (values) are JSON text
  std::optional<std::string> key;
  std::string text;
};
FieldNote ParseNote(std::string_view doc);
std::string FormatNote(const FieldNote& note);

/// Returns the tree of an existing table's schema. Columns of firn's own (IsReservedName) are left out: the reader
/// does not fill them.
std::unique_ptr<Column> PlanFromSchema(const schema::Schema& schema, const TypingContext& context);
/// Errors: kConfig E0873 if a value that is masked now has a column of the tree that is not text: it was typed before
/// it was to be masked, and would take the value as it is.
Status CheckMasksHold(const Column& column, const std::string& path = "");
/// Returns the schema that a tree stands for.
schema::Schema SchemaOf(const Column& root);
schema::TypePtr TypeOf(const Column& column);

/// Returns a copy without rows, its buffers in `arena`.
std::unique_ptr<Column> ClonePlan(const Column& column, ColumnArena* arena);
/// True if both decode to the same columns: keys, kinds, names, order and notes. Deferred keys do not count.
bool SamePlan(const Column& a, const Column& b);
/// True if both, otherwise the same, defer the same keys.
bool SameDeferred(const Column& a, const Column& b);
/// Sets the arena at every level.
void SetArena(Column& column, ColumnArena* arena);

/// Returns how many leaf columns the subtree has.
int64_t LeafCount(const Column& column);

Kind KindOf(const schema::Type& type);
/// Makes a column of a plain declared type.
std::unique_ptr<Column> ColumnOfType(const schema::Type& type);
std::unique_ptr<Column> NewColumn(Kind kind, std::string name);

/// Takes a name for a column in a struct: `wanted`, or `<wanted>__<n>` if that is empty, reserved, equal but for case
/// to one that is there, or if the two paths could be one ("a.b" beside the "b" of a nested "a"). A NUL, which SQL
/// cannot name, becomes "_". `nested`: the column may be a struct, list or map. `top`: the struct is the row.
std::string TakeName(Column& structure, const std::string& wanted, bool nested, bool top);
/// Gives back a name for which no column was made.
void ReleaseName(Column& structure, const std::string& name);

}  // namespace firn::format::json
