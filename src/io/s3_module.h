#pragma once

#include <arrow/filesystem/type_fwd.h>
#include <arrow/result.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "io/object_settings.h"

/// What stands between firn and libfirn_s3.so, the one part that links Arrow's S3 library: 17 MB that would be loaded
/// at every start otherwise. Both sides are always of one build.
namespace firn::io {

struct S3Keys {
  std::string access_key;
  std::string secret_key;
  std::string session_token;
};

/// How requests are repeated: full jitter under min(delay_ms_max, delay_ms·2^n), so the waits of one request are
/// bounded by attempts_max. Throttling (503 SlowDown), 5xx, resets and timeouts are; all S3 requests made here can be
/// repeated without harm.
struct S3Retries {
  int64_t attempts_max = 10;
  int64_t delay_ms = 200;
  int64_t delay_ms_max = 20'000;
  double sleep_scale = 1.0;
};

struct S3ConnectOptions {
  ObjectStoreSettings settings;
  std::string bucket;  // to find its region where none is given
  S3Retries retries;
};

struct S3Connection {
  std::shared_ptr<arrow::fs::FileSystem> files;
  std::function<S3Keys()> keys;  // current ones, renewed by the chain; empty: anonymous. Thread-safe
  std::string endpoint;          // "https://s3.eu-west-1.amazonaws.com", without bucket
  std::string region;
  bool path_style = false;
  std::string ca_file;
};

struct S3Module {
  arrow::Status (*start)();
  arrow::Status (*stop)();
  arrow::Result<S3Connection> (*connect)(const S3ConnectOptions& options);
  arrow::Result<std::function<S3Keys()>> (*keys)(const ObjectStoreSettings& settings);  // without a role
};

}  // namespace firn::io

extern "C" const firn::io::S3Module* firn_s3_module();
