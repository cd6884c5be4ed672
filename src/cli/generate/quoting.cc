#include "cli/generate/quoting.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

namespace firn::cli {
namespace {

std::string Replaced(std::string text, std::string_view what, std::string_view by) {
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
    text.replace(at, what.size(), by);
  }
  return text;
}

bool IsPlain(std::string_view word) {
  const auto fine = [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view("_-./:=@,+").find(static_cast<char>(c)) != std::string_view::npos;
  };
  return !word.empty() && std::ranges::all_of(word, fine);
}

}  // namespace

std::string Filled(std::string_view text, const std::map<std::string, std::string, std::less<>>& values) {
  std::string out;
  for (size_t at = text.find('@'); at != std::string_view::npos; at = text.find('@')) {
    const size_t end = text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ_", at + 1);
    const bool closed = end != std::string_view::npos && text[end] == '@';
    const auto value = closed ? values.find(text.substr(at + 1, end - at - 1)) : values.end();
    out += text.substr(0, value == values.end() ? at + 1 : at);
    if (value != values.end()) out += value->second;
    text.remove_prefix(value == values.end() ? at + 1 : end + 1);
  }
  return out += text;
}

std::string Quoted(std::string_view text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string QuotedList(const std::vector<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + Quoted(item);
  return "[" + text + "]";
}

std::string ShellWords(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += (text.empty() ? "" : " ") + (IsPlain(word) ? word : "'" + Replaced(word, "'", "'\\''") + "'");
  }
  return text;
}

std::string UnitWords(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    const std::string safe = Replaced(Replaced(word, "%", "%%"), "$", "$$");
    text += (text.empty() ? "" : " ") + (IsPlain(safe) ? safe : Quoted(safe));
  }
  return text;
}

std::string UnitPath(std::string_view path) {
  return Replaced(std::string(path), "%", "%%");
}

std::string SafeName(std::string_view text, char separator) {
  std::string name;
  for (const char c : text) name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : separator;
  if (name.empty() || std::isalpha(static_cast<unsigned char>(name.front())) == 0)
    name = std::string("f") + separator + name;
  return name;
}

}  // namespace firn::cli
