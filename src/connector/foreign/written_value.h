#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "expression/value.h"

namespace firn::connector::foreign {

struct WrittenEntry;

/// A value as it stands in a file, with its line: of YAML, JSON, or a literal of Python, where it may also be one of
/// the few calls whose meaning is known without running them.
struct WrittenValue {
  enum class Kind {
    kNull,
    kBool,     // text: "True" or "False"
    kNumber,   // text
    kString,   // text
    kText,     // text: native, with the place-holders of settings (an f-string); items: those settings
    kSetting,  // text: its name; is_secret
    kList,     // items; tuples, too
    kMap,      // entries
    kCall,     // text: the dotted name of what is called; items, entries: its arguments
  };
  Kind kind = Kind::kNull;
  uint32_t line = 0;
  std::string text;
  bool is_secret = false;
  std::vector<WrittenValue> items;
  std::vector<WrittenEntry> entries;

  /// Returns the entry of a key, or null. Borrowed.
  const WrittenValue* Find(std::string_view key) const;
};

struct WrittenEntry {
  std::string key;
  WrittenValue value;
};

/// kConfig E0558: "line 3: …".
Status WrittenError(uint32_t line, const std::string& what);

/// Fails for keys that are none of `known`.
Status RefuseOtherKeys(const WrittenValue& map, const std::string& what, std::initializer_list<std::string_view> known);
/// Returns the entry unless it is missing or None.
const WrittenValue* Given(const WrittenValue& map, std::string_view key);
/// The value as JSON, its texts as `said` says them. Errors: those of `said`.
Result<expression::Value> JsonOf(const WrittenValue& value,
                                 const std::function<Result<expression::Value>(const WrittenValue& text)>& said);

/// Reads YAML 1.2 or JSON. `name`: of the file, for messages. Errors: those of config::ParseYaml.
Result<WrittenValue> ReadYaml(const std::string& text, const std::string& name);

}  // namespace firn::connector::foreign
