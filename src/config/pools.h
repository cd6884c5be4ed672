#pragma once

#include <string>
#include <vector>

#include "config/lowering.h"

namespace firn::config {

/// `pool` of a source: how many pipelines may read at the same time.
Field PoolField();
/// Reads it from the source at `path`, sorted by name. Errors: E0627.
std::vector<PoolConfig> LowerPools(const ObjectView& source, const std::string& path, const LoweringContext& context);
/// Judges that the pipelines of a project agree how many slots a pool has (E0627).
void JudgePools(const std::vector<PipelineConfig>& pipelines, const LoweringContext& context);

}  // namespace firn::config
