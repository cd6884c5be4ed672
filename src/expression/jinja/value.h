#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "expression/value.h"

/// Values of Airbyte's Jinja dialect: Python's, so that results equal those of the Python runtime.
namespace firn::expression::jinja {

class Value;
using List = std::vector<Value>;
/// Insertion-ordered; keys are any hashable value, nearly always strings.
using Entries = std::vector<std::pair<Value, Value>>;

/// A mapping whose entries are made when they are read: a record that lies in a larger buffer. Implemented by hosts.
/// Used by one thread at a time.
class LazyMap {
 public:
  virtual ~LazyMap() = default;
  /// Returns the value of one key, or nullopt when there is no such key.
  virtual std::optional<Value> Find(std::string_view key) const = 0;
  /// Returns the whole mapping; called when more than single keys is wanted.
  virtual Entries All() const = 0;
  /// Appends the mapping as JSON in one line and returns true, if the host has it as text.
  virtual bool AppendJson(std::string* /*out*/) const { return false; }
};

/// Years, months and microseconds apart, because a month has no fixed length (what `duration('P1M')` makes).
struct CalendarDuration {
  int64_t years = 0;
  int64_t months = 0;
  int64_t micros = 0;
};

/// What all reference-counted parts of values begin with. Private to this folder.
struct Object {
  std::atomic<uint32_t> references{1};
  virtual ~Object() = default;
};

/// An immutable Python value in 16 bytes; copies share. Lists and maps that an expression makes itself can grow while
/// that expression runs (`append`, `update`); those that come from outside cannot.
class Value {
 public:
  enum class Kind : uint8_t {
    kUndefined,
    kNull,
    kBool,
    kInt,
    kBigInt,  // outside int64: decimal text
    kFloat,
    kString,
    kBytes,
    kDatetime,
    kDate,
    kTimedelta,
    kDuration,
    kList,
    kTuple,
    kSet,
    kMap,
    kEllipsis,
    kInternal,  // a method, generator or view; never leaves an evaluation
  };

  Value() = default;  // undefined
  Value(const Value& other) : word_(other.word_), number_(other.number_) { Retain(); }
  Value(Value&& other) noexcept : word_(other.word_), number_(other.number_) { other.word_ = 0; }
  Value& operator=(const Value& other) {
    Value copy(other);
    Swap(copy);
    return *this;
  }
  Value& operator=(Value&& other) noexcept {
    Swap(other);
    return *this;
  }
  ~Value() { Release(); }

  static Value Null() { return Value(Kind::kNull, 0); }
  static Value Bool(bool value) { return Value(Kind::kBool, value ? 1 : 0); }
  static Value Int(int64_t value) { return Value(Kind::kInt, value); }
  static Value Float(double value);
  /// `text`: UTF-8.
  static Value String(std::string_view text);
  static Value Bytes(std::string_view bytes);
  /// `offset_seconds`: nullopt for a naive time. `wall`: what the clock at that offset shows, as if it were UTC.
  static Value Datetime(Timestamp wall, std::optional<int32_t> offset_seconds);
  /// Days since 1970-01-01.
  static Value Date(int32_t days) { return Value(Kind::kDate, days); }
  /// Microseconds.
  static Value Timedelta(int64_t micros) { return Value(Kind::kTimedelta, micros); }
  static Value Duration(CalendarDuration duration);
  static Value OfList(List items);
  static Value OfTuple(List items);
  static Value OfSet(List items);       // of equal items the first is kept
  static Value OfMap(Entries entries);  // of equal keys the last value is kept, at the first one's place
  static Value OfLazyMap(std::shared_ptr<const LazyMap> map);
  /// What the Python runtime passes as `stream_slice`: reads like `partition` and `cursor_slice` (both maps) merged and
  /// has the attributes partition, cursor_slice and extra_fields.
  static Value StreamSlice(const Value& partition, const Value& cursor_slice, const Value& extra_fields);
  static Value Ellipsis() { return Value(Kind::kEllipsis, 0); }
  /// `digits`: an optional '-' and decimal digits. An int64 when it is one, else kBigInt.
  static Value IntegerText(std::string_view digits);

  Kind kind() const { return static_cast<Kind>(word_ & 0xFF); }
  bool is_undefined() const { return kind() == Kind::kUndefined; }
  bool is_null() const { return kind() == Kind::kNull; }
  bool is_string() const { return kind() == Kind::kString; }
  bool is_list() const { return kind() == Kind::kList; }
  bool is_map() const { return kind() == Kind::kMap; }

  /// The accessors below need the matching kind. Views are borrowed from this value.
  bool as_bool() const { return number_ != 0; }
  int64_t as_int() const { return number_; }
  double as_float() const;
  std::string_view as_string() const;                                // kString, kBytes, kBigInt
  Timestamp as_wall() const { return {.micros = number_}; }          // kDatetime
  std::optional<int32_t> offset_seconds() const;                     // kDatetime
  int32_t as_days() const { return static_cast<int32_t>(number_); }  // kDate
  int64_t as_micros() const { return number_; }                      // kTimedelta
  CalendarDuration as_duration() const;
  const List& as_list() const;    // kList, kTuple, kSet
  const Entries& as_map() const;  // kMap; a lazy map is read whole

  /// The host's map that this still is; null once it was read whole, and for other values.
  const LazyMap* lazy_map() const;

  /// Returns the value of a string key, or nullopt when absent or when this is no map.
  std::optional<Value> Find(std::string_view key) const;

  /// A value made from a secret carries a taint flag, and so does everything computed from it.
  bool secret() const { return (word_ & kSecretBit) != 0; }
  Value WithSecret(bool secret) const;

 private:
  friend struct ValueAccess;
  static constexpr uint64_t kSecretBit = 1 << 8;
  Value(Kind kind, int64_t number) : word_(static_cast<uint64_t>(kind)), number_(number) {}
  static constexpr uint64_t kSharedBit = 1 << 9;
  void Retain() const {
    if ((word_ & kSharedBit) != 0) object_->references.fetch_add(1, std::memory_order_relaxed);
  }
  void Release() {
    if ((word_ & kSharedBit) != 0 && object_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete object_;
  }
  void Swap(Value& other) noexcept {
    std::swap(word_, other.word_);
    std::swap(number_, other.number_);
  }

  uint64_t word_ = 0;  // kind, flags, and in the upper half what a kind needs besides (the offset of a time)
  union {
    int64_t number_ = 0;
    double float_;
    Object* object_;
  };
};

/// Returns Python's name of the type: "int", "str", "dict"…
std::string_view TypeName(const Value& value);

/// Python's `str(value)` and `repr(value)`. Undefined is "".
std::string ToText(const Value& value);
std::string ToRepr(const Value& value);
/// Python's `bool(value)`.
bool Truthy(const Value& value);
/// Python's `==`: 1 == 1.0 == True; maps by content, in any order.
bool Equals(const Value& a, const Value& b);

/// Reads a Python literal as `ast.literal_eval` does, or returns nullopt where that raises (then callers keep the
/// text). Complex numbers count as no literal.
std::optional<Value> ReadLiteral(std::string_view text);

/// Returns JSON. What JSON cannot say becomes a string (datetime, bytes), a list (tuple, set) or null (undefined, NaN).
std::string ToJson(const Value& value);
/// Parses JSON as Python's `json.loads` does: numbers with a point or exponent are floats. Errors: kBadData.
Result<Value> ParseJson(std::string_view text);

/// Conversions from and to the values of the expression core. Numbers with a point or exponent become floats.
Value FromCore(const expression::Value& value);
/// Datetimes become instants (a naive time counts as UTC), dates, bytes and durations with months become strings.
expression::Value ToCore(const Value& value);

}  // namespace firn::expression::jinja
