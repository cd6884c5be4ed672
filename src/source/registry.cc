#include "source/registry.h"

#include <utility>

namespace firn::source {

Status SourceRegistry::Add(SourceType type) {
  std::string name = type.name;
  if (!types_.emplace(name, std::move(type)).second)
    return MakeError(Fault::kBug, "source type registered twice: " + name);
  return Status::OK();
}

const SourceType* SourceRegistry::Find(std::string_view name) const {
  const auto found = types_.find(name);
  return found == types_.end() ? nullptr : &found->second;
}

std::vector<std::string> SourceRegistry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, type] : types_) names.push_back(name);
  return names;
}

Result<const SourceType*> SourceRegistry::TypeOf(const config::PipelineConfig& pipeline) const {
  const std::string_view name = TypeNameOf(pipeline.source);
  if (const SourceType* type = Find(name)) return type;
  return MakeError(Fault::kConfig,
                   "pipeline " + pipeline.name + ": this build has no source type " + std::string(name));
}

Status SourceRegistry::Validate(const PipelineContext& context) const {
  ARROW_ASSIGN_OR_RAISE(const SourceType* type, TypeOf(*context.pipeline));
  return type->validate(context);
}

Result<std::unique_ptr<Source>> SourceRegistry::Build(const PipelineContext& context, const Services& services) const {
  ARROW_ASSIGN_OR_RAISE(const SourceType* type, TypeOf(*context.pipeline));
  return type->build(context, services);
}

std::string_view TypeNameOf(const config::SourceConfig& source) {
  return config::SourceTypeOf(source);
}

}  // namespace firn::source
