#pragma once

#include <string>
#include <vector>

#include "base/status.h"
#include "config/declared_tables.h"
#include "connector/airbyte/manifest.h"

namespace firn::connector::airbyte {

/// Reads a manifest file. Errors: kConfig for one that cannot be read, is larger than 16 MiB, or cannot be resolved.
Result<Manifest> ReadManifest(const std::string& path);

/// Returns what a manifest declares of its streams, those of conditions included; streams that only the API names are
/// not known here.
std::vector<config::DeclaredStream> StreamsOf(const Manifest& manifest);

/// The same of the manifest at `path`. Errors: those of ReadManifest.
Result<std::vector<config::DeclaredStream>> DeclaredStreams(const std::string& path);

}  // namespace firn::connector::airbyte
