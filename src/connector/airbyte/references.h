#pragma once

#include "base/status.h"
#include "expression/value.h"

namespace firn::connector::airbyte {

/// Replaces every `$ref: "#/a/b"` and every text "#/a/b" by what stands there. Keys beside a `$ref` win over those of
/// the map it names. A path is first looked for as one key, then piece by piece, so that keys may hold slashes.
/// Errors: kConfig for a reference to nothing, to itself, or a tree that grows beyond all reason.
Result<expression::Value> ResolveReferences(const expression::Value& manifest);

}  // namespace firn::connector::airbyte
