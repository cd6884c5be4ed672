#pragma once

#include <string>

#include "config/project.h"
#include "source/source.h"

namespace firn::pipeline {

/// What a table of a project can promise, derived from its source and its write disposition. `firn plan` shows it; the
/// page docs/reference/guarantees.md is made from GuaranteeTable().
struct Guarantee {
  enum class Level { kExactlyOnce, kEffectivelyOnceByKey, kAtLeastOnce };
  Level level = Level::kExactlyOnce;
  std::string why;
  /// Whether a stopped run keeps what it has read.
  bool keeps_progress = false;
  std::string progress_why;
};

Guarantee GuaranteeOf(const config::TableConfig& table, const source::TableTraits& traits);
const char* ToString(Guarantee::Level level);

/// All combinations as a Markdown table.
std::string GuaranteeTable();

}  // namespace firn::pipeline
