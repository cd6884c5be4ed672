#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/status.h"
#include "expression/value.h"

/// JavaScript values, all of them immutable: what a method would change in place it returns as a new value.
namespace firn::expression::javascript {

class Value;
using List = std::vector<Value>;

struct Array;
struct Object;
struct Function;
struct RegexObject;
struct Collection;

/// An immutable value; copies share. Strings are UTF-16. A value made from a secret carries a taint flag.
class Value {
 public:
  enum class Kind : uint8_t {
    kUndefined,
    kNull,
    kBool,
    kNumber,
    kExact,  // a number of the data that no double holds: its JSON text (an integer beyond 2^53 - 1, 1e400)
    kString,
    kArray,
    kObject,
    kFunction,  // never leaves an evaluation usefully
    kDate,
    kRegex,
    kMap,
    kSet,
  };

  Value() = default;  // undefined
  static Value Null() { return Value(Kind::kNull, 0); }
  static Value Bool(bool value) { return Value(Kind::kBool, value ? 1 : 0); }
  static Value Number(double value) { return Value(Kind::kNumber, value); }
  static Value Int(int64_t value);
  /// `json`: a JSON number.
  static Value NumberText(std::string_view json);
  static Value String(std::u16string text);
  /// `text`: UTF-8.
  static Value Utf8(std::string_view text);
  /// Milliseconds since 1970-01-01, NaN for an invalid date.
  static Value Date(double ms);
  static Value OfArray(List items);
  static Value OfArray(Array array);
  static Value OfObject(Object object);
  static Value OfFunction(Function function);
  static Value OfRegex(RegexObject regex);
  static Value OfCollection(Kind kind, Collection collection);

  Kind kind() const { return kind_; }
  bool is_undefined() const { return kind_ == Kind::kUndefined; }
  bool is_nullish() const { return kind_ <= Kind::kNull; }
  bool is_number() const { return kind_ == Kind::kNumber; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_array() const { return kind_ == Kind::kArray; }
  bool is_object() const { return kind_ == Kind::kObject; }
  bool is_function() const { return kind_ == Kind::kFunction; }

  /// The accessors below need the matching kind. References are borrowed from this value.
  bool as_bool() const { return number_ != 0; }
  double as_number() const { return number_; }
  double as_date() const { return number_; }
  const std::string& as_exact() const { return *static_cast<const std::string*>(data_.get()); }
  const std::u16string& as_string() const { return *static_cast<const std::u16string*>(data_.get()); }
  const Array& as_array() const { return *static_cast<const Array*>(data_.get()); }
  const List& items() const;  // kArray
  const Object& as_object() const { return *static_cast<const Object*>(data_.get()); }
  const Function& as_function() const { return *static_cast<const Function*>(data_.get()); }
  const RegexObject& as_regex() const { return *static_cast<const RegexObject*>(data_.get()); }
  const Collection& as_collection() const { return *static_cast<const Collection*>(data_.get()); }

  /// True if both are one and the same object.
  bool SameObject(const Value& other) const { return kind_ == other.kind_ && data_ == other.data_; }

  /// How deep containers lie in it, and how many values (up to kWeightMax): so every walk over a value has an end.
  uint32_t depth() const;
  uint32_t weight() const;

  bool secret() const { return secret_; }
  Value WithSecret(bool secret) const {
    Value copy = *this;
    copy.secret_ = copy.secret_ || secret;
    return copy;
  }

 private:
  Value(Kind kind, double number) : kind_(kind), number_(number) {}
  Value(Kind kind, std::shared_ptr<const void> data) : kind_(kind), data_(std::move(data)) {}
  Kind kind_ = Kind::kUndefined;
  bool secret_ = false;
  double number_ = 0;
  std::shared_ptr<const void> data_;
};

inline constexpr uint32_t kWeightMax = 4'000'000;
inline constexpr uint32_t kValueDepthMax = 300;
inline constexpr double kSafeIntegerMax = 9007199254740991.0;

/// What containers know of their content.
struct Container {
  uint32_t depth = 1;
  uint32_t weight = 1;
  void Embed(const Value& child);
};

struct Array : Container {
  List items;
  Value extra;  // an object with the further properties of a match (index, groups), or undefined
};

/// Properties in JavaScript's order: array indexes ascending, then the others as they came.
struct Object : Container {
  using Entry = std::pair<std::u16string, Value>;
  /// The value of a key that is there already is replaced.
  void Put(std::u16string key, Value value);
  const Value* Find(std::u16string_view key) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  friend class Value;
  struct Hash : std::hash<std::u16string_view> {
    using is_transparent = void;
  };
  void Order();
  size_t Place(std::u16string_view key) const;
  std::vector<Entry> entries_;
  std::unordered_map<std::u16string, size_t, Hash, std::equal_to<>> places_;  // of larger objects
  bool has_indexes_ = false;
};

/// The items of a Set, or the keys and values of a Map.
struct Collection : Container {
  /// Puts a key; `value` is undefined in a Set.
  void Put(const Value& key, Value value);
  const Value* Find(const Value& key) const;  // the value, borrowed
  std::vector<std::pair<Value, Value>> entries;

 private:
  std::unordered_map<std::u16string, size_t> places_;  // by a text that equal keys share
  static std::u16string KeyText(const Value& key);
  size_t Place(const Value& key) const;
};

/// Returns the value of an array index ("0", "17", no leading zeros, below 2^32 - 1), or -1.
int64_t ArrayIndex(std::u16string_view key);

/// "undefined", "object", "boolean", "number", "string", "function", "bigint".
std::string_view TypeOf(const Value& value);
bool Truthy(const Value& value);
/// `===`.
bool StrictEquals(const Value& a, const Value& b);
/// As `===`, but NaN equals NaN: what includes(), Map and Set use.
bool SameValueZero(const Value& a, const Value& b);

/// Parses JSON (depth at most 300). Errors: kBadData with the place.
Result<Value> ParseJson(std::string_view text);
/// Returns JSON.stringify's text; "null" where that gives undefined.
std::string ToJson(const Value& value);

Value FromCore(const expression::Value& value);
/// As JSON.stringify would print it: undefined, functions, NaN and infinities become null (and are left out of objects
/// where JSON leaves them out); dates become datetimes. Exact numbers keep their digits.
expression::Value ToCore(const Value& value);

}  // namespace firn::expression::javascript
