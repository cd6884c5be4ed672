#include "connector/foreign/draft.h"

#include <cctype>
#include <cstdlib>

namespace firn::connector::foreign {

Refusal RefusalOf(const std::string& table, uint32_t line, const Status& status) {
  std::string why = status.message();
  if (why.starts_with("line ")) {
    line = static_cast<uint32_t>(std::strtoul(why.c_str() + 5, nullptr, 10));
    why = why.substr(why.find(": ") + 2);
  }
  return {.table = table, .line = line, .why = std::move(why)};
}

std::string Literal(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '$' ? "$$" : std::string(1, c);
  return escaped;
}

std::string SettingText(std::string_view name) {
  return "${setting:" + std::string(name) + "}";
}

std::string NameOf(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool fits = std::isalnum(static_cast<unsigned char>(c)) != 0 && static_cast<unsigned char>(c) < 0x80;
    name += fits ? c : '_';
  }
  return name.empty() || std::isalpha(static_cast<unsigned char>(name[0])) == 0 ? "x" + name : name;
}

void Put(Map* map, std::string key, Value value) {
  if (!value.is_null()) map->emplace_back(std::move(key), std::move(value));
}

void Put(Map* map, std::string key, std::string text) {
  map->emplace_back(std::move(key), Value::String(std::move(text)));
}

}  // namespace firn::connector::foreign
