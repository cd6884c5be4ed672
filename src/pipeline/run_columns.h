#pragma once

#include <cstdint>

/// Names that every loaded table shares.
namespace firn::pipeline {

inline constexpr char kLoadedAtColumn[] = "_firn_loaded_at";  // timestamptz: when the run that wrote the row began
inline constexpr char kRunIdColumn[] = "_firn_run_id";        // string

// What all engines read: Athena, older Trino and others know no deletion vectors.
inline constexpr int32_t kFormatVersionOfNewTables = 2;

/// File in the folder of an archived run that says its rows were committed.
inline constexpr char kArchiveMark[] = "COMMITTED.json";

}  // namespace firn::pipeline
