#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connector/airbyte/component.h"
#include "expression/jinja/value.h"

/// Small edits of the runtime's values: they are immutable, so an edit works on a copy of the entries.
namespace firn::source::airbyte {

namespace jinja = expression::jinja;
using connector::airbyte::Component;
using jinja::Entries;
using jinja::List;
using jinja::Value;

/// One map that all share.
inline Value EmptyMap() {
  static const Value empty = Value::OfMap({});
  return empty;
}
/// Sets a key: in its place if it exists, else at the end.
void Put(Entries& entries, std::string_view key, Value value);
/// Removes a key if it exists; returns whether it did.
bool Drop(Entries& entries, std::string_view key);
/// Returns the place of a key, or null.
Value* FindEntry(Entries& entries, std::string_view key);
const Value* FindEntry(const Entries& entries, std::string_view key);
/// The keys of `over` win over those of `under`.
Value Merge(const Value& under, const Value& over);
/// A field of a component as a runtime value; undefined if it is absent or null.
Value FieldOf(const Component& component, std::string_view field);
/// The value at a plain path of keys and list indexes, or nullptr-like undefined.
Value At(const Value& value, const std::vector<std::string>& path);
/// Reads whatever is still to be read when it is needed (jinja::LazyMap), so that threads may share the value and
/// nothing larger is kept by it. Returns the value.
Value Settled(Value value);
/// JSON with sorted keys and no spaces: equal for equal values.
std::string CanonicalJson(const Value& value);

}  // namespace firn::source::airbyte
