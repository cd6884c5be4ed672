#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace firn::expression {

class Value;

/// A number that is no int64, kept as its decimal text ("12.50", "1e400", "18446744073709551616"): never a silent
/// double.
struct Number {
  std::string text;
};

/// A length of time in microseconds.
struct Duration {
  int64_t micros = 0;
};

using List = std::vector<Value>;
/// Keys in the order they were written, each once.
using Map = std::vector<std::pair<std::string, Value>>;

/// An immutable value of the expression core. Copies are cheap (lists and maps are shared). A value made from a secret
/// carries a taint flag, and so does everything computed from it.
class Value {
 public:
  enum class Kind { kNull, kBool, kInt, kNumber, kString, kDatetime, kDuration, kList, kMap };

  Value() = default;
  static Value Null() { return Value(); }
  static Value Bool(bool value) { return Value(Data(value)); }
  static Value Int(int64_t value) { return Value(Data(value)); }
  /// `text`: a JSON number. Becomes an int64 when it is one exactly, else the text is kept.
  static Value NumberText(std::string_view text);
  static Value String(std::string value) { return Value(Data(std::move(value))); }
  static Value Datetime(Timestamp value) { return Value(Data(value)); }
  static Value OfDuration(expression::Duration value) { return Value(Data(value)); }
  static Value OfList(List items) { return Value(Data(std::make_shared<const List>(std::move(items)))); }
  static Value OfMap(Map entries);  // of duplicate keys the last is kept, at its place

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_number() const { return kind() == Kind::kInt || kind() == Kind::kNumber; }

  /// The accessors below need the matching kind.
  bool as_bool() const { return std::get<bool>(data_); }
  int64_t as_int() const { return std::get<int64_t>(data_); }
  const std::string& as_string() const { return std::get<std::string>(data_); }
  const std::string& as_number() const { return std::get<Number>(data_).text; }
  Timestamp as_datetime() const { return std::get<Timestamp>(data_); }
  Duration as_duration() const { return std::get<Duration>(data_); }
  const List& as_list() const { return *std::get<std::shared_ptr<const List>>(data_); }
  const Map& as_map() const { return *std::get<std::shared_ptr<const Map>>(data_); }

  /// Returns the value of a map's key, or null (the pointer) when absent or when this is no map. Borrowed.
  const Value* Find(std::string_view key) const;

  bool secret() const { return secret_; }
  Value WithSecret(bool secret) const {
    Value copy = *this;
    copy.secret_ = copy.secret_ || secret;
    return copy;
  }

 private:
  using Data = std::variant<std::monostate, bool, int64_t, Number, std::string, Timestamp, expression::Duration,
                            std::shared_ptr<const List>, std::shared_ptr<const Map>>;
  explicit Value(Data data) : data_(std::move(data)) {}
  Data data_;
  bool secret_ = false;
};

/// Returns "null", "boolean", "integer", "number", "string", "datetime", "duration", "list" or "map".
std::string_view KindName(Value::Kind kind);

/// Follows a dotted path from map to map; null if any part is missing. A key that is the whole path goes first: names
/// may have dots of their own.
Value AtPath(const Value& map, std::string_view path);

/// False for null, false, zero, and what is empty (Jinja's truth).
bool Truthy(const Value& value);

/// Equal by value; numbers by exact decimal comparison, so 1 == 1.0; true is not 1.
bool Equals(const Value& a, const Value& b);

/// Orders two numbers exactly, two strings bytewise, two datetimes, two durations, two booleans: -1, 0 or 1.
/// Errors: kBadData when the kinds cannot be ordered.
Result<int> Compare(const Value& a, const Value& b);

/// Orders two JSON numbers of any length exactly: -1, 0 or 1. Both must be valid JSON numbers.
int CompareNumberText(std::string_view a, std::string_view b);

/// Returns how the value appears inside text: strings as they are, numbers by their text, booleans as true and false,
/// null as "", datetimes as RFC 3339, lists and maps as JSON.
std::string ToText(const Value& value);

/// Returns compact JSON; datetimes as strings, durations as seconds.
std::string ToJson(const Value& value);
/// Returns compact JSON with the keys of each object sorted: equal for records that differ in spacing and key order
/// only.
std::string ToCanonicalJson(const Value& value);

/// Parses one JSON value (depth at most 128). Numbers keep their text. Errors: kBadData with the byte offset; the
/// content is not repeated.
Result<Value> ParseJson(std::string_view text);

}  // namespace firn::expression
