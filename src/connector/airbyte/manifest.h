#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "connector/airbyte/component.h"

namespace firn::connector::airbyte {

/// A connector as its manifest.yaml describes it: one tree of components, references and parameters resolved. It is the
/// plan that source/airbyte runs. Immutable.
struct Manifest {
  Component root;

  /// The streams written in the manifest, `conditional_streams` left aside; dynamic ones are not among them.
  std::vector<Component> Streams() const { return root.Children("streams"); }
};

/// Reads, resolves and checks a manifest. `name`: its file, for messages and for schema files beside it.
/// Errors: kConfig with the place of the mistake.
Result<Manifest> LoadManifest(std::string_view text, const std::string& name);

}  // namespace firn::connector::airbyte
