#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "expression/value.h"

/// Connector descriptions of other programs, read into the one form that is written as a native connector file.
namespace firn::connector::foreign {

using expression::List;
using expression::Map;
using expression::Value;

/// What the user of the connector has to tell it: `settings` of a connector file.
struct Setting {
  std::string name;
  std::string doc;
  bool secret = false;
  bool is_list = false;
  std::optional<Value> otherwise;  // its default; nullopt: it is required
};

/// A table of the other program that cannot be said exactly, and why.
struct Refusal {
  std::string table;
  uint32_t line = 0;  // of the file that was read; 0: not known
  std::string why;    // begins with the construct: "record_filter: rows are not filtered …"
};

/// A connector file in the making. The mappings are those of the file: texts are written as they are, so what is meant
/// literally has gone through Literal().
struct Draft {
  std::string name;    // file and pipeline
  std::string title;   // for people
  std::string api;     // URL of the vendor's documentation
  std::string origin;  // "an Airbyte manifest, source-shop/manifest.yaml"
  std::vector<Setting> settings;
  Map source;  // type, base_url, auth …
  Map tables;  // name → mapping
  std::vector<Refusal> refused;

  size_t num_tables() const { return tables.size() + refused.size(); }
};

/// What of a file is to be converted.
struct Choice {
  std::string name;                  // of the connector; empty: made from the file
  std::vector<std::string> streams;  // empty: all
};

/// Makes a refusal of an error; "line 3: " at its beginning becomes the line.
Refusal RefusalOf(const std::string& table, uint32_t line, const Status& status);

/// Returns a text that is meant as it is: `$` begins no setting.
std::string Literal(std::string_view text);
/// Returns the place-holder of a setting.
std::string SettingText(std::string_view name);
/// Returns a name for a setting, table or connector: letters, digits and `_`, beginning with a letter.
std::string NameOf(std::string_view text);

/// Adds a field unless the value is null.
void Put(Map* map, std::string key, Value value);
void Put(Map* map, std::string key, std::string text);

/// Returns the connector file. Errors: kBug if it would be none that `firn validate` and `firn fmt --check` pass.
Result<std::string> ConnectorText(const Draft& draft);

}  // namespace firn::connector::foreign
