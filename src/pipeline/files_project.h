#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "pipeline/probe.h"

/// `firn init FOLDER`: what the names of files tell, and the project that follows from it. Pure.
namespace firn::pipeline {

/// Files that have one kind of rows, by their names.
struct FileGroup {
  std::string table;
  std::vector<std::string> patterns;  // match its files, and none of another group
  std::string kind;                   // "csv", "json" or "parquet": a table has files of one of them
  int64_t num_files = 0;
};

struct FilesReport {
  std::string location;  // as the project is to say it
  std::vector<FileGroup> groups;
  std::vector<std::string> left_out;  // of no kind that is read
};

/// Whether later files of the same kind are meant too.
enum class Naming { kSimilar, kExact };

/// Groups files whose names differ in numbers, dates and ids alone: "2024/orders-01.csv" and "2025/orders-02.csv.gz"
/// are the table `orders`. `paths`: below the location; members of archives as "a.zip/orders.csv". Hidden ones are
/// passed over. Errors: kConfig E0987 if none is of a kind that is read.
Result<FilesReport> GroupFiles(std::string location, const std::vector<std::string>& paths, Naming naming);

/// The findings for people, a line each.
std::vector<std::string> FindingLines(const FilesReport& report);

/// The project that reads them.
ProbeProject ProjectOf(const FilesReport& report);

}  // namespace firn::pipeline
