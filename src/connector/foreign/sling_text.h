#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connector/foreign/draft.h"
#include "connector/foreign/written_value.h"

namespace firn::connector::foreign {

/// The texts of one endpoint of a Sling spec: `{state.x}`, `{secrets.y}` and `{env.Z}` inside of text. State that only
/// holds a constant is put in; state that paging, a loop or the cursor moves is named by its user.
class SlingTexts {
 public:
  /// Sets a state variable: what it holds, or what it is said as natively ("{{ partition.region }}").
  void SetState(const std::string& name, WrittenValue value) { state_[name] = std::move(value); }
  void SayState(const std::string& name, std::string native) { said_[name] = std::move(native); }
  const WrittenValue* State(const std::string& name) const;

  /// The whole as a native text. Errors: kConfig (WrittenError), the expression that cannot be said.
  Result<std::string> Native(const WrittenValue& value);
  /// "limit" of "{state.limit}" or "${state.limit}", if the text is nothing else.
  static std::optional<std::string> StateOf(const WrittenValue& value);
  /// The one expression of a text, without its braces.
  static std::optional<std::string> ExpressionOf(const WrittenValue& value);

  const std::vector<Setting>& settings() const { return settings_; }
  /// Takes the place-holder of a secret or variable, declaring it.
  std::string DeclareSetting(const std::string& name, bool secret);

 private:
  Result<std::string> Said(const std::string& expression, uint32_t line, int depth);
  Result<std::string> Native(const WrittenValue& value, int depth);

  std::map<std::string, WrittenValue> state_;
  std::map<std::string, std::string> said_;
  std::vector<Setting> settings_;
};

/// The parts of one endpoint. `endpoint`: merged with the spec's defaults. Errors: kConfig (WrittenError), the reason.
Result<Map> ReadSlingEndpoint(const WrittenValue& endpoint, const std::string& base_url, SlingTexts* texts);

}  // namespace firn::connector::foreign
