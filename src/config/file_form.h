#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "config/descriptor.h"
#include "config/files_config.h"

/// How a file of rows is written: what tables of files and downloads say of it.
namespace firn::config {

ObjectTypePtr CsvType();
/// `format`, `compression`, `members`, `csv` and `records` of a file that is downloaded.
std::vector<Field> DownloadFields();

FileFormat FileFormatOf(std::string_view name);            // "auto" for any other
FileCompression FileCompressionOf(std::string_view name);  // the same

/// Told of a value of a field that cannot be, and what to write instead.
using RefuseField = std::function<void(const std::string& field, std::string what, std::string help)>;
CsvConfig CsvConfigOf(const ObjectView& csv, const RefuseField& refuse);
/// `refuse` is told of fields of `csv`.
DownloadConfig DownloadConfigOf(const ObjectView& download, const RefuseField& refuse);

}  // namespace firn::config
