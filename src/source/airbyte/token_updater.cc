#include "source/airbyte/token_updater.h"

#include <mutex>

#include "source/airbyte/config_keeper.h"
#include "source/airbyte/messages.h"

namespace firn::source::airbyte {
namespace {

Path PathField(const Component& component, std::string_view field, Path otherwise) {
  const auto* found = component.Find(field);
  if (found == nullptr || found->kind() != expression::Value::Kind::kList) return otherwise;
  Path path;
  for (const auto& step : found->as_list()) path.push_back(expression::ToText(step));
  return path;
}

}  // namespace

UpdaterPaths PathsOf(const Component& updater) {
  return {.access_token = PathField(updater, "access_token_config_path", {"credentials", "access_token"}),
          .refresh_token = PathField(updater, "refresh_token_config_path", {"credentials", "refresh_token"}),
          .expiry = PathField(updater, "token_expiry_date_config_path", {"credentials", "token_expiry_date"})};
}

Value CurrentConfig(const RunContext& run) {
  return run.keeper == nullptr ? run.config : run.keeper->config();
}

Status KeepTokens(const RunContext& run, const Component& updater, const Value& access_token,
                  const Value& refresh_token, const Moment& expires) {
  const UpdaterPaths paths = PathsOf(updater);
  Value config = WithValueAt(CurrentConfig(run), paths.access_token, 0, access_token);
  if (jinja::Truthy(refresh_token)) config = WithValueAt(config, paths.refresh_token, 0, refresh_token);
  const bool whole = expires.micros % 1'000'000 == 0;
  const std::string text = FormatMoment(expires, whole ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%S.%fZ");
  config = WithValueAt(config, paths.expiry, 0, Value::String(text));
  if (run.keeper != nullptr) run.keeper->Keep(config);
  return run.messages->Control(jinja::ToJson(config));
}

}  // namespace firn::source::airbyte
