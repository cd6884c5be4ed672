#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

/// Values as other languages write them.
namespace firn::cli {

/// The text with each `@WORD@` (capitals and underscores) of `values` replaced; what is put in is not looked at again.
std::string Filled(std::string_view text, const std::map<std::string, std::string, std::less<>>& values);
/// A double-quoted string as JSON has it, which Python and YAML read the same way.
std::string Quoted(std::string_view text);
/// A list of them: ["a", "b"].
std::string QuotedList(const std::vector<std::string>& items);
/// Words for a POSIX shell; plain ones stay as they are.
std::string ShellWords(const std::vector<std::string>& words);
/// Words for ExecStart= of a systemd unit (systemd.service(5)): no variables, no specifiers.
std::string UnitWords(const std::vector<std::string>& words);
/// A path as WorkingDirectory= of a unit takes it: without quotes, to the end of the line.
std::string UnitPath(std::string_view path);
/// A name of letters, digits and `separator` that begins with a letter; other characters become the separator.
std::string SafeName(std::string_view text, char separator);

}  // namespace firn::cli
