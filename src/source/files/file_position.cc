#include "source/files/file_position.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

namespace firn::source::files {
namespace {

constexpr char kFresh = 'f', kNone = '-';

Status NoPosition() {
  return MakeError(Fault::kConfig, "the position of a file cannot be read",
                   {.code = "E0886",
                    .why = "it was written by a newer firn, or by hand",
                    .state = "nothing was changed",
                    .next = "firn state get"});
}

bool ReadNumber(std::string_view text, int64_t* out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

bool ReadHash(std::string_view text, Hash128* out) {
  if (text.size() != 32) return false;
  const auto half = [](std::string_view hex, uint64_t* value) {
    const auto [end, error] = std::from_chars(hex.data(), hex.data() + hex.size(), *value, 16);
    return error == std::errc() && end == hex.data() + hex.size();
  };
  return half(text.substr(0, 16), &out->high) && half(text.substr(16), &out->low);
}

std::string Quoted(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

Result<std::string> Unquoted(const Position& position) {
  const auto parsed = nlohmann::json::parse(position.json, nullptr, /*allow_exceptions=*/false);
  if (!parsed.is_string()) return NoPosition();
  return parsed.get<std::string>();
}

// Fields are parted by blanks; the last one may hold them.
std::vector<std::string_view> Fields(std::string_view text, size_t most) {
  std::vector<std::string_view> fields;
  while (fields.size() + 1 < most) {
    const size_t blank = text.find(' ');
    if (blank == std::string_view::npos) break;
    fields.push_back(text.substr(0, blank));
    text.remove_prefix(blank + 1);
  }
  fields.push_back(text);
  return fields;
}

}  // namespace

Position ToPosition(const FilePosition& position) {
  const auto text = [](const std::string& value) { return value.empty() ? std::string(1, kNone) : value; };
  std::string etag = position.stamp.etag;
  for (char& c : etag) c = c == ' ' ? '_' : c;
  std::string out = "1 " + std::to_string(position.stamp.size) + " " + std::to_string(position.stamp.modified_micros) +
                    " " + text(etag) + " " + (position.content ? position.content->Hex() : text("")) + " " +
                    (position.fresh ? kFresh : kNone);
  if (position.mark) {
    const Mark& mark = *position.mark;
    out += " " + std::to_string(mark.offset) + " " + std::to_string(mark.num_hashed) + " " + mark.hash.Hex() + " " +
           std::to_string(mark.num_lines) + " " + text(mark.csv);
  }
  return {.json = Quoted(out)};
}

Result<FilePosition> ParseFilePosition(const Position& position) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, Unquoted(position));
  const auto fields = Fields(text, 11);
  FilePosition out;
  if ((fields.size() != 6 && fields.size() != 11) || fields[0] != "1") return NoPosition();
  if (!ReadNumber(fields[1], &out.stamp.size) || !ReadNumber(fields[2], &out.stamp.modified_micros))
    return NoPosition();
  if (fields[3] != "-") out.stamp.etag = fields[3];
  if (fields[4] != "-" && !ReadHash(fields[4], &out.content.emplace())) return NoPosition();
  out.fresh = fields[5] == std::string_view(&kFresh, 1);
  if (fields.size() == 6) return out;
  Mark& mark = out.mark.emplace();
  if (!ReadNumber(fields[6], &mark.offset) || !ReadNumber(fields[7], &mark.num_hashed) ||
      !ReadHash(fields[8], &mark.hash) || !ReadNumber(fields[9], &mark.num_lines)) {
    return NoPosition();
  }
  if (mark.offset < 0 || mark.num_hashed < mark.offset) return NoPosition();
  if (fields[10] != "-") mark.csv = fields[10];
  return out;
}

Position ToPosition(const std::vector<Content>& gone) {
  std::string out = "1";
  for (const Content& content : gone) out += " " + std::to_string(content.size) + ":" + content.hash.Hex();
  return {.json = Quoted(out)};
}

Result<std::vector<Content>> ParseGone(const Position& position) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, Unquoted(position));
  std::vector<Content> gone;
  const auto fields = Fields(text, kGoneMax + 2);
  if (fields.front() != "1") return NoPosition();
  for (size_t i = 1; i < fields.size(); ++i) {
    const size_t colon = fields[i].find(':');
    Content content;
    if (colon == std::string_view::npos || !ReadNumber(fields[i].substr(0, colon), &content.size) ||
        !ReadHash(fields[i].substr(colon + 1), &content.hash)) {
      return NoPosition();
    }
    gone.push_back(content);
  }
  return gone;
}

}  // namespace firn::source::files
