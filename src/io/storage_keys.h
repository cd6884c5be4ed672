#pragma once

#include <functional>
#include <memory>

#include "base/clock.h"
#include "io/object_settings.h"
#include "io/s3_library.h"
#include "io/sts.h"

namespace firn::io {

/// Where AWS requests get their keys from; asked before each. Thread-safe.
using AwsKeySource = std::function<Result<TemporaryKeys>()>;

/// The keys that `settings` mean: a role, assumed with a web identity token or with the keys below; keys of their own;
/// else the provider's chain (environment, profile files, single sign-on, web identity, the machine's role), by the S3
/// library. Nothing is asked for before the first call. Errors of the source: kAuth (there are none, refused),
/// kUnreachable. `library`, `clock` outlive it.
AwsKeySource MakeKeySource(const ObjectStoreSettings& settings, S3Library& library, const Clock& clock);

/// Where roles are assumed: `sts_endpoint`, AWS_ENDPOINT_URL_STS, the store's own endpoint, AWS_ENDPOINT_URL, else AWS.
std::string StsEndpoint(const ObjectStoreSettings& settings);
/// The region of `settings`, else AWS_REGION, AWS_DEFAULT_REGION, else us-east-1.
std::string RegionOrDefault(const ObjectStoreSettings& settings);

}  // namespace firn::io
