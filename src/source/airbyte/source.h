#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "connector/airbyte/manifest.h"
#include "source/airbyte/api_budget.h"
#include "source/airbyte/authenticator.h"
#include "source/airbyte/config_keeper.h"
#include "source/airbyte/http_exchange.h"
#include "source/airbyte/messages.h"
#include "source/airbyte/stream.h"

namespace firn::source::airbyte {

/// One run of a manifest: the commands of an Airbyte source. Messages go to the writer; what went wrong with a stream
/// is a message too. Used by one thread, but for ReadOne.
class ManifestSource {
 public:
  struct Options {
    const Clock* clock = nullptr;
    io::HttpClient* http = nullptr;
    Messages* messages = nullptr;
    std::stop_token stop;
    std::string manifest_folder;  // of schema files
    int threads = 1;              // streams read at the same time
    Excerpt excerpt;
  };
  /// `config`: the user's. Config migrations and transformations are applied; a migrated one goes out as CONTROL.
  /// Errors: kConfig.
  static Result<std::unique_ptr<ManifestSource>> Make(const connector::airbyte::Manifest& manifest, Value config,
                                                      Options options);

  /// What `spec` prints, without a configuration.
  static Result<Value> Spec(const connector::airbyte::Manifest& manifest);

  /// Tries the streams that the manifest's check names. Errors: why the connector cannot read.
  Status Check();
  /// Returns the streams of a CATALOG. A stream that cannot be made is named in a LOG and left out.
  Result<Value> Discover();
  /// Returns the JSON schema of a stream. May ask the API. Errors: kConfig E0503; those of its loader.
  Result<Value> SchemaOf(const std::string& name);
  /// Judges the configuration, after its migrations, by the manifest's specification. Errors: kConfig E0993.
  Status CheckConfig() const;
  /// Reads the streams of a catalog (undefined: all, full refresh). `state`: a list of STREAM states, or undefined.
  /// `only`: names; empty: all. Returns whether every stream was read; each failure was written.
  Result<bool> Read(const Value& catalog, const Value& state, const std::set<std::string>& only);
  /// Reads one stream; what it says goes to `messages`, its requests are added to `counters`. `state`: as it gave it
  /// last, an empty map if nothing. Several may be read at the same time. Errors: kConfig E0503 for a stream that is
  /// not there; those of reading.
  Status ReadOne(const std::string& name, const Value& state, Messages& messages, io::HttpCounters& counters,
                 std::stop_token stop);

  const RunContext& run() const { return run_; }
  /// The streams of the manifest with this configuration, dynamic ones too.
  Result<std::vector<Component>> Streams();

 private:
  explicit ManifestSource(const connector::airbyte::Manifest& manifest) : manifest_(manifest) {}
  Status PrepareConfig(Value config);
  Result<std::vector<Component>> StaticStreams() const;
  Result<Component> FindStream(const std::string& name);
  Status CheckStream(const Component& stream);
  Status ReadStream(const Component& component, const Value& state, const RunContext& run);
  bool ReadStreamSafely(const Component& component, const Value& state);

  const connector::airbyte::Manifest& manifest_;
  RunContext run_;
  ResponseCache cache_;
  TokenStore tokens_;
  std::unique_ptr<ApiBudget> budget_;
  std::unique_ptr<ConfigKeeper> keeper_;
  std::set<std::string> parent_names_;
  std::mutex streams_mutex_;  // of streams_ and parent_names_ while they are made
  std::optional<std::vector<Component>> streams_;
  int threads_ = 1;
};

}  // namespace firn::source::airbyte
