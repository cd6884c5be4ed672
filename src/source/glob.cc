#include "source/glob.h"

#include <algorithm>
#include <optional>

namespace firn::source {
namespace {

constexpr size_t kAlternativesMax = 1'000;

Status NoPattern(std::string_view pattern, const std::string& why) {
  return MakeError(Fault::kConfig, "`" + std::string(pattern) + "` is not a pattern of paths",
                   {.code = "E0497", .why = why, .next = "write `\\` before a character that is meant itself"});
}

// Offset of the character that closes the one at `begin`; npos if there is none.
size_t ClosingBrace(std::string_view text, size_t begin) {
  int depth = 0;
  for (size_t i = begin; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '{') {
      ++depth;
    } else if (text[i] == '}' && --depth == 0) {
      return i;
    }
  }
  return std::string_view::npos;
}

std::vector<std::string_view> SplitAtCommas(std::string_view text) {
  std::vector<std::string_view> parts;
  int depth = 0;
  size_t begin = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '{')
      ++depth;
    else if (text[i] == '}')
      --depth;
    else if (text[i] == ',' && depth == 0) {
      parts.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    }
  }
  parts.push_back(text.substr(begin));
  return parts;
}

Status Expand(std::string_view whole, const std::string& pattern, std::vector<std::string>* out) {
  size_t brace = 0;
  while (brace < pattern.size() && pattern[brace] != '{') brace += pattern[brace] == '\\' ? 2 : 1;
  if (brace >= pattern.size()) {
    if (out->size() >= kAlternativesMax) return NoPattern(whole, "its braces make over 1,000 patterns");
    out->push_back(pattern);
    return Status::OK();
  }
  const size_t end = ClosingBrace(pattern, brace);
  if (end == std::string::npos) return NoPattern(whole, "a `{` is never closed");
  for (const std::string_view part : SplitAtCommas(std::string_view(pattern).substr(brace + 1, end - brace - 1))) {
    ARROW_RETURN_NOT_OK(Expand(whole, pattern.substr(0, brace) + std::string(part) + pattern.substr(end + 1), out));
  }
  return Status::OK();
}

// Whether the class that begins behind `[` at *at takes `c`; *at is moved behind its `]`. nullopt: it never ends.
std::optional<bool> ClassTakes(std::string_view pattern, size_t* at, char c) {
  size_t i = *at;
  const bool inverted = i < pattern.size() && (pattern[i] == '!' || pattern[i] == '^');
  if (inverted) ++i;
  bool found = false;
  for (const size_t first = i; i < pattern.size() && (pattern[i] != ']' || i == first); ++i) {
    if (i + 2 < pattern.size() && pattern[i + 1] == '-' && pattern[i + 2] != ']') {
      found |= pattern[i] <= c && c <= pattern[i + 2];
      i += 2;
    } else {
      found |= pattern[i] == c;
    }
  }
  if (i >= pattern.size()) return std::nullopt;
  *at = i + 1;
  return found != inverted;
}

// One part, without slashes. Goes back to the last `*` alone, so its time is at most the product of both lengths.
bool PartMatches(std::string_view pattern, std::string_view text) {
  size_t p = 0, t = 0, star = std::string_view::npos, star_text = 0;
  while (t < text.size()) {
    size_t after = p;
    bool takes = false;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_text = t;
      continue;
    }
    if (p < pattern.size()) {
      after = p + 1;
      if (pattern[p] == '?') {
        takes = true;
      } else if (pattern[p] == '[') {
        takes = ClassTakes(pattern, &after, text[t]).value_or(false);
      } else if (pattern[p] == '\\' && p + 1 < pattern.size()) {
        takes = pattern[p + 1] == text[t];
        after = p + 2;
      } else {
        takes = pattern[p] == text[t];
      }
    }
    if (takes) {
      p = after;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++star_text;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// As in shells: the dot that hides a file or folder is matched by a dot alone.
bool IsHidden(std::string_view part) {
  return part.starts_with('.');
}
bool TakesHidden(std::string_view pattern) {
  return pattern.starts_with('.') || pattern.starts_with("\\.");
}

std::string_view FirstPart(std::string_view path) {
  return path.substr(0, path.find('/'));
}

std::string_view WithoutFirst(std::string_view path) {
  const size_t slash = path.find('/');
  return slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
}

bool PathMatches(std::string_view pattern, std::string_view path) {
  while (!pattern.empty()) {
    const std::string_view part = FirstPart(pattern);
    const std::string_view rest = WithoutFirst(pattern);
    if (part == "**") {
      for (std::string_view left = path; !left.empty(); left = WithoutFirst(left)) {
        if (!rest.empty() && PathMatches(rest, left)) return true;
        if (IsHidden(FirstPart(left))) return false;
      }
      return rest.empty() && !path.empty();
    }
    if (path.empty() || !PartMatches(part, FirstPart(path))) return false;
    if (IsHidden(FirstPart(path)) && !TakesHidden(part)) return false;
    const bool more = path.find('/') != std::string_view::npos;
    if (more != (pattern.find('/') != std::string_view::npos)) return false;
    pattern = rest;
    path = WithoutFirst(path);
  }
  return path.empty();
}

bool HasWildcard(std::string_view text) {
  return text.find_first_of("*?[\\") != std::string_view::npos;
}

// Folders before the first part with a wildcard, and before the file's name.
std::string FolderOfPattern(std::string_view pattern) {
  const size_t wild = std::min(pattern.find_first_of("*?[\\"), pattern.size());
  const size_t slash = pattern.substr(0, wild).rfind('/');
  return slash == std::string_view::npos ? "" : std::string(pattern.substr(0, slash));
}

std::string CommonFolder(const std::string& a, const std::string& b) {
  size_t same = 0;
  while (same < a.size() && same < b.size() && a[same] == b[same]) ++same;
  const bool whole = (same == a.size() || a[same] == '/') && (same == b.size() || b[same] == '/');
  if (whole) return a.substr(0, same);
  const size_t slash = a.substr(0, same).rfind('/');
  return slash == std::string::npos ? "" : a.substr(0, slash);
}

}  // namespace

Result<Glob> Glob::Parse(std::string_view pattern) {
  Glob glob;
  ARROW_RETURN_NOT_OK(Expand(pattern, std::string(pattern), &glob.alternatives_));
  for (std::string& alternative : glob.alternatives_) {
    if (alternative.starts_with("./")) alternative.erase(0, 2);
    for (size_t i = 0; i < alternative.size(); ++i) {
      if (alternative[i] == '\\') {
        ++i;
      } else if (alternative[i] == '[') {
        size_t at = i + 1;
        if (!ClassTakes(alternative, &at, 'a')) return NoPattern(pattern, "a `[` is never closed");
        i = at - 1;
      }
    }
  }
  glob.folder_ = FolderOfPattern(glob.alternatives_.front());
  for (const std::string& alternative : glob.alternatives_) {
    glob.folder_ = CommonFolder(glob.folder_, FolderOfPattern(alternative));
  }
  const std::string& only = glob.alternatives_.front();
  if (glob.alternatives_.size() == 1 && !HasWildcard(only)) glob.literal_ = only;
  return glob;
}

bool Glob::Matches(std::string_view path) const {
  return std::ranges::any_of(alternatives_, [&](const std::string& one) { return PathMatches(one, path); });
}

}  // namespace firn::source
