#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "base/clock.h"
#include "io/http_client.h"
#include "io/http_session.h"
#include "source/airbyte/interpolation.h"
#include "source/airbyte/values.h"
#include "source/excerpt.h"

namespace firn::source::airbyte {

class Messages;
class ResponseCache;
class TokenStore;
class ApiBudget;
class ConfigKeeper;

/// What the components of one run share. Borrowed by all of them; outlives them.
struct RunContext {
  Value config;  // after migrations and transformations
  const Clock* clock = nullptr;
  io::HttpClient* http = nullptr;
  io::HttpCounters* counters = nullptr;  // null: nobody counts
  double sleep_scale = 1.0;
  std::stop_token stop;
  Messages* messages = nullptr;
  ResponseCache* cache = nullptr;
  TokenStore* tokens = nullptr;
  ApiBudget* budget = nullptr;     // null: no limits
  ConfigKeeper* keeper = nullptr;  // null: the configuration never changes
  bool strict_bodies = false;      // an answer that cannot be read is an error; else it has no records
  std::string manifest_folder;     // where schema files may lie
  Value catalog;                   // of `read`; undefined: everything is wanted
  Excerpt excerpt;

  /// The properties of the schema that the catalog has for a stream: its selected fields; nullopt: all are.
  std::optional<Value> SelectedOf(const std::string& stream) const;

  /// A scope that knows the configuration.
  Scope NewScope() const {
    Scope scope(clock);
    scope.Set("config", config);
    return scope;
  }
  /// Sends once and counts it. Errors: as HttpClient::Send.
  Result<io::HttpResponse> Send(io::HttpRequest request) const;
  /// Waits as the reference runtime would: scaled, and with a scale below 1 never longer than 0.2 s.
  Status Wait(double seconds) const;
};

}  // namespace firn::source::airbyte
