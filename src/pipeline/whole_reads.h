#pragma once

#include <optional>
#include <string>

#include "config/table_config.h"
#include "state/run_record.h"

namespace firn::pipeline {

/// What it means that a table is read whole at each run: up to so many rows that is the default, and plain and exact;
/// from there on reading what changed is worth its settings.
inline constexpr int64_t kWholeReadRowsMax = 1'000'000;

struct WholeReads {
  std::optional<config::Choice> choice;  // the default, with what it costs
  std::string warning;                   // the table has grown beyond it; empty: it has not
};

/// `rows`: of the table, nullopt if it is not known. `last`: the last run of it; null: there is none. Says nothing of
/// tables that are read by a cursor, that are children, or that append.
WholeReads JudgeWholeReads(const config::TableConfig& table, std::optional<int64_t> rows,
                           const state::TableRecord* last);

}  // namespace firn::pipeline
