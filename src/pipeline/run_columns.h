#pragma once

/// The columns that every row of a loaded table carries besides its own.
namespace firn::pipeline {

inline constexpr char kLoadedAtColumn[] = "_firn_loaded_at";  // timestamptz: when the run that wrote the row began
inline constexpr char kRunIdColumn[] = "_firn_run_id";        // string

}  // namespace firn::pipeline
