#include "source/airbyte/values.h"

#include <algorithm>
#include <charconv>

namespace firn::source::airbyte {

Value* FindEntry(Entries& entries, std::string_view key) {
  for (auto& [name, value] : entries) {
    if (name.is_string() && name.as_string() == key) return &value;
  }
  return nullptr;
}

const Value* FindEntry(const Entries& entries, std::string_view key) {
  return FindEntry(const_cast<Entries&>(entries), key);
}

void Put(Entries& entries, std::string_view key, Value value) {
  if (Value* place = FindEntry(entries, key); place != nullptr) {
    *place = std::move(value);
  } else {
    entries.emplace_back(Value::String(key), std::move(value));
  }
}

bool Drop(Entries& entries, std::string_view key) {
  const auto found = std::find_if(entries.begin(), entries.end(), [&](const auto& entry) {
    return entry.first.is_string() && entry.first.as_string() == key;
  });
  if (found == entries.end()) return false;
  entries.erase(found);
  return true;
}

Value Merge(const Value& under, const Value& over) {
  Entries merged = under.is_map() ? under.as_map() : Entries();
  if (over.is_map()) {
    for (const auto& [key, value] : over.as_map()) Put(merged, jinja::ToText(key), value);
  }
  return Value::OfMap(std::move(merged));
}

Value FieldOf(const Component& component, std::string_view field) {
  const auto* found = component.Find(field);
  return found == nullptr ? Value() : jinja::FromCore(*found);
}

Value At(const Value& value, const std::vector<std::string>& path) {
  Value current = value;
  for (const std::string& step : path) {
    if (current.is_map()) {
      current = current.Find(step).value_or(Value());
    } else if (current.is_list()) {
      size_t index = 0;
      const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
      const bool valid = error == std::errc() && end == step.data() + step.size() && index < current.as_list().size();
      const Value item = valid ? current.as_list()[index] : Value();
      current = item;
    } else {
      return Value();
    }
  }
  return current;
}

Value Settled(Value value) {
  if (value.is_list()) {
    for (const Value& item : value.as_list()) Settled(item);
  } else if (value.is_map()) {
    for (const auto& [key, item] : value.as_map()) Settled(item);
  }
  return value;
}

std::string CanonicalJson(const Value& value) {
  if (value.is_map()) {
    std::vector<std::pair<std::string, const Value*>> sorted;
    const Entries& entries = value.as_map();
    for (const auto& [key, item] : entries) sorted.emplace_back(jinja::ToText(key), &item);
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    std::string out = "{";
    for (const auto& [key, item] : sorted) {
      if (out.size() > 1) out += ',';
      out += jinja::ToJson(Value::String(key)) + ":" + CanonicalJson(*item);
    }
    return out + "}";
  }
  if (value.is_list()) {
    std::string out = "[";
    for (const Value& item : value.as_list()) {
      if (out.size() > 1) out += ',';
      out += CanonicalJson(item);
    }
    return out + "]";
  }
  return jinja::ToJson(value);
}

}  // namespace firn::source::airbyte
