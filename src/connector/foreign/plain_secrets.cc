#include "connector/foreign/plain_secrets.h"

#include <algorithm>
#include <utility>

#include "base/ascii.h"
#include "config/secret_names.h"

namespace firn::connector::foreign {
namespace {

class SecretTaker {
 public:
  explicit SecretTaker(Draft* draft) : draft_(*draft) {}

  // The parts of a source or table whose keys are names of the API's.
  void TakeOf(Map* owner) {
    for (auto& [key, value] : *owner) {
      if (key == "headers" || key == "params" || key == "body") value = Taken(key, value);
    }
  }

 private:
  Value Taken(const std::string& key, const Value& value) {
    if (value.kind() == Value::Kind::kMap) {
      Map map;
      for (const auto& [name, item] : value.as_map()) map.emplace_back(name, Taken(name, item));
      return Value::OfMap(std::move(map));
    }
    if (value.kind() == Value::Kind::kList) {
      List list;
      for (const Value& item : value.as_list()) list.push_back(Taken(key, item));
      return Value::OfList(std::move(list));
    }
    if (!value.is_string() || value.as_string().empty() || !config::LooksSecret(key)) return value;
    const std::string text(value.as_string());
    if (text.find("{{") != std::string::npos) return value;
    if (text.find("${setting:") == std::string::npos) return Value::String(SettingText(SettingFor(key, text)));
    for (Setting& setting : draft_.settings) {
      if (text.find(SettingText(setting.name)) != std::string::npos) setting.secret = true;
    }
    return value;
  }

  const std::string& SettingFor(const std::string& key, const std::string& text) {
    const auto known = std::ranges::find(taken_, text, &std::pair<std::string, std::string>::first);
    if (known != taken_.end()) return known->second;
    const std::string wanted = NameOf(AsciiLower(key));
    std::string name = wanted;
    for (int number = 2; std::ranges::find(draft_.settings, name, &Setting::name) != draft_.settings.end(); ++number) {
      name = wanted + "_" + std::to_string(number);
    }
    draft_.settings.push_back({.name = name, .doc = "Value of " + key, .secret = true});
    return taken_.emplace_back(text, name).second;
  }

  Draft& draft_;
  std::vector<std::pair<std::string, std::string>> taken_;  // text, setting
};

}  // namespace

void TakeSecretsOut(Draft* draft) {
  SecretTaker taker(draft);
  taker.TakeOf(&draft->source);
  for (auto& [name, table] : draft->tables) {
    if (table.kind() != Value::Kind::kMap) continue;
    Map fields = table.as_map();
    taker.TakeOf(&fields);
    table = Value::OfMap(std::move(fields));
  }
}

}  // namespace firn::connector::foreign
