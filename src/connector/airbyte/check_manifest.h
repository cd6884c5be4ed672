#pragma once

#include "base/status.h"
#include "connector/airbyte/manifest.h"

namespace firn::connector::airbyte {

/// Checks what holds for a manifest as a whole, before any of it runs: the root's type and version, a `check`, streams
/// of a known kind. What one stream needs is checked when that stream is made, so that the others run.
/// Errors: kConfig.
Status CheckManifest(const Manifest& manifest);

}  // namespace firn::connector::airbyte
