#include "io/postgres_target.h"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <string_view>

#include "base/redactor.h"

namespace firn::io {
namespace {

constexpr std::array<std::string_view, 12> kKeywords = {"host",
                                                        "hostaddr",
                                                        "port",
                                                        "dbname",
                                                        "user",
                                                        "password",
                                                        "sslmode",
                                                        "sslrootcert",
                                                        "channel_binding",
                                                        "application_name",
                                                        "target_session_attrs",
                                                        "connect_timeout"};
constexpr int64_t kConnectTimeoutMsMax = 300'000;

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

bool IsThisMachine(const std::map<std::string, std::string>& parameters) {
  const auto found = parameters.find("host");
  const std::string host = found == parameters.end() ? "" : found->second;
  return host.empty() || host.front() == '/' || host == "localhost" || host == "127.0.0.1" || host == "::1";
}

Status Refused(const std::string& setting, const std::string& what) {
  return MakeError(Fault::kConfig, setting + ": " + what,
                   {.state = "nothing was changed", .next = "write postgresql://user@host:5432/database"});
}

}  // namespace

Result<PostgresTarget> ParsePostgresTarget(const std::string& uri, const std::string& password,
                                           const std::string& setting) {
  if (!uri.starts_with("postgresql://") && !uri.starts_with("postgres://")) {
    return Refused(setting, "not a postgresql:// address");  // "host=… passfile=…" is not taken
  }
  char* error = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> options(PQconninfoParse(uri.c_str(), &error));
  if (error != nullptr) PQfreemem(error);  // not shown: it repeats the address, password and all
  if (options == nullptr) return Refused(setting, "not a postgresql:// address that can be read");
  PostgresTarget target{.setting = setting};
  for (const PQconninfoOption* option = options.get(); option->keyword != nullptr; ++option) {
    if (option->val == nullptr) continue;
    if (std::ranges::find(kKeywords, option->keyword) == kKeywords.end()) {
      return Refused(setting, std::string("`") + option->keyword + "` is not allowed in it");
    }
    target.parameters[option->keyword] = option->val;
  }
  if (!password.empty()) target.parameters.emplace("password", password);
  const auto secret = target.parameters.find("password");
  if (secret != target.parameters.end()) ProcessRedactor().AddSecret(secret->second);
  target.parameters.emplace("application_name", "firn");
  target.parameters.emplace("sslmode", IsThisMachine(target.parameters) ? "prefer" : "verify-full");
  if (const auto timeout = target.parameters.find("connect_timeout"); timeout != target.parameters.end()) {
    int64_t seconds = 0;
    const std::string& text = timeout->second;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failed != std::errc() || end != text.data() + text.size() || seconds < 1) {
      return Refused(setting, "`connect_timeout` is not a number of seconds");
    }
    target.connect_timeout_ms = std::min(seconds * 1000, kConnectTimeoutMsMax);
  }
  const auto text = [&](const char* keyword) {
    const auto found = target.parameters.find(keyword);
    return found == target.parameters.end() ? std::string() : found->second;
  };
  target.shown =
      "postgresql://" + text("host") + (text("port").empty() ? "" : ":" + text("port")) + "/" + text("dbname");
  return target;
}

}  // namespace firn::io
