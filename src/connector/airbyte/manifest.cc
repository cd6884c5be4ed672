#include "connector/airbyte/manifest.h"

#include <utility>

#include "connector/airbyte/check_manifest.h"
#include "connector/airbyte/manifest_yaml.h"
#include "connector/airbyte/parameters.h"
#include "connector/airbyte/references.h"

namespace firn::connector::airbyte {

Result<Manifest> LoadManifest(std::string_view text, const std::string& name) {
  ARROW_ASSIGN_OR_RAISE(const Value written, ParseManifestYaml(text, name));
  if (written.kind() != Value::Kind::kMap) return MakeError(Fault::kConfig, "the manifest " + name + " is no mapping");
  Map root = written.as_map();
  if (FindKey(root, "type") == nullptr) SetKey(root, "type", Value::String("DeclarativeSource"));
  ARROW_ASSIGN_OR_RAISE(const Value resolved, ResolveReferences(MapOf(std::move(root))));
  Manifest manifest{.root = Component(PropagateParameters(resolved), "")};
  ARROW_RETURN_NOT_OK(CheckManifest(manifest));
  return manifest;
}

}  // namespace firn::connector::airbyte
