#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostic.h"
#include "config/yaml_tree.h"

/// What may be written where, as data. Checking, reading, `firn schema`, the reference page and redaction all come from
/// these declarations; nobody parses a key twice.
namespace firn::config {

enum class FieldType {
  kText,
  kInt,
  kBool,
  kSize,      // bytes; "64MiB"
  kDuration,  // milliseconds; "1h30m", "PT1H30M"
  kEnum,
  kTimezone,
  kUrl,         // http or https
  kExpression,  // text that may hold {{ }}
  kList,
  kMap,  // names chosen by the user
  kObject,
  kJson,   // any tree, for example a request body; leaves may hold {{ }}
  kOneOf,  // alternatives that differ by node kind: text, list, mapping
};

struct ObjectType;
using ObjectTypePtr = std::shared_ptr<const ObjectType>;

/// A word that people write and firn does not take, and what to write instead.
struct ForeignWord {
  std::string word;
  std::string rewrite;  // "use `tables:` …"
};

struct EnumValue {
  std::string name;
  std::string doc;
  bool unbuilt = false;  // designed, but refused: not in this build
};

/// One field. Built fluently: Text("dsn").Secret(), Int("page_rows").Default("10000").Range(1, 1'000'000).
struct Field {
  std::string name;
  FieldType type = FieldType::kText;
  std::string doc;
  std::string since = "0.1.0";
  std::optional<std::string> default_text;  // as it would be written
  std::vector<std::string> examples;
  bool required = false;
  bool secret = false;
  bool unbuilt = false;
  std::vector<std::string> only_for;    // of a table: the types of source it is for; empty: all
  bool interpolated_is_secret = false;  // values that hold a ${…} are redacted, others are not
  std::optional<int64_t> min;           // kInt, kSize, kDuration, in their unit; kList: number of items
  std::optional<int64_t> max;
  std::vector<EnumValue> values;     // kEnum
  std::vector<ForeignWord> foreign;  // kEnum: values of other tools
  std::vector<Field> elements;       // kList, kMap: one; kOneOf: the alternatives
  ObjectTypePtr object;              // kObject

  Field Doc(std::string text) &&;
  Field Default(std::string text) &&;
  Field Example(std::string text) &&;
  Field Required() &&;
  Field Secret() &&;
  Field Unbuilt() &&;
  Field OnlyFor(std::string source_type) &&;  // several times: for each of them
  bool IsFor(std::string_view source_type) const;
  /// "`type: a` or `type: b`"
  std::string SourceTypesText() const;
  Field InterpolatedIsSecret() &&;
  Field Range(int64_t low, int64_t high) &&;
  Field AtLeast(int64_t low) &&;
  Field Foreign(std::vector<ForeignWord> words) &&;
};

Field Text(std::string name);
Field Int(std::string name);
Field Bool(std::string name);
Field Size(std::string name);
Field Duration(std::string name);
Field Timezone(std::string name);
Field Url(std::string name);
Field Expression(std::string name);
Field Json(std::string name);
Field Enum(std::string name, std::vector<EnumValue> values);
Field List(std::string name, Field element);
Field Map(std::string name, Field element);
Field Object(std::string name, ObjectTypePtr type);
Field OneOf(std::string name, std::vector<Field> alternatives);

/// The fields that exist only for one value of the tag.
struct Variant {
  std::string tag_value;
  std::string doc;
  std::vector<Field> fields;
  bool unbuilt = false;
  std::vector<ForeignWord> foreign = {};  // keys of other types, places and tools; before those of the object
};

/// A mapping with fixed keys. With `tag` ("type"), further fields depend on that key's value.
struct ObjectType {
  std::string name;  // for messages and the reference: "table"
  std::string doc;
  std::vector<Field> fields;
  std::string tag;
  std::string tag_default;  // empty: the tag is required
  std::vector<Variant> variants;
  std::vector<ForeignWord> foreign;

  /// Returns the field of that name among the common ones and those of the variant, or null.
  const Field* FindField(std::string_view field, std::string_view variant = {}) const;
  const Variant* FindVariant(std::string_view tag_value) const;
};

/// Checks one tree against its declaration and remembers places. Not thread-safe.
class Checker {
 public:
  enum class Mode { kWhole, kPartial };  // kPartial: an environment's overrides, where nothing is required

  explicit Checker(Diagnostics* diagnostics, Mode mode = Mode::kWhole)
      : diagnostics_(diagnostics), partial_(mode == Mode::kPartial) {}

  /// Checks a whole tree. `where`: what to point at when a required key of the root is missing.
  void CheckObject(const Node& node, const ObjectType& type, const std::string& path, const Span& where);
  void CheckField(const Node& node, const Field& field, const std::string& path, const Span& where);

  /// Adds an error about `path`, so that HasErrorUnder is true for it and its ancestors.
  Diagnostic& Error(std::string_view code, const std::string& path, const Span& span, std::string message);
  Diagnostic& Warning(std::string_view code, const Span& span, std::string message);
  bool HasErrorUnder(std::string_view path) const;
  /// Takes over the places that another checker remembered.
  void AdoptSpans(const Checker& other) { spans_ = other.spans_; }
  /// Returns the place of a path, or of its nearest written ancestor.
  Span SpanOf(std::string_view path) const;
  /// The place of each path that was written; of the value, or of the key where the value is a mapping or list.
  const std::map<std::string, Span, std::less<>>& spans() const { return spans_; }

 private:
  void CheckScalar(const Node& node, const Field& field, const std::string& path);
  void CheckNumber(const Node& node, const Field& field, const std::string& path);
  void CheckEnum(const Node& node, const Field& field, const std::string& path);
  void CheckText(const Node& node, const Field& field, const std::string& path);
  void CheckJson(const Node& node, const Field& field, const std::string& path);
  void CheckOneOf(const Node& node, const Field& field, const std::string& path, const Span& where);
  void CheckList(const Node& node, const Field& field, const std::string& path);
  void CheckMap(const Node& node, const Field& field, const std::string& path, const Span& where);
  void CheckSecret(const Node& node, const Field& field);
  /// Returns the key that was probably meant.
  std::optional<std::string> CheckUnknownKey(const Entry& entry, const ObjectType& type, const Variant* variant,
                                             const std::string& path);
  const Variant* CheckTag(const Node& node, const ObjectType& type, const std::string& path, const Span& where);
  void WrongType(const Node& node, const Field& field, const std::string& path, std::string_view expected);

  Diagnostics* const diagnostics_;
  const bool partial_;
  std::map<std::string, Span, std::less<>> spans_;
  std::set<std::string, std::less<>> bad_paths_;
};

/// Reads a checked mapping by declared names; what is not written, or was found wrong, has the declared default.
/// Asking for a name or type that is not declared is our mistake (FIRN_CHECK). Borrowed: node and type outlive it.
class ObjectView {
 public:
  /// `node`: null if the object was not written.
  ObjectView(const Node* node, const ObjectType& type);

  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  const Node* Find(std::string_view name) const;         // null if not written
  std::string_view variant() const { return variant_; }  // the tag's value

  std::string Text(std::string_view name) const;  // text, enum, URL, expression, time zone; "" without a default
  int64_t Int(std::string_view name) const;       // also sizes (bytes) and durations (ms); 0 without a default
  std::optional<int64_t> OptionalInt(std::string_view name) const;
  bool Bool(std::string_view name) const;
  std::vector<std::string> TextList(std::string_view name) const;  // one text counts as a list of one
  std::vector<std::pair<std::string, std::string>> TextMap(std::string_view name) const;
  ObjectView Object(std::string_view name) const;
  bool IsScalar(std::string_view name) const;
  const Field& Declared(std::string_view name) const;

 private:
  const Node* const node_;
  const ObjectType* const type_;
  std::string variant_;
};

/// Returns the alternative of a kOneOf field that takes this node, the field itself for other types, null if none does.
const Field* AlternativeFor(const Field& field, const Node& node);

/// Returns the value of a scalar as a message may show it: "`x`", or "the value" if it is secret or interpolated.
std::string ShownValue(const Node& node, bool secret = false);

}  // namespace firn::config
