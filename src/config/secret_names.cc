#include "config/secret_names.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/edit_distance.h"
#include "base/redactor.h"
#include "config/text_position.h"

namespace firn::config {
namespace {

constexpr std::string_view kNameChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

// Field names of ours that contain a secret's word and hold none.
constexpr std::array<std::string_view, 8> kHarmless = {"token_url", "token_path", "authorize_url", "primary_key",
                                                       "auth",      "author",     "authors",       "basic"};
constexpr std::array<std::string_view, 9> kParts = {"token",      "secret",   "passw",   "apikey", "api_key",
                                                    "credential", "authoriz", "private", "cookie"};
constexpr std::array<std::string_view, 5> kWords = {"token", "password", "secret", "api_key", "mask_key"};

/// Masks [begin, end) of `line`, keeping `${…}`.
void MaskRange(std::string* line, size_t begin, size_t end) {
  std::string masked;
  for (size_t at = begin; at < end;) {
    if (line->compare(at, 2, "${") == 0) {
      const size_t close = std::min(line->find('}', at), end - 1);
      masked += line->substr(at, close + 1 - at);
      at = close + 1;
      continue;
    }
    const size_t length = std::max<size_t>(CodePointBytes(std::string_view(*line).substr(at)), 1);
    masked += '*';
    at += length;
  }
  line->replace(begin, end - begin, masked);
}

void MaskValues(std::string* line) {
  for (size_t colon = line->find(':'); colon != std::string::npos; colon = line->find(':', colon + 1)) {
    size_t name_end = colon;
    while (name_end > 0 && ((*line)[name_end - 1] == '"' || (*line)[name_end - 1] == '\'')) --name_end;
    size_t name_begin = name_end;
    while (name_begin > 0 && kNameChars.find((*line)[name_begin - 1]) != std::string_view::npos) --name_begin;
    if (!LooksSecret(std::string_view(*line).substr(name_begin, name_end - name_begin))) continue;
    const size_t value = line->find_first_not_of(" \t", colon + 1);
    if (value == std::string::npos || (*line)[value] == '{' || (*line)[value] == '[') continue;
    const bool quoted = (*line)[value] == '"' || (*line)[value] == '\'';
    size_t end = quoted ? line->find((*line)[value], value + 1) : line->find_first_of(",}", value);
    if (line->compare(value, 2, "${") == 0) end = line->find_first_of(",", line->find('}', value));
    const size_t begin = quoted ? value + 1 : value;
    end = std::min(end, line->size());
    if (begin < end) MaskRange(line, begin, end);
  }
}

void MaskUrlCredentials(std::string* line) {
  for (size_t at = line->find("://"); at != std::string::npos; at = line->find("://", at + 3)) {
    const size_t end = line->find_first_of("/ \t\"'@", at + 3);
    if (end != std::string::npos && (*line)[end] == '@') MaskRange(line, at + 3, end);
  }
}

}  // namespace

bool LooksSecret(std::string_view name) {
  std::string lower(name);
  std::replace(lower.begin(), lower.end(), '-', '_');
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  if (lower == "key") return true;  // what several APIs call their API key
  if (lower.empty() || std::find(kHarmless.begin(), kHarmless.end(), lower) != kHarmless.end()) return false;
  for (const std::string_view part : kParts) {
    if (lower.find(part) != std::string::npos) return true;
  }
  for (const std::string_view word : kWords) {
    if (EditDistance(lower, word) <= (word.size() > 4 ? 1U : 0U)) return true;
  }
  return false;
}

std::string MaskLine(std::string_view text) {
  std::string line(text);
  MaskValues(&line);
  MaskUrlCredentials(&line);
  const std::string redacted = ProcessRedactor().Redact(line);
  return redacted;
}

}  // namespace firn::config
