#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "config/span.h"

/// Bytes of a text file and their lines and columns.
namespace firn::config {

struct BadByte {
  size_t offset = 0;
  std::string problem;  // "the file holds a NUL character", "the file is not valid UTF-8"
};

/// Returns the first byte that a project file must not hold: a control character but tab, LF and CR, or bytes that are
/// not UTF-8 (overlong forms and surrogates included).
std::optional<BadByte> FindBadByte(std::string_view text);

/// Returns the length in bytes of the UTF-8 sequence that `text` starts with, 0 if it starts with none.
size_t CodePointBytes(std::string_view text);

/// Returns the number of code points; broken bytes count as one each.
size_t NumCodePoints(std::string_view text);

/// Returns an empty range at a byte of the file.
Span PointAtByte(const std::shared_ptr<const SourceFile>& file, size_t offset);

/// Returns a line's text without its end, empty past the last one. `line` counts from 1.
std::string_view LineOf(const SourceFile& file, uint32_t line);

/// True if the white space that begins the line holds a tab.
bool IndentedByTab(const SourceFile& file, uint32_t line);

/// Returns at most 60 code points of `text`, control characters shown as '?', for use inside a message.
std::string Shown(std::string_view text);

}  // namespace firn::config
