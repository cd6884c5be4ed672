#pragma once

#include <string>

#include "base/status.h"
#include "config/declared_tables.h"
#include "connector/airbyte/manifest.h"

namespace firn::connector::airbyte {

/// Reads a manifest file. Errors: kConfig E0502 for one that cannot be read, is larger than 16 MiB, or cannot be
/// resolved.
Result<Manifest> ReadManifest(const std::string& path);

/// Returns what a manifest declares: its streams, those of conditions included, and the settings it needs.
config::ConnectorDeclaration DeclarationOf(const Manifest& manifest);

/// The same of the manifest at `path`. Errors: those of ReadManifest.
Result<config::ConnectorDeclaration> DeclarationAt(const std::string& path);

}  // namespace firn::connector::airbyte
