#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/http_headers.h"

namespace firn::io {

/// One request and its complete answer.
struct Exchange {
  std::string method;
  std::string url;
  std::string request_body;
  int status = 0;
  std::string effective_url;  // after redirects; empty: `url`
  HttpHeaders headers;        // of the answer
  std::string body;           // decoded
};

/// A tape is a folder with one text file per exchange, for people to read and version control to compare:
///
///   firn tape 1
///   GET https://api.example/v1/orders?page=2
///   body: empty                       of the request: empty, json (indented) or text
///   === answer 200
///   url: https://api.example/v2/orders?page=2      after redirects alone
///   content-type: application/json
///   body: json
///   {
///     "id": 1
///   }
///
/// Names tell method and path ("get-v1-orders-0002.txt"); files of one name are numbered by URL and body, so that
/// recording again gives the same files whatever the order of the answers was. Equal requests keep their order.
inline constexpr int kTapeVersion = 1;
inline constexpr int64_t kTapeBytesMax = int64_t{5} << 20;
inline constexpr size_t kTapeFilesMax = 5'000;

/// One file of it. Text only: no NUL, no line "=== answer" in the request. Errors: kConfig E0742.
Result<std::string> TapeText(const Exchange& exchange);
/// Reads it; JSON bodies are compact. `name`: for errors. Errors: kBadData E0741 with name and line.
Result<Exchange> ParseTape(std::string_view text, const std::string& name);

/// Replaces the tape in `folder`. Errors: kConfig E0743 above kTapeBytesMax or kTapeFilesMax; E0742; of the disk.
Status WriteTape(const std::filesystem::path& folder, std::vector<Exchange> exchanges);
/// Returns the exchanges in the order of their files. Errors: kBadData E0741; kConfig E0743.
Result<std::vector<Exchange>> ReadTape(const std::filesystem::path& folder);

}  // namespace firn::io
