#include "connector/airbyte/check_manifest.h"

#include <string>

namespace firn::connector::airbyte {

Status CheckManifest(const Manifest& manifest) {
  const Component& root = manifest.root;
  if (root.type() != "DeclarativeSource") {
    return ManifestError(root, "a manifest is a DeclarativeSource, this one is a " + root.type());
  }
  if (!root.Has("check")) return ManifestError(root, "the manifest has no `check`");
  if (!root.Has("streams") && !root.Has("dynamic_streams")) {
    return ManifestError(root, "the manifest has neither `streams` nor `dynamic_streams`");
  }
  for (const Component& stream : root.Children("streams")) {
    if (stream.type() != "DeclarativeStream" && stream.type() != "StateDelegatingStream" &&
        stream.type() != "ConditionalStreams") {
      return ManifestError(stream, "a stream of the unknown type " + stream.type());
    }
  }
  return Status::OK();
}

}  // namespace firn::connector::airbyte
