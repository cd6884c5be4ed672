#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "expression/value.h"

namespace firn::connector::airbyte {

using expression::List;
using expression::Map;
using expression::Value;

/// Returns the place of a key, or null. Borrowed.
const Value* FindKey(const Map& map, std::string_view key);
/// Sets a key: in its place if it exists, else at the end.
void SetKey(Map& map, std::string_view key, Value value);
/// Removes a key if it exists; returns whether it did.
bool EraseKey(Map& map, std::string_view key);
/// Makes a map of entries whose keys are known to differ.
Value MapOf(Map entries);

/// What a text counts against the limits of a manifest's size: long ones as several nodes.
inline int64_t NodesOfText(size_t num_bytes) {
  return 1 + static_cast<int64_t>(num_bytes / 64);
}

/// One component of a manifest after references, default types and parameters: a map with a "type". Cheap to copy.
class Component {
 public:
  Component() = default;
  /// `path`: where it stands in the manifest, for messages ("streams[3].retriever").
  Component(Value value, std::string path) : value_(std::move(value)), path_(std::move(path)) {}

  const Value& value() const { return value_; }
  const std::string& path() const { return path_; }
  bool present() const { return value_.kind() == Value::Kind::kMap; }
  /// The component's "type", or "".
  std::string type() const { return Text("type"); }
  /// The value of a field that is there and not null, or null. Borrowed.
  const Value* Find(std::string_view field) const;
  bool Has(std::string_view field) const { return Find(field) != nullptr; }
  /// A field as text: strings as they are, numbers and booleans as Python prints them.
  std::string Text(std::string_view field, std::string otherwise = "") const;
  bool Flag(std::string_view field, bool otherwise = false) const;
  std::optional<int64_t> Integer(std::string_view field) const;
  /// A field that is a component; not present() if it is absent.
  Component Child(std::string_view field) const;
  /// A field that is a list of components, or one component in place of a list.
  std::vector<Component> Children(std::string_view field) const;
  /// The parameters that reached this component; an empty map if none.
  Value Parameters() const;

 private:
  Value value_;
  std::string path_;
};

/// kConfig: a manifest that cannot run, with the component's place.
Status ManifestError(const Component& component, std::string_view message);

/// A Custom* component, or one that names a Python class: firn has no Python.
bool IsCustom(const Component& component);

}  // namespace firn::connector::airbyte
