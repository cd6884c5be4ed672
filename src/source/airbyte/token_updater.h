#pragma once

#include "source/airbyte/dpath.h"
#include "source/airbyte/moment.h"
#include "source/airbyte/run_context.h"

namespace firn::source::airbyte {

/// Where in the configuration single-use tokens are kept.
struct UpdaterPaths {
  Path access_token, refresh_token, expiry;
};
UpdaterPaths PathsOf(const Component& updater);

/// The run's configuration with the tokens that were renewed since it began.
Value CurrentConfig(const RunContext& run);

/// Puts renewed tokens into the configuration and tells the platform by a CONTROL message, written out before the token
/// is used: the old refresh token is worth nothing from now on.
Status KeepTokens(const RunContext& run, const Component& updater, const Value& access_token,
                  const Value& refresh_token, const Moment& expires);

}  // namespace firn::source::airbyte
