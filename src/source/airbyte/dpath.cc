#include "source/airbyte/dpath.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace firn::source::airbyte {
namespace {

std::optional<size_t> IndexOf(std::string_view step) {
  size_t index = 0;
  const auto [end, error] = std::from_chars(step.data(), step.data() + step.size(), index);
  if (error != std::errc() || end != step.data() + step.size()) return std::nullopt;
  return index;
}

bool MatchesStep(std::string_view key, std::string_view step) {
  return key == step || (IsGlob(step) && MatchesGlob(key, step));
}

// Item `index` of `count`; a negative step counts from the end.
bool MatchesItem(size_t index, size_t count, std::string_view step) {
  if (step.starts_with('-')) {
    const auto back = IndexOf(step.substr(1));
    return back && index + *back == count;
  }
  return IndexOf(step) == index || MatchesStep(std::to_string(index), step);
}

// Places in a path: those of the steps that may come next. A place at the end of the path means that it is matched.
using Places = std::vector<size_t>;

void AddPlace(const Path& path, size_t place, Places* places) {
  if (std::ranges::find(*places, place) != places->end()) return;
  places->push_back(place);
  if (place < path.size() && path[place] == "**") AddPlace(path, place + 1, places);
}

template <typename Matches>
Places NextPlaces(const Path& path, const Places& places, Matches&& matches) {
  Places next;
  for (const size_t place : places) {
    if (place == path.size()) continue;
    if (path[place] == "**") {
      AddPlace(path, place, &next);
    } else if (matches(path[place])) {
      AddPlace(path, place + 1, &next);
    }
  }
  return next;
}

bool AtEnd(const Path& path, const Places& places) {
  return std::ranges::find(places, path.size()) != places.end();
}

Value Without(const Value& root, const Path& path, const Places& places) {
  if (places.empty()) return root;
  if (root.is_map()) {
    Entries kept;
    for (const auto& [key, item] : root.as_map()) {
      const std::string name = jinja::ToText(key);
      const Places next = NextPlaces(path, places, [&](std::string_view step) { return MatchesStep(name, step); });
      if (!AtEnd(path, next)) kept.emplace_back(key, Without(item, path, next));
    }
    return Value::OfMap(std::move(kept));
  }
  if (!root.is_list()) return root;
  const List& items = root.as_list();
  List kept;
  for (size_t i = 0; i < items.size(); ++i) {
    const Places next =
        NextPlaces(path, places, [&](std::string_view step) { return MatchesItem(i, items.size(), step); });
    if (!AtEnd(path, next)) {
      kept.push_back(Without(items[i], path, next));
    } else if (i + 1 < items.size()) {
      kept.push_back(Value::Null());
    }
  }
  return Value::OfList(std::move(kept));
}

void Collect(const Value& value, const Path& path, size_t depth, std::vector<Value>* out) {
  if (depth == path.size()) {
    out->push_back(value);
    return;
  }
  const std::string& step = path[depth];
  const bool any_depth = step == "**";
  if (any_depth) Collect(value, path, depth + 1, out);
  const size_t next = any_depth ? depth : depth + 1;
  if (value.is_map()) {
    if (!any_depth && !IsGlob(step)) {
      if (auto found = value.Find(step)) Collect(*found, path, next, out);
      return;
    }
    for (const auto& [key, item] : value.as_map()) {
      if (any_depth || MatchesStep(jinja::ToText(key), step)) Collect(item, path, next, out);
    }
  } else if (value.is_list()) {
    const List& items = value.as_list();
    for (size_t i = 0; i < items.size(); ++i) {
      if (any_depth || MatchesItem(i, items.size(), step)) Collect(items[i], path, next, out);
    }
  }
}

// Reads a [set] of a pattern beginning at `at` (after the bracket); returns the place after it, or npos if it is open.
size_t MatchSet(std::string_view pattern, size_t at, char c, bool* matched) {
  const bool negated = at < pattern.size() && pattern[at] == '!';
  if (negated) ++at;
  bool found = false;
  for (size_t first = at; at < pattern.size(); ++at) {
    if (pattern[at] == ']' && at != first) {
      *matched = found != negated;
      return at + 1;
    }
    if (at + 2 < pattern.size() && pattern[at + 1] == '-' && pattern[at + 2] != ']') {
      found = found || (pattern[at] <= c && c <= pattern[at + 2]);
      at += 2;
    } else {
      found = found || pattern[at] == c;
    }
  }
  return std::string_view::npos;
}

}  // namespace

bool IsGlob(std::string_view step) {
  return step.find_first_of("*?[") != std::string_view::npos;
}

bool MatchesGlob(std::string_view text, std::string_view pattern) {
  size_t t = 0, p = 0, star = std::string_view::npos, resume = 0;
  while (t < text.size()) {
    bool matched = false;
    size_t next = p + 1;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
      continue;
    }
    if (p < pattern.size()) {
      if (pattern[p] == '?') {
        matched = true;
      } else if (pattern[p] == '[') {
        next = MatchSet(pattern, p + 1, text[t], &matched);
        if (next == std::string_view::npos) {
          matched = text[t] == '[';
          next = p + 1;
        }
      } else {
        matched = pattern[p] == text[t];
      }
    }
    if (matched) {
      ++t;
      p = next;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::vector<Value> ValuesAt(const Value& root, const Path& path) {
  std::vector<Value> out;
  Collect(root, path, 0, &out);
  return out;
}

Value ValueAt(const Value& root, const Path& path) {
  std::vector<Value> found = ValuesAt(root, path);
  return found.empty() ? Value() : found.front();
}

Value WithValueAt(const Value& root, const Path& path, size_t depth, Value value) {
  if (depth == path.size()) return value;
  const std::string& step = path[depth];
  const auto index = IndexOf(step);
  const bool makes_list = depth > 0 && index && root.is_undefined();
  if (root.is_list() || makes_list) {
    if (!index || *index > 1'000'000) return root;
    List items = makes_list ? List() : root.as_list();
    while (items.size() <= *index) items.push_back(Value::Null());
    items[*index] = WithValueAt(items[*index], path, depth + 1, std::move(value));
    return Value::OfList(std::move(items));
  }
  if (!root.is_map() && !root.is_null() && !root.is_undefined()) return root;
  Entries entries = root.is_map() ? root.as_map() : Entries();
  const Value* old = FindEntry(entries, step);
  Value inner = WithValueAt(old == nullptr ? Value() : *old, path, depth + 1, std::move(value));
  Put(entries, step, std::move(inner));
  return Value::OfMap(std::move(entries));
}

Value WithoutPath(const Value& root, const Path& path) {
  Places start;
  AddPlace(path, 0, &start);
  return Without(root, path, start);
}

Result<Value> WithoutLeaves(const Value& root, const std::function<Result<bool>(const Value&)>& drop) {
  const auto kept_part = [&drop](const Value& item) -> Result<std::optional<Value>> {
    if (item.is_map() || item.is_list()) {
      ARROW_ASSIGN_OR_RAISE(Value inner, WithoutLeaves(item, drop));
      return inner;
    }
    ARROW_ASSIGN_OR_RAISE(const bool dropped, drop(item));
    return dropped ? std::nullopt : std::optional<Value>(item);
  };
  if (root.is_map()) {
    Entries kept;
    for (const auto& [key, item] : root.as_map()) {
      ARROW_ASSIGN_OR_RAISE(auto part, kept_part(item));
      if (part) kept.emplace_back(key, std::move(*part));
    }
    return Value::OfMap(std::move(kept));
  }
  if (!root.is_list()) return root;
  const List& items = root.as_list();
  List kept;
  for (size_t i = 0; i < items.size(); ++i) {
    ARROW_ASSIGN_OR_RAISE(auto part, kept_part(items[i]));
    if (part || i + 1 < items.size()) kept.push_back(part.value_or(Value::Null()));
  }
  return Value::OfList(std::move(kept));
}

}  // namespace firn::source::airbyte
