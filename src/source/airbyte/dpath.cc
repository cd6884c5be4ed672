#include "source/airbyte/dpath.h"

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
      if (any_depth || MatchesStep(std::to_string(i), step)) Collect(items[i], path, next, out);
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
  if (root.is_list()) {
    const auto index = IndexOf(step);
    if (!index || *index > 1'000'000) return root;
    List items = root.as_list();
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

Value WithoutPath(const Value& root, const Path& path, size_t depth) {
  if (depth >= path.size()) return root;
  const std::string& step = path[depth];
  const bool last = depth + 1 == path.size();
  if (root.is_map()) {
    Entries kept;
    for (const auto& [key, item] : root.as_map()) {
      const bool matches = step == "**" || MatchesStep(jinja::ToText(key), step);
      if (matches && last) continue;
      kept.emplace_back(key, matches ? WithoutPath(item, path, depth + 1) : item);
    }
    return Value::OfMap(std::move(kept));
  }
  if (!root.is_list()) return root;
  List items = root.as_list();
  for (size_t i = items.size(); i-- > 0;) {
    if (!MatchesStep(std::to_string(i), step)) continue;
    if (!last) {
      items[i] = WithoutPath(items[i], path, depth + 1);
    } else if (i + 1 == items.size()) {
      items.pop_back();
    } else {
      items[i] = Value::Null();
    }
  }
  return Value::OfList(std::move(items));
}

}  // namespace firn::source::airbyte
