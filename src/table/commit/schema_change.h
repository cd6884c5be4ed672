#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "base/status.h"
#include "schema/type.h"
#include "table/commit/schema_update.h"
#include "table/metadata/metadata.h"

/// Changes of a table's columns that somebody asks for by name (spec, "Schema Evolution"); a column stays what its
/// field id says. Pure.
namespace firn::table {

/// Table property: JSON list of source paths whose columns were dropped, so that loads do not bring them back.
inline constexpr char kDroppedColumnsProperty[] = "firn.dropped-columns";

struct SchemaChange {
  enum class Kind {
    kAddColumn,
    kRenameColumn,
    kDropColumn,
    kMoveColumn,
    kMakeOptional,
    kSetType,
    kSetDoc,
    kSetDefault,
    kSetIdentifier
  };
  enum class Place { kFirst, kAfter, kBefore };

  Kind kind = Kind::kAddColumn;
  std::string column;  // path in the table: "total", "address.zip", "lines.element.price"; not for kSetIdentifier
  std::string name;    // kRenameColumn: the new last part of the path; kMoveColumn: a column beside it
  Place place = Place::kFirst;       // kMoveColumn
  schema::TypePtr type;              // kAddColumn, kSetType
  std::string doc;                   // kAddColumn, kSetDoc; empty: none
  std::string default_json;          // kAddColumn: of old and new rows; kSetDefault: of new rows; empty: none
  std::string source_key;            // kRenameColumn: what the source calls it from now on; empty: as before
  std::vector<std::string> columns;  // kSetIdentifier; none: no identifier
  bool forget = false;               // kDropColumn: the configuration remembers it, the table need not
};

/// Returns what a change does, for people: "- column total", "~ column total -> amount", "+ column x string".
std::string ToString(const SchemaChange& change);

/// Applies the changes in order. `in_use`: column path → what depends on it ("part of the primary key"), which is not
/// dropped. Renaming keeps the source key of a column of a loaded table in its doc ("firn:key=…"), and adds the name to
/// the name mapping of files without ids. Errors: kConfig, code E0930 for a column that is not there, code E0931 for a
/// change that would break the table or its readers, with the reason and what to do instead.
Result<SchemaEvolution> ChangeSchema(const TableMetadata& base, std::span<const SchemaChange> changes,
                                     const std::map<std::string, std::string>& in_use = {});

/// The source paths of dropped columns. A property that is no such list is empty.
std::vector<std::string> DroppedColumns(const TableMetadata& metadata);

/// Returns the field at a path and the path's source keys joined by dots, as masks and hints name it; null if there is
/// no such column. Borrowed from the schema.
struct FoundColumn {
  const schema::Field* field = nullptr;
  std::string source_path;
};
FoundColumn FindColumn(const schema::Schema& schema, std::string_view path);

/// Returns the path in the table of what the source calls `source_path`, or "". Lists and maps on the way are passed
/// through, as they are in configuration: "lines.price" may be "lines.element.price".
std::string PathOfSource(const schema::Schema& schema, std::string_view source_path);

/// As PathOfSource, of all columns that hold values of it: its sibling columns, too.
std::vector<std::string> PathsOfSource(const schema::Schema& schema, std::string_view source_path);

}  // namespace firn::table
