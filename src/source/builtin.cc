#include "source/builtin.h"

#include "source/rest/type.h"

namespace firn::source {

Status RegisterBuiltinSources(SourceRegistry& registry) {
  return registry.Add(rest::Type());
}

}  // namespace firn::source
