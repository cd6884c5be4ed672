#include "source/builtin.h"

#include "source/airbyte/type.h"
#include "source/files/type.h"
#include "source/process/type.h"
#include "source/rest/type.h"
#include "source/steps/type.h"

namespace firn::source {

Status RegisterBuiltinSources(SourceRegistry& registry, const std::stop_token& stop) {
  ARROW_RETURN_NOT_OK(registry.Add(airbyte::Type()));
  ARROW_RETURN_NOT_OK(registry.Add(files::Type(stop)));
  ARROW_RETURN_NOT_OK(registry.Add(process::Type()));
  ARROW_RETURN_NOT_OK(registry.Add(rest::Type()));
  return registry.Add(steps::Type());
}

}  // namespace firn::source
