// What ParseTape takes, TapeText writes so that it is read back.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "io/exchange_tape.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto read = firn::io::ParseTape({reinterpret_cast<const char*>(data), size}, "fuzz");
  if (!read.ok()) return 0;
  const auto text = firn::io::TapeText(*read);
  if (!text.ok()) return 0;
  const auto again = firn::io::ParseTape(*text, "fuzz");
  FIRN_CHECK(again.ok());
  FIRN_CHECK(again->body == read->body && again->request_body == read->request_body && again->url == read->url);
  return 0;
}
