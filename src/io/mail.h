#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace firn::io {

/// A message of plain text. Addresses are bare ("a@b.example") and hold no control characters.
struct Mail {
  std::string from;
  std::vector<std::string> to;
  std::string subject;  // one line; characters that are not ASCII become '?'
  std::string text;     // UTF-8
  std::string id;       // unique, of letters, digits, '.', '-'
};

/// The message as it is transferred (RFC 5322; the body as base64), lines ended by CRLF.
std::string RenderMail(const Mail& mail, Timestamp now);

/// Hands the message to a mail server. `server`: smtp:// or smtps:// URL, user name and password in it. A password is
/// sent over TLS alone, unless the server is on this machine. Errors, without the password: kTransient when the server
/// cannot be reached in time, kAuth, kConfig when it refuses the message.
Status SendMail(const std::string& server, const Mail& mail, Timestamp now, std::chrono::milliseconds deadline);

}  // namespace firn::io
