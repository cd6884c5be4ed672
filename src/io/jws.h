#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace firn::io {

struct JwsKey {
  std::string algorithm;   // HS, RS, PS or ES and 256, 384 or 512 (RFC 7518 §3.1)
  std::string key;         // HS: the shared bytes; else a private key in PEM form
  std::string passphrase;  // of that PEM; empty: not encrypted
};

/// Signs a header and a payload, both JSON texts: the compact form `header.payload.signature` of RFC 7515 §7.1, which a
/// JSON web token is in. Errors: kConfig for an unknown algorithm, and a key that is none or does not fit it.
Result<std::string> SignJws(const JwsKey& key, std::string_view header_json, std::string_view payload_json);

}  // namespace firn::io
