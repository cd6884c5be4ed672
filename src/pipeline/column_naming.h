#pragma once

#include <map>
#include <string>
#include <string_view>

#include "config/project.h"
#include "schema/type.h"

/// `naming:` of the project: column names made from the source's. What a column's key was is remembered in its doc
/// ("firn:key=OrderID"), as the decoder does for keys that cannot keep their name; so a table once named stays readable
/// when the setting changes, and configuration goes on speaking source names.
namespace firn::pipeline {

/// "OrderID", "order-line.no" → "order_id", "order_line_no": words are told by capitals and by what is neither letter
/// nor digit; ASCII capitals become small, other letters stay. A leading "_" is kept, a leading digit gets one.
std::string SnakeCase(std::string_view name);

/// Source path → what its column is called, by the configuration.
using ChosenNames = std::map<std::string, std::string>;

/// Returns the name that `naming` makes of a key.
std::string StyledName(const std::string& key, config::Naming naming);

/// Returns `decoded` with the names that `naming` gives, at every depth. A key that `table` (null: new) has a column
/// for keeps that column's name; of keys that would get the same name, or one that differs in case alone, the later
/// ones become `<name>__<n>`; `chosen` names come first. Pure.
schema::Schema WithNaming(const schema::Schema& decoded, config::Naming naming, const schema::Schema* table,
                          const ChosenNames& chosen = {});

/// Returns the top-level column that holds the values of a source key, or null. Borrowed from the schema.
const schema::Field* ColumnOfKey(const schema::Schema& schema, std::string_view key);

}  // namespace firn::pipeline
