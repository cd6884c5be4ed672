#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "source/files/file_input.h"
#include "source/files/row_cutter.h"
#include "source/files/source.h"

namespace firn::source::files {

/// What a file holds: as the table says, else by its name, else by its first bytes (unpacked).
/// Errors: kBadData E0883 naming what it seems to be.
Result<config::FileFormat> FormatOf(const config::FilesConfig& files, const std::string& path,
                                    std::string_view first_bytes);

/// Whether an answer is a page for people, as of a login: by its Content-Type or its first bytes.
bool IsWebPage(std::string_view content_type, std::string_view first_bytes);

/// Errors: kConfig for characters that cannot go together, E0497 for an unknown encoding.
Status CheckCsv(const config::CsvConfig& config);

/// As UnpackedInput::SkipTo, by the line ends that the mark knows.
Result<UnpackedInput::Skipped> SkipTo(UnpackedInput& input, Mark* mark);

/// Makes the cutter for a file of that format. `text_bytes_max`: that the input can give, for which buffers are made.
/// `reads_ahead`: worth a thread. `from`: where the input stands. `input` is borrowed.
Result<std::unique_ptr<RowCutter>> MakeRowCutter(UnpackedInput& input, const FilesOptions& options,
                                                 const FilesTable& table, config::FileFormat format,
                                                 int64_t text_bytes_max, bool reads_ahead, const Mark& from);

}  // namespace firn::source::files
